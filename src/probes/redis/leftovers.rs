use redis::Value as Reply;
use serde_json::json;

use super::{
    connection::{Login, connect},
    reply::json_of,
};
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Lists keys of this run that are still there, in a cluster on every master.
///
/// `SCAN` walks the whole keyspace, so it is bounded: on a server with more keys than that only a part is looked at,
/// and `complete` says so. Every key of ours expires by itself within 30 seconds anyway.
pub(in crate::probes) struct Leftovers;

/// Keys looked at in one step, and the most steps: half a million keys.
const STEP: &str = "1000";
const STEPS: usize = 500;

impl Probe for Leftovers {
    const NAME: &'static str = "redis.leftovers";
    const ABOUT: &'static str = "lists keys of this run that are still there";
    const FACTS: &'static [Fact] = &[
        Fact { name: "leftovers", about: "the keys" },
        Fact { name: "complete", about: "whether the whole keyspace was looked at" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut keys = Vec::new();
        let complete = if target.members.is_empty() {
            scan(&scope, &target, &target.address, &mut keys).await?
        } else {
            let mut complete = true;
            for member in &target.members {
                complete &= scan(&scope, &target, member, &mut keys).await?;
            }
            complete
        };
        // SCAN may show a key more than once.
        keys.sort();
        keys.dedup();
        keys.truncate(100);
        Ok(Facts::from_iter([("leftovers".to_owned(), json!(keys)), ("complete".to_owned(), json!(complete))]))
    }
}

/// Adds what one node holds, and says whether that was all of it. Of a cluster only masters are asked: a replica learns a
/// moment later of what was removed.
async fn scan(scope: &Scope, target: &Target, node: &HostPort, keys: &mut Vec<String>) -> Result<bool, Trouble> {
    let login = Login { address: node.clone(), ..Login::declared(target, None)? };
    let mut connection = connect(scope, target, &login).await?;
    if !target.members.is_empty() && json_of(&connection.ask(scope, "op", &["ROLE"]).await?)[0] != "master" {
        return Ok(true);
    }
    let pattern = format!("{}*", scope.run.scratch_name());
    let mut cursor = "0".to_owned();
    for _ in 0..STEPS {
        let reply = connection.ask(scope, "op", &["SCAN", &cursor, "MATCH", &pattern, "COUNT", STEP]).await?;
        let (next, found) =
            step(&reply).ok_or_else(|| Trouble::fault("op", "proto.garbage", "the answer to SCAN is none"))?;
        keys.extend(found);
        cursor = next;
        if cursor == "0" {
            return Ok(true);
        }
    }
    Ok(false)
}

fn step(reply: &Reply) -> Option<(String, Vec<String>)> {
    let reply = json_of(reply);
    let cursor = reply.get(0)?.as_str()?.to_owned();
    let keys = reply.get(1)?.as_array()?.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect();
    Some((cursor, keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_cursor_and_keys_or_nothing() {
        let bulk = |text: &str| Reply::BulkString(text.as_bytes().to_vec());
        let reply = Reply::Array(vec![bulk("17"), Reply::Array(vec![bulk("a")])]);
        assert_eq!(step(&reply), Some(("17".to_owned(), vec!["a".to_owned()])));
        for bad in [Reply::Nil, Reply::Array(vec![]), Reply::Array(vec![bulk("0")])] {
            assert_eq!(step(&bad), None, "{bad:?}");
        }
    }
}
