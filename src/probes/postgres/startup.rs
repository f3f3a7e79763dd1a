use serde_json::json;

use super::{
    greeting::{Greeting, greet, offers_tls},
    trouble,
};
use crate::{
    model::{Fact, Facts, Trouble},
    net::Stream,
    probes::{NoParameters, Probe, Scope},
};

/// Speaks the first words of the protocol, without a password, and hangs up.
///
/// A TCP connect proves nothing (the kernel accepts for a stopped process), and a session that is already open goes on
/// answering while nobody new gets in: only a new start-up tells. It asks for TLS (`SSLRequest`), then sends a
/// `StartupMessage` for the declared role and database, as PostgreSQL's own manual describes in "Message Flow,
/// Start-up". The declared role is used so that the server's log does not fill with unknown ones. Where TLS is declared
/// it ends with the answer to `SSLRequest`: the name of the role is not sent in plain text, and whether TLS is offered
/// and good is the next check's question.
pub(in crate::probes) struct Startup;

impl Probe for Startup {
    const NAME: &'static str = "postgres.startup";
    const ABOUT: &'static str = "speaks the start-up of the protocol without a password and hangs up";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "greeting",
            about: "`authentication`; `tls` where TLS is declared and the request for it was answered; `refusal` for an error of the server",
        },
        Fact {
            name: "auth_method",
            about: "what the server asks for: scram-sha-256, md5, password, gss, sspi, sasl, none",
        },
        Fact { name: "tls_offered", about: "whether the server answered `S` to the request for TLS" },
        Fact { name: "sqlstate", about: "the SQLSTATE of a refusal" },
        Fact { name: "message", about: "the message of a refusal" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let user = target.user.as_deref().unwrap_or("postgres");
        let database = target.database.as_deref().unwrap_or(user);
        let mut tcp = scope.dialler.tcp(&scope.clock, &target.address).await?;
        let tls_offered = offers_tls(&scope, &mut tcp).await?;
        let mut facts = Facts::from_iter([("tls_offered".to_owned(), json!(tls_offered))]);
        if target.tls.is_some() {
            facts.insert("greeting".to_owned(), json!("tls"));
            return Ok(facts);
        }
        if tls_offered {
            // After `S` only a handshake may follow, and none is declared: start again in plain text.
            tcp = scope.dialler.tcp(&scope.clock, &target.address).await?;
        }
        let greeting = greet(&scope, &mut Stream::Plain(tcp), user, database).await?;
        match greeting {
            Greeting::Authentication(method) => {
                facts.insert("greeting".to_owned(), json!("authentication"));
                facts.insert("auth_method".to_owned(), json!(method));
            }
            Greeting::Refusal(refusal) => {
                if let Some(trouble) = trouble::of_state("startup", &refusal.sqlstate, &refusal.message) {
                    return Err(trouble);
                }
                facts.insert("greeting".to_owned(), json!("refusal"));
                facts.insert("sqlstate".to_owned(), json!(refusal.sqlstate));
                facts.insert("message".to_owned(), json!(refusal.message));
            }
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::faulty_server::{
        Behaviour::{Close, Drip, Flood, Reset, Say, Silence},
        scope_at,
    };

    #[tokio::test]
    async fn a_server_that_is_none_is_told_in_time_and_by_name() {
        let cases = [
            (Silence, "proto.timeout"),
            (Close, "proto.closed"),
            (Reset, "tcp.reset"),
            (Say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "proto.mismatch"),
            (Say(b"\x15\x03\x01\0\x02\x02F"), "proto.mismatch"),
            // An SSH server's first letter is the one that means TLS.
            (Say(b"SSH-2.0-OpenSSH_9.2\r\n"), "proto.mismatch"),
            (Say(b"N"), "proto.timeout"),
            (Say(b"NE\0\0\0\x1dSFATAL\0C57P03\0Mstarting\0\0\0"), "proto.not_ready"),
            (Drip(b"NR\0\0\0"), "proto.timeout"),
            (Flood(b"N", b"AAAA"), "proto.mismatch"),
        ];
        for (behaviour, class) in cases {
            let scope = scope_at("postgres", behaviour).await;
            let trouble = Startup::run(scope, NoParameters {}).await.expect_err("no server");
            assert_eq!(trouble.class, class, "{behaviour:?}: {trouble}");
        }
    }
}
