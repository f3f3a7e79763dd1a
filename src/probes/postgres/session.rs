use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio_postgres::{
    Client, Config, SimpleQueryMessage,
    config::{SslMode, SslNegotiation},
};

use super::{
    frames::Authentication,
    greeting::{ServerError, method_name, open},
    trouble,
    wire::{HandshakeDone, Wire},
};
use crate::{
    model::{HostPort, Target, Trouble},
    net::Stream,
    probes::Scope,
};

/// After this the server itself ends a statement, so that one slow question does not hold up those behind it on a
/// shared connection. Shorter than a check's deadline: the server's word is better evidence than our own time-out.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);

/// Who to log in as, where, and how.
#[derive(Debug, Clone)]
pub(super) struct Login {
    /// The server.
    pub(super) address: HostPort,
    /// The role.
    pub(super) user: String,
    /// Its password; `None` sends none.
    pub(super) password: Option<String>,
    /// The database.
    pub(super) database: String,
    /// Whether to speak plain text although TLS is declared.
    pub(super) plaintext: bool,
}

impl Login {
    /// With the credentials of the configuration, at the contract's address or at one of the declared replicas.
    ///
    /// # Errors
    /// Unable, when no user is declared, or no such replica.
    pub(super) fn declared(target: &Target, replica: Option<usize>) -> Result<Self, Trouble> {
        let user = target.user.clone().ok_or_else(|| {
            let message = format!("the configuration declares no user for `{}`", target.service);
            Trouble::unable("plan", "harness.no_credentials", message)
        })?;
        let address = match replica {
            None => &target.address,
            Some(index) => target.replicas.get(index).ok_or_else(|| {
                let message = format!("the configuration of `{}` declares no replica {index}", target.service);
                Trouble::unable("plan", "harness.no_target", message)
            })?,
        };
        Ok(Self {
            address: address.clone(),
            // What libpq does without a database.
            database: target.database.clone().unwrap_or_else(|| user.clone()),
            user,
            password: target.password.as_ref().map(|password| password.expose().to_owned()),
            plaintext: false,
        })
    }
}

/// What a server says to a login.
#[derive(Debug)]
pub(super) enum Answer {
    /// We are in.
    Accepted(Box<Session>),
    /// We are not, for this reason.
    Refused(ServerError, Authentication),
}

/// A connection that is logged in. Its name in `pg_stat_activity` is the run's.
#[derive(Debug)]
pub(super) struct Session {
    /// The driver.
    pub(super) client: Client,
    /// How we were let in.
    pub(super) authentication: Authentication,
    /// The TLS version, if there is TLS.
    pub(super) tls_version: Option<String>,
    /// The server's certificates, leaf first.
    pub(super) certificates: Vec<Vec<u8>>,
}

/// Dials and logs in. Phases: `dns`, `tcp`, `startup`, `tls`, `auth`.
///
/// # Errors
/// When the server neither lets us in nor refuses us for a reason of its own: silence, foreign bytes, starting up.
pub(super) async fn log_in(scope: &Scope, target: &Target, login: &Login) -> Result<Answer, Trouble> {
    let tls = target.tls.as_ref().filter(|_| !login.plaintext);
    let stream = open(scope, &login.address, tls).await?;
    let (tls_version, certificates) = (stream.tls_version(), stream.peer_certificates());
    let config = configuration(scope, login, &stream);
    let (wire, witness) = Wire::new(stream);
    let connecting = async {
        match config.connect_raw(wire, HandshakeDone).await {
            Ok(connected) => Ok(Ok(connected)),
            Err(error) => refusal(&error, witness.authentication()).map(Err),
        }
    };
    let (client, connection) = match scope.clock.phase("auth", connecting).await? {
        Ok(connected) => connected,
        Err(refused) => return Ok(Answer::Refused(refused, witness.authentication())),
    };
    // Ends by itself when the client is dropped or the server hangs up; its error comes out of the next question too.
    tokio::spawn(connection);
    let authentication = witness.authentication();
    Ok(Answer::Accepted(Box::new(Session { client, authentication, tls_version, certificates })))
}

fn configuration(scope: &Scope, login: &Login, stream: &Stream) -> Config {
    let mut config = Config::new();
    config.user(&login.user).dbname(&login.database).application_name(scope.run.scratch_name());
    if let Some(password) = &login.password {
        config.password(password);
    }
    match stream {
        Stream::Plain(_) => config.ssl_mode(SslMode::Disable),
        Stream::Tls(_) => config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct),
    };
    config
}

fn refusal(error: &tokio_postgres::Error, seen: Authentication) -> Result<ServerError, Trouble> {
    if let Some(refusal) = error.as_db_error() {
        let (sqlstate, message) = (refusal.code().code().to_owned(), refusal.message().to_owned());
        return match trouble::of_state("auth", &sqlstate, &message) {
            Some(trouble) => Err(trouble),
            None => Ok(ServerError { sqlstate, message }),
        };
    }
    match seen.first {
        Some(code) if matches!(method_name(code), "gss" | "sspi" | "unknown") => {
            let message =
                format!("the server asks for a way of authentication that is not spoken here: {}", method_name(code));
            Err(Trouble::unable("auth", "auth.unsupported", message))
        }
        _ => Err(trouble::of_driver("auth", error)),
    }
}

/// Dials and logs in with the declared credentials; a refusal is trouble.
///
/// # Errors
/// As [`log_in`], and `auth.denied`.
pub(super) async fn connect(scope: &Scope, target: &Target, login: &Login) -> Result<Session, Trouble> {
    match log_in(scope, target, login).await? {
        Answer::Refused(refusal, _) => {
            let message = format!("{} (SQLSTATE {})", refusal.message, refusal.sqlstate);
            Err(Trouble::fault("auth", "auth.denied", message))
        }
        Answer::Accepted(session) => {
            session
                .execute(scope, "auth", &format!("set statement_timeout = {}", STATEMENT_TIMEOUT.as_millis()))
                .await?;
            Ok(*session)
        }
    }
}

/// The connection that the ordinary checks of this server and role share.
///
/// # Errors
/// As [`connect`].
pub(super) async fn shared(scope: &Scope, target: &Target, login: &Login) -> Result<Arc<Session>, Trouble> {
    let key = format!("postgres {} {}", login.address, login.user);
    let connecting = {
        let (scope, target, login) = (scope.clone(), target.clone(), login.clone());
        async move { connect(&scope, &target, &login).await }
    };
    let session = scope.sessions.shared(&key, connecting).await?;
    if session.client.is_closed() {
        scope.sessions.forget(&key);
        return Err(Trouble::fault("op", "proto.closed", "the server closed the connection"));
    }
    Ok(session)
}

impl Session {
    /// The role and the database of the session, as the server itself sees them.
    ///
    /// Both are values of the grammar, not functions: no catalogue is read, so that this belongs to the login and not
    /// to the queries behind it.
    ///
    /// # Errors
    /// The server's refusal as a fault.
    pub(super) async fn identity(&self, scope: &Scope) -> Result<(String, String), Trouble> {
        let asked = async {
            let asked = self.client.simple_query("select current_user, current_catalog").await;
            asked.map_err(|error| trouble::of_statement("op", &error))
        };
        let messages = scope.clock.phase("op", asked).await?;
        let column = |row: &tokio_postgres::SimpleQueryRow, index| {
            row.try_get(index).ok().flatten().unwrap_or_default().to_owned()
        };
        let identity = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((column(row, 0), column(row, 1))),
            _ => None,
        });
        identity.ok_or_else(|| Trouble::fault("op", "proto.garbage", "the server does not say who we are"))
    }

    /// Runs statements whose rows do not matter.
    ///
    /// # Errors
    /// The server's refusal as a fault.
    pub(super) async fn execute(&self, scope: &Scope, phase: &str, sql: &str) -> Result<(), Trouble> {
        scope
            .clock
            .phase(phase, async {
                self.client.batch_execute(sql).await.map_err(|error| trouble::of_statement(phase, &error))
            })
            .await
    }

    /// The rows of one `select`, as the server's own `json_agg` renders them: numbers as numbers, `boolean` as true and
    /// false, arrays as lists, NULL as null, every other type as its text.
    ///
    /// The simple protocol is used, so that it also works through a pooler that gives each transaction another backend.
    ///
    /// # Errors
    /// The server's refusal: unable where it is our question that it refuses.
    pub(super) async fn rows(&self, scope: &Scope, phase: &str, sql: &str) -> Result<Vec<Value>, Trouble> {
        let sql = as_json(sql);
        let asked = async { self.client.simple_query(&sql).await.map_err(|error| trouble::of_question(phase, &error)) };
        let messages = scope.clock.phase(phase, asked).await?;
        let text = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten(),
            _ => None,
        });
        match text.map(serde_json::from_str::<Vec<Value>>) {
            Some(Ok(rows)) => Ok(rows),
            _ => Err(Trouble::fault(
                phase,
                "proto.garbage",
                "the answer to the query is not the one row that was asked for",
            )),
        }
    }

    /// The only row of one `select`.
    ///
    /// # Errors
    /// As [`Session::rows`], and when there is not exactly one.
    pub(super) async fn row(&self, scope: &Scope, phase: &str, sql: &str) -> Result<Value, Trouble> {
        let mut rows = self.rows(scope, phase, sql).await?;
        match (rows.pop(), rows.len()) {
            (Some(row), 0) => Ok(row),
            _ => Err(Trouble::fault(phase, "proto.garbage", "exactly one row was asked for")),
        }
    }
}

fn as_json(sql: &str) -> String {
    // The line break ends a comment that the statement may end with.
    let sql = sql.trim().trim_end_matches(';');
    format!("select coalesce(pg_catalog.json_agg(q), '[]'::pg_catalog.json)::text from (\n{sql}\n) as q")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_may_end_as_people_end_statements() {
        assert!(as_json("select 1;\n").contains("(\nselect 1\n) as q"));
        assert!(as_json("select 1 -- one").contains("-- one\n) as q"));
    }
}
