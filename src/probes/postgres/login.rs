use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    greeting::method_name,
    session::{Answer, Login, Session, log_in},
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    net::certificate_facts,
    probes::{Probe, Scope, random_text},
};

/// Logs in over connections of its own, with the right credentials or with wrong ones.
///
/// `accepted` means that the server said `AuthenticationOk`: it took our word for who we are. That can come without a
/// session (the database does not exist), and it tells a server that lets everybody in (`trust`) from one that refuses
/// an unknown role only because there is no such role.
pub(in crate::probes) struct LogIn;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Which credentials to show, one login each; the declared ones if not given.
    #[serde(default = "declared")]
    credentials: Vec<Credentials>,
    /// Whether to speak plain text although TLS is declared.
    #[serde(default)]
    plaintext: bool,
    /// The declared replica of this number, from 0, instead of the contract's address.
    replica: Option<usize>,
}

/// Which credentials to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Credentials {
    /// Those of the configuration.
    Declared,
    /// The declared role with a password nobody has.
    RandomPassword,
    /// The declared role with an empty password.
    EmptyPassword,
    /// A role nobody has, with a password nobody has.
    UnknownRole,
}

fn declared() -> Vec<Credentials> {
    vec![Credentials::Declared]
}

impl Probe for LogIn {
    const NAME: &'static str = "postgres.login";
    const ABOUT: &'static str = "logs in over connections of its own";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether the server said that we are who we say; of several logins, of any" },
        Fact { name: "session", about: "whether a session came of it" },
        Fact {
            name: "auth_method",
            about: "what the server asked for: scram-sha-256, md5, password, none; null if it refused before",
        },
        Fact { name: "sqlstate", about: "the SQLSTATE of a refusal" },
        Fact { name: "message", about: "the message of a refusal" },
        Fact { name: "is_declared_user", about: "whether the session's role is the declared one" },
        Fact { name: "is_declared_database", about: "whether the session's database is the declared one" },
        Fact { name: "tls", about: "the session's TLS: version, certificate; null without" },
        Fact { name: "attempts", about: "of several logins: all of the above for each" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut attempts = Vec::new();
        for credentials in &with.credentials {
            let login = with.login(*credentials, &scope, &target)?;
            attempts.push(attempt(&scope, &target, &login).await?);
        }
        let is_accepted = |facts: &&Facts| facts["accepted"] == json!(true);
        let decisive = attempts.iter().find(is_accepted).or(attempts.last()).cloned();
        let mut facts =
            decisive.ok_or_else(|| Trouble::unable("plan", "harness.parameters", "`credentials` names none"))?;
        if attempts.len() > 1 {
            facts.insert("attempts".to_owned(), json!(attempts));
        }
        Ok(facts)
    }
}

impl With {
    fn login(&self, credentials: Credentials, scope: &Scope, target: &Target) -> Result<Login, Trouble> {
        let mut login = Login::declared(target, self.replica)?;
        login.plaintext = self.plaintext;
        match credentials {
            Credentials::Declared => {}
            Credentials::RandomPassword => login.password = Some(random_text()?),
            Credentials::EmptyPassword => login.password = Some(String::new()),
            Credentials::UnknownRole => {
                login.user = scope.run.scratch_identifier();
                login.password = Some(random_text()?);
            }
        }
        Ok(login)
    }
}

async fn attempt(scope: &Scope, target: &Target, login: &Login) -> Result<Facts, Trouble> {
    match log_in(scope, target, login).await? {
        Answer::Accepted(session) => facts_of(scope, login, &session).await,
        Answer::Refused(refusal, seen) => Ok(Facts::from_iter([
            ("accepted".to_owned(), json!(seen.passed)),
            ("session".to_owned(), json!(false)),
            ("auth_method".to_owned(), json!(seen.first.map(method_name))),
            ("sqlstate".to_owned(), json!(refusal.sqlstate)),
            ("message".to_owned(), json!(refusal.message)),
        ])),
    }
}

async fn facts_of(scope: &Scope, login: &Login, session: &Session) -> Result<Facts, Trouble> {
    let (user, database) = session.identity(scope).await?;
    let tls = match (&session.tls_version, session.certificates.first()) {
        (Some(version), Some(leaf)) => json!({"version": version, "certificate": certificate_facts(leaf)}),
        _ => Value::Null,
    };
    Ok(Facts::from_iter([
        ("accepted".to_owned(), json!(session.authentication.passed)),
        ("session".to_owned(), json!(true)),
        ("auth_method".to_owned(), json!(session.authentication.first.map(method_name))),
        ("is_declared_user".to_owned(), json!(user == login.user)),
        ("is_declared_database".to_owned(), json!(database == login.database)),
        ("tls".to_owned(), tls),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::faulty_server::{
        Behaviour::{Close, Drip, Flood, Reset, Say, Silence},
        scope_at,
    };

    async fn log_in_at(behaviour: crate::probes::faulty_server::Behaviour) -> Result<Facts, Trouble> {
        let with = With { credentials: declared(), plaintext: false, replica: None };
        LogIn::run(scope_at("postgres", behaviour).await, with).await
    }

    #[tokio::test]
    async fn the_driver_is_never_left_alone_with_foreign_bytes() {
        let cases = [
            (Silence, "proto.timeout"),
            (Close, "proto.closed"),
            (Reset, "tcp.reset"),
            (Say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "proto.mismatch"),
            (Drip(b"R\0\0\0\x20"), "proto.timeout"),
            // Four letters are a length of a gigabyte to the driver.
            (Flood(b"", b"AAAA"), "proto.mismatch"),
            (Say(b"R\0\0\0\x08\0\0\0\x07"), "auth.unsupported"),
        ];
        for (behaviour, class) in cases {
            let trouble = log_in_at(behaviour).await.expect_err("no server");
            assert_eq!(trouble.class, class, "{behaviour:?}: {trouble}");
        }
    }

    #[tokio::test]
    async fn a_role_that_is_trusted_but_unknown_counts_as_accepted() {
        let said = b"R\0\0\0\x08\0\0\0\0E\0\0\0\x28SFATAL\0C28000\0Mrole does not exist\0\0";
        let facts = log_in_at(Say(said)).await.expect("a refusal is a fact");
        assert_eq!(
            (&facts["accepted"], &facts["session"], &facts["sqlstate"]),
            (&json!(true), &json!(false), &json!("28000"))
        );
    }
}
