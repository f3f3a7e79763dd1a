use std::{
    error::Error,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use soma_stack::{Server, Stack};

/// What both sides ask: the check, and who would be asked by hand.
pub(crate) const QUESTIONS: [(&str, Server); 8] = [
    ("postgres/select-1", Server::Postgres),
    ("redis/ping", Server::Redis),
    ("etcd/health", Server::Etcd),
    ("opa/health", Server::Opa),
    ("vault/health", Server::Vault),
    ("prometheus/ready", Server::Prometheus),
    ("openfga/healthz", Server::OpenFga),
    ("jwks/reachable", Server::Issuer),
];

/// Asks each server with the tool of its trade, one after the other, as a script would. Returns how long it took.
pub(crate) fn ask(stack: &Stack) -> Result<Duration, Box<dyn Error>> {
    let password = stack.credential("postgres-password")?;
    let mut commands: Vec<Command> =
        QUESTIONS.iter().map(|(_, server)| command(stack, *server, &password)).collect::<Result<_, _>>()?;
    let clock = Instant::now();
    for command in &mut commands {
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() || output.stdout.is_empty() {
            return Err(format!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
        }
    }
    Ok(clock.elapsed())
}

fn command(stack: &Stack, server: Server, password: &str) -> Result<Command, Box<dyn Error>> {
    let address = stack.address(server);
    let path = match server {
        Server::Postgres => {
            let mut psql = Command::new("psql");
            psql.args(["--no-psqlrc", "--tuples-only", "--command", "select 1", "--username", "soma_app", "soma"]);
            psql.env("PGHOST", address.ip().to_string()).env("PGPORT", address.port().to_string());
            psql.env("PGPASSWORD", password);
            return Ok(psql);
        }
        Server::Redis => {
            let mut redis = Command::new("redis-cli");
            redis.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string(), "ping"]);
            return Ok(redis);
        }
        Server::Etcd | Server::Opa => "health",
        Server::Vault => "v1/sys/health",
        Server::Prometheus => "-/ready",
        Server::OpenFga => "healthz",
        Server::Issuer => ".well-known/jwks.json",
        other => return Err(format!("nobody asks {other} by hand here").into()),
    };
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", &format!("http://{address}/{path}")]);
    Ok(curl)
}
