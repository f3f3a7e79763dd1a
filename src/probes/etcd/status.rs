use std::time::Duration;

use etcd_client::StatusResponse;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::connection::{Leader, ask, connect_to, members};
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble, clip, printable},
    probes::{Probe, Scope},
};

/// The quota of a member that was started without one (etcd's default).
const DEFAULT_QUOTA: i64 = 2 * 1024 * 1024 * 1024;

/// Asks every member for its own state, once or twice.
///
/// A member without a quorum answers as well, with leader 0 and the error `etcdserver: no leader`: this is the quickest
/// question about a cluster, and success of the call alone says nothing. The size that counts against the quota is that
/// of the file, not that in use. Source: `rpc.proto` of etcd 3.6, the documentation on maintenance.
pub(in crate::probes) struct Status;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Milliseconds until every member is asked again; once only if not given.
    apart_ms: Option<u64>,
}

impl Probe for Status {
    const NAME: &'static str = "etcd.status";
    const ABOUT: &'static str = "asks every member for its version, leader, errors, raft position and size";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "members",
            about: "by member: `{address, version, leader, term, raft_lag, is_learner, errors, db_size_bytes, db_in_use_bytes, quota_bytes, quota_is_told, quota_percent, in_use_percent}`",
        },
        Fact { name: "leaders", about: "the different leaders that members name; `0` for none" },
        Fact { name: "versions", about: "the different versions that members run" },
        Fact { name: "cluster_ids", about: "the different clusters that members belong to" },
        Fact {
            name: "terms_stable",
            about: "whether every member named the same leader and term both times; true when asked once",
        },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let members = members(&target);
        let asked = members.iter().map(|member| status(&scope, &target, member, with.apart_ms));
        let answers = try_join_all(asked).await?;
        Ok(facts_of(&members, &answers))
    }
}

/// What one member said: the first time and the last.
type Answers = (StatusResponse, StatusResponse);

async fn status(scope: &Scope, target: &Target, member: &HostPort, apart_ms: Option<u64>) -> Result<Answers, Trouble> {
    let mut client = connect_to(scope, target, member, Leader::Ignored).await?;
    let first = ask(scope, "status", client.status()).await?;
    let Some(apart_ms) = apart_ms else { return Ok((first.clone(), first)) };
    let pause = async {
        tokio::time::sleep(Duration::from_millis(apart_ms)).await;
        Ok(())
    };
    scope.clock.phase("apart", pause).await?;
    let last = ask(scope, "status", client.status()).await?;
    Ok((first, last))
}

fn facts_of(members: &[HostPort], answers: &[Answers]) -> Facts {
    let shown: Vec<Value> = members.iter().zip(answers).map(|(address, (_, last))| fact(address, last)).collect();
    let different = |of: fn(&StatusResponse) -> Value| {
        let mut values: Vec<Value> = Vec::new();
        for value in answers.iter().map(|(_, last)| of(last)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Value::Array(values)
    };
    let stable =
        answers.iter().all(|(first, last)| (first.leader(), first.raft_term()) == (last.leader(), last.raft_term()));
    Facts::from_iter([
        ("members".to_owned(), Value::Array(shown)),
        ("leaders".to_owned(), different(|status| json!(id(status.leader())))),
        ("versions".to_owned(), different(|status| json!(clip(&printable(status.version()), 60)))),
        ("cluster_ids".to_owned(), different(|status| json!(status.header().map(|header| id(header.cluster_id()))))),
        ("terms_stable".to_owned(), json!(stable)),
    ])
}

fn fact(address: &HostPort, status: &StatusResponse) -> Value {
    // Members before 3.6 do not tell their quota.
    let quota_is_told = status.db_size_quota() > 0;
    let quota = if quota_is_told { status.db_size_quota() } else { DEFAULT_QUOTA };
    let (size, in_use) = (status.db_size(), status.raft_used_db_size());
    let errors: Vec<String> = status.errors().iter().take(20).map(|error| clip(&printable(error), 200)).collect();
    json!({
        "address": address.to_string(),
        "version": clip(&printable(status.version()), 60),
        "leader": id(status.leader()),
        "term": status.raft_term(),
        "raft_lag": status.raft_index().saturating_sub(status.raft_applied_index()),
        "is_learner": status.is_learner(),
        "errors": errors,
        "db_size_bytes": size,
        "db_in_use_bytes": in_use,
        "quota_bytes": quota,
        "quota_is_told": quota_is_told,
        "quota_percent": percent(size, quota),
        "in_use_percent": percent(in_use, size),
    })
}

/// An id as etcd prints it. Ids use all 64 bits, more than a JSON number holds exactly; 0 stands for none.
pub(super) fn id(id: u64) -> String {
    if id == 0 { "0".to_owned() } else { format!("{id:016x}") }
}

/// `part` of `whole` in per cent, rounded up: just below a bound is below it, just above is not.
fn percent(part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let percent = (i128::from(part) * 100 + i128::from(whole) - 1) / i128::from(whole);
    i64::try_from(percent).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_rounded_up_and_never_divides_by_zero() {
        for (part, whole, expected) in
            [(0, 100, 0), (80, 100, 80), (801, 1000, 81), (1, 1000, 1), (5, 0, 0), (i64::MAX, 1, i64::MAX)]
        {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
    }

    #[test]
    fn an_id_is_hexadecimal_and_none_is_zero() {
        assert_eq!(id(0), "0");
        assert_eq!(id(0x8e9e_05c5_2164_694d), "8e9e05c52164694d");
    }
}
