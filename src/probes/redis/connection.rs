use std::io;

use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, Value as Reply, aio::MultiplexedConnection};
use serde_json::{Map, Value};

use super::{
    reply::info,
    trouble::{Refusal, of_last_words, of_refusal, refusal_or_trouble},
};
use crate::{
    model::{HostPort, Target, Trouble},
    net::{Capped, LastWords, tls_trouble},
    probes::Scope,
};

/// The most one connection may send us.
const LARGEST_SESSION: u64 = 16 * 1024 * 1024;

/// Who to log in as, and where.
#[derive(Debug, Clone)]
pub(super) struct Login {
    /// The server.
    pub(super) address: HostPort,
    /// The arguments of `AUTH`; none for an anonymous connection.
    pub(super) auth: Vec<String>,
    /// The database to select, if it is not the first.
    pub(super) database: Option<String>,
    /// Whether to speak plain text although TLS is declared.
    pub(super) plaintext: bool,
}

/// A connection of our own, with the driver's own time-outs off.
pub(super) struct Connection {
    driver: MultiplexedConnection,
    words: LastWords,
    has_answered: bool,
}

impl Login {
    /// With the credentials of the configuration, at the contract's address or at one of the declared replicas.
    ///
    /// # Errors
    /// Unable, when there is no such replica.
    pub(super) fn declared(target: &Target, replica: Option<usize>) -> Result<Self, Trouble> {
        let address = match replica {
            None => &target.address,
            Some(index) => target.replicas.get(index).ok_or_else(|| {
                let message = format!("the configuration of `{}` declares no replica {index}", target.service);
                Trouble::unable("plan", "harness.no_target", message)
            })?,
        };
        let password = target.password.as_ref().map(|password| password.expose().to_owned());
        // A user without a password is not logged in as: `AUTH` needs both.
        let auth = password.map_or_else(Vec::new, |password| target.user.iter().cloned().chain([password]).collect());
        Ok(Self { address: address.clone(), auth, database: target.database.clone(), plaintext: false })
    }
}

/// Dials. Nothing is sent but what TLS needs. Phases: `dns`, `tcp`, `tls`, `startup`.
///
/// # Errors
/// The trouble of the phase that failed.
pub(super) async fn open(scope: &Scope, target: &Target, login: &Login) -> Result<Connection, Trouble> {
    let tls = target.tls.as_ref().filter(|_| !login.plaintext);
    let stream = scope.dialler.stream(&scope.clock, &login.address, tls, &[]).await?;
    // The name of the library is not announced: an ACL may forbid it.
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let (stream, words) = Capped::new(stream, LARGEST_SESSION);
    let setup = async {
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        MultiplexedConnection::new_with_config(&info, stream, config).await.map_err(|error| broken("startup", &error))
    };
    let (connection, driver) = scope.clock.phase("startup", setup).await?;
    // Ends by itself when the connection is dropped or cut.
    tokio::spawn(driver);
    Ok(Connection { driver: connection, words, has_answered: false })
}

/// Dials, logs in with `AUTH` and selects the database; a refusal is trouble. Phases as [`open`], and `auth`.
///
/// # Errors
/// As [`open`], and `auth.denied`.
pub(super) async fn connect(scope: &Scope, target: &Target, login: &Login) -> Result<Connection, Trouble> {
    let mut connection = open(scope, target, login).await?;
    connection.log_in(scope, login).await?.map_err(|refusal| Trouble::fault("auth", "auth.denied", refusal))?;
    Ok(connection)
}

impl Connection {
    /// Says who we are, in our own words: through the driver's settings the server's reason would be lost.
    ///
    /// # Errors
    /// When the server does not answer as one; its refusal is the inner error.
    pub(super) async fn log_in(&mut self, scope: &Scope, login: &Login) -> Result<Result<(), Refusal>, Trouble> {
        if !login.auth.is_empty() {
            let mut auth = Cmd::new();
            auth.arg("AUTH").arg(&login.auth);
            if let Err(refusal) = self.send(scope, "auth", &auth).await? {
                return Ok(Err(refusal));
            }
        }
        if let Some(database) = &login.database {
            let mut select = Cmd::new();
            select.arg("SELECT").arg(database);
            if let Err(refusal) = self.send(scope, "auth", &select).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    /// Sends one command.
    ///
    /// # Errors
    /// When the server does not answer as one; its refusal is the inner error.
    pub(super) async fn send(
        &mut self,
        scope: &Scope,
        phase: &str,
        command: &Cmd,
    ) -> Result<Result<Reply, Refusal>, Trouble> {
        let exchange = async {
            match self.driver.send_packed_command(command).await.and_then(Reply::extract_error) {
                Ok(reply) => Ok(Ok(reply)),
                Err(error) => refusal_or_trouble(phase, &error).map(Err),
            }
        };
        let answer = scope.clock.phase(phase, exchange).await.map_err(|trouble| self.explained(trouble))?;
        self.has_answered = true;
        Ok(answer)
    }

    /// A cut connection with the reason the server gave for it, if it gave one before our first command reached it.
    fn explained(&self, trouble: Trouble) -> Trouble {
        if self.has_answered || !matches!(trouble.class.as_str(), "proto.closed" | "tcp.reset") {
            return trouble;
        }
        if let Some(error) = self.words.tls() {
            return tls_trouble(&io::Error::other(error));
        }
        of_last_words(&trouble.phase, &self.words.first()).unwrap_or(trouble)
    }

    /// Sends one command that must not be refused.
    ///
    /// # Errors
    /// Also when it is refused.
    pub(super) async fn ask(&mut self, scope: &Scope, phase: &str, words: &[&str]) -> Result<Reply, Trouble> {
        let mut command = Cmd::new();
        command.arg(words);
        self.send(scope, phase, &command).await?.map_err(|refusal| of_refusal(phase, &refusal))
    }

    /// Reads `INFO`, or one section of it.
    ///
    /// # Errors
    /// Also when it is refused, or no text.
    pub(super) async fn info(
        &mut self,
        scope: &Scope,
        phase: &str,
        section: Option<&str>,
    ) -> Result<Map<String, Value>, Trouble> {
        let words: Vec<&str> = ["INFO"].into_iter().chain(section).collect();
        match self.ask(scope, phase, &words).await? {
            Reply::BulkString(bytes) => Ok(info(&String::from_utf8_lossy(&bytes))),
            Reply::SimpleString(text) | Reply::VerbatimString { text, .. } => Ok(info(&text)),
            _ => Err(Trouble::fault(phase, "proto.garbage", "the answer to INFO is no text")),
        }
    }
}

fn broken(phase: &str, error: &RedisError) -> Trouble {
    match refusal_or_trouble(phase, error) {
        Err(trouble) => trouble,
        Ok(refusal) => of_refusal(phase, &refusal),
    }
}
