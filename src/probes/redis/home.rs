use redis::Cmd;

use super::{
    connection::{Login, connect},
    trouble::Refusal,
};
use crate::{
    model::{HostPort, Target, Trouble},
    probes::Scope,
};

/// The same login at the node that serves a key.
///
/// A node of a cluster answers for its own slots only and sends a client to the others by `MOVED`, which every client of a
/// cluster follows. Source: Redis, "Redis cluster specification", MOVED Redirection.
///
/// # Errors
/// When the server does not answer as one.
pub(super) async fn of_key(scope: &Scope, target: &Target, login: &Login, key: &str) -> Result<Login, Trouble> {
    let mut login = login.clone();
    if target.members.is_empty() {
        return Ok(login);
    }
    let mut read = Cmd::new();
    read.arg(&["GET", key]);
    // Any other refusal is found, and told, by what is asked afterwards.
    if let Err(refusal) = connect(scope, target, &login).await?.send(scope, "read", &read).await?
        && let Some(address) = moved(target, &refusal)
    {
        login.address = address;
    }
    Ok(login)
}

/// Where a refusal sends us. Only a client of a cluster goes there: elsewhere the refusal is what applications see as well.
pub(super) fn moved(target: &Target, refusal: &Refusal) -> Option<HostPort> {
    let is_cluster = !target.members.is_empty();
    // `MOVED 3999 127.0.0.1:6381`
    let place = refusal.message.split(' ').nth(1).filter(|_| is_cluster && refusal.code == "MOVED")?;
    place.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::faulty_server::{Behaviour::Say, scope_at};

    #[tokio::test]
    async fn only_a_client_of_a_cluster_goes_where_it_is_sent() {
        let scope = scope_at("redis", Say(b"")).await;
        let mut target = Target::clone(&scope.target().expect("a target"));
        let refusal = |code: &str, message: &str| Refusal { code: code.to_owned(), message: message.to_owned() };
        let sent = refusal("MOVED", "3999 redis-2.example.org:6381");
        assert_eq!(moved(&target, &sent), None);
        target.members = vec![target.address.clone()];
        assert_eq!(moved(&target, &sent), "redis-2.example.org:6381".parse().ok());
        // An endpoint that is not known, one that is no address, and another refusal.
        for (code, message) in [("MOVED", "3999 :6381"), ("MOVED", "3999"), ("MOVED", ""), ("NOPERM", "no a:1")] {
            assert_eq!(moved(&target, &refusal(code, message)), None, "{code} {message}");
        }
    }
}
