use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::session::{Login, connect};
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble},
    probes::{Probe, Scope, http::Api},
};

/// Asks every declared member's REST API who it is, and finds the member that stands behind the database's own address.
///
/// That member is known by the moment its postmaster started, which both Patroni and the server itself tell: names and
/// labels are what goes stale. A member that does not answer is a fact. Source: Patroni, "Patroni REST API".
pub(in crate::probes) struct Patroni;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The service whose address leads to the leader, to be compared; not asked if not given.
    leads_to: Option<String>,
}

impl Probe for Patroni {
    const NAME: &'static str = "postgres.patroni";
    const ABOUT: &'static str = "asks every member of a Patroni cluster who it is";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "members",
            about: "by member: {address, answered, is_primary, role, state, timeline, lag_bytes, is_locked, is_paused, is_waiting_for_restart, may_take_over, is_behind_address, trouble}",
        },
        Fact { name: "answered", about: "how many members answer" },
        Fact { name: "leaders", about: "the members whose /primary is 200" },
        Fact { name: "candidates", about: "the running replicas that are not tagged `nofailover`" },
        Fact { name: "timelines", about: "the different timelines of the members" },
        Fact { name: "leader_behind_address", about: "whether that is the one leader" },
        Fact { name: "behind_address", about: "the members whose postmaster answers at the compared address" },
    ];
    const TARGET: Option<&'static str> = Some("patroni");
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let started = match &with.leads_to {
            None => None,
            Some(service) => Some(postmaster_start(&scope, service).await?),
        };
        let own = [target.address.clone()];
        let members = if target.members.is_empty() { &own[..] } else { &target.members };
        let asked = futures::future::join_all(members.iter().map(|member| ask(&scope, &target, member))).await;
        Ok(facts_of(&asked, started.as_deref()))
    }
}

/// What a member said: its status document and the status of `/primary`.
type Said = (HostPort, Result<(Value, u16), Trouble>);

async fn ask(scope: &Scope, target: &Target, member: &HostPort) -> Said {
    let api = Api::anonymous(scope, member.clone(), target.tls.clone());
    let answers = async {
        // 503 of `/patroni` is a PostgreSQL that does not run: its document says so.
        let status = api.get("/patroni").await?;
        let garbage = || Trouble::fault("request", "proto.garbage", "the answer to /patroni is not its document");
        let document = status.json.filter(|document| document["patroni"].is_object()).ok_or_else(garbage)?;
        Ok((document, api.get("/primary").await?.status.as_u16()))
    };
    (member.clone(), answers.await)
}

/// When the postmaster behind the service's address started, as Patroni writes it.
async fn postmaster_start(scope: &Scope, service: &str) -> Result<String, Trouble> {
    let unknown =
        || Trouble::unable("plan", "harness.no_target", format!("the configuration has no service `{service}`"));
    let target = scope.targets.get(service).ok_or_else(unknown)?;
    // A connection of its own: a shared one may be older than the last switch of leaders.
    let session = connect(scope, target, &Login::declared(target, None)?).await?;
    let sql = "select extract(epoch from pg_postmaster_start_time())::text as started";
    let row = session.row(scope, "op", sql).await?;
    let garbage = || Trouble::fault("op", "proto.garbage", "the server does not say when it started");
    row["started"].as_str().and_then(micros_of_epoch).ok_or_else(garbage)
}

/// `1795275600.123456` as whole microseconds.
fn micros_of_epoch(text: &str) -> Option<String> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!seconds.is_empty() && digits(seconds) && digits(fraction) && fraction.len() <= 6)
        .then(|| format!("{seconds}{fraction:0<6}"))
}

/// Patroni's `2026-11-21 15:00:00.123456+00:00` as whole microseconds.
fn micros_of_time(text: &str) -> Option<String> {
    let timestamp = text.replacen(' ', "T", 1).parse::<jiff::Timestamp>().ok()?;
    Some(timestamp.as_microsecond().to_string())
}

fn facts_of(asked: &[Said], started: Option<&str>) -> Facts {
    let end_of_log = asked
        .iter()
        .filter_map(|(_, said)| said.as_ref().ok())
        .filter_map(|(document, _)| document["xlog"]["location"].as_u64())
        .max();
    let rows: Vec<Value> = asked.iter().map(|(address, said)| row(address, said, end_of_log, started)).collect();
    let named =
        |flag: &str| rows.iter().filter(|row| row[flag] == true).map(|row| row["address"].clone()).collect::<Vec<_>>();
    let mut timelines: Vec<u64> = rows.iter().filter_map(|row| row["timeline"].as_u64()).collect();
    timelines.sort_unstable();
    timelines.dedup();
    let mut facts = Facts::from_iter([
        ("answered".to_owned(), json!(named("answered").len())),
        ("leaders".to_owned(), json!(named("is_primary"))),
        ("candidates".to_owned(), json!(named("may_take_over"))),
        ("timelines".to_owned(), json!(timelines)),
    ]);
    if started.is_some() {
        let behind = named("is_behind_address");
        let is_leader = behind.len() == 1 && behind == named("is_primary");
        facts.insert("leader_behind_address".to_owned(), json!(is_leader));
        facts.insert("behind_address".to_owned(), json!(behind));
    }
    facts.insert("members".to_owned(), Value::Array(rows));
    facts
}

fn row(
    address: &HostPort,
    said: &Result<(Value, u16), Trouble>,
    end_of_log: Option<u64>,
    started: Option<&str>,
) -> Value {
    let (document, primary) = match said {
        Ok(said) => said,
        Err(trouble) => return json!({"address": address, "answered": false, "trouble": trouble.to_string()}),
    };
    let is_set = |value: &Value| value.as_bool().unwrap_or(false);
    let tags = &document["tags"];
    let is_barred = is_set(&tags["nofailover"]) || tags["failover_priority"] == 0;
    let is_primary = *primary == 200;
    let is_running = document["state"] == "running" || document["state"] == "streaming";
    let replayed = document["xlog"]["replayed_location"].as_u64();
    // Without the store that holds the lock, the members keep what they last knew of it; a leader that goes on all the same, in
    // failsafe mode, says so.
    let is_unlocked = is_set(&document["cluster_unlocked"]) || is_set(&document["failsafe_mode_is_active"]);
    let own_start = document["postmaster_start_time"].as_str().and_then(micros_of_time);
    let mut row = Map::from_iter([
        ("address".to_owned(), json!(address)),
        ("answered".to_owned(), json!(true)),
        ("is_primary".to_owned(), json!(is_primary)),
        ("role".to_owned(), document["role"].clone()),
        ("state".to_owned(), document["state"].clone()),
        ("timeline".to_owned(), document["timeline"].clone()),
        ("is_locked".to_owned(), json!(!is_unlocked)),
        ("is_paused".to_owned(), json!(is_set(&document["pause"]))),
        ("is_waiting_for_restart".to_owned(), json!(is_set(&document["pending_restart"]))),
        ("may_take_over".to_owned(), json!(!is_primary && is_running && !is_barred)),
    ]);
    if let Some((end, replayed)) = end_of_log.zip(replayed) {
        row.insert("lag_bytes".to_owned(), json!(end.saturating_sub(replayed)));
    }
    if let Some(started) = started {
        row.insert("is_behind_address".to_owned(), json!(own_start.as_deref() == Some(started)));
    }
    Value::Object(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(port: u16, document: Value, primary: u16) -> Said {
        (HostPort { host: "10.0.0.1".to_owned(), port }, Ok((document, primary)))
    }

    #[test]
    fn the_member_behind_an_address_is_known_by_its_start() {
        let start = "2026-11-21 15:00:00.120000+00:00";
        let leader = json!({"patroni": {}, "state": "running", "role": "primary", "timeline": 3, "postmaster_start_time": start, "xlog": {"location": 900}});
        let replica = json!({"patroni": {}, "state": "running", "role": "replica", "timeline": 3, "postmaster_start_time": "2026-11-21 15:00:01.000000+00:00", "xlog": {"replayed_location": 850}, "pause": true});
        let barred = json!({"patroni": {}, "state": "running", "role": "replica", "timeline": 2, "tags": {"nofailover": true}, "pending_restart": true});
        let started = micros_of_time(start);
        assert_eq!(started, micros_of_epoch("1795273200.12"));
        let facts = facts_of(&[said(1, leader, 200), said(2, replica, 503), said(3, barred, 503)], started.as_deref());
        assert_eq!(facts["leaders"], json!(["10.0.0.1:1"]));
        assert_eq!(facts["behind_address"], json!(["10.0.0.1:1"]));
        assert_eq!(facts["candidates"], json!(["10.0.0.1:2"]));
        assert_eq!(facts["timelines"], json!([2, 3]));
        assert_eq!((&facts["members"][1]["lag_bytes"], &facts["members"][1]["is_paused"]), (&json!(50), &json!(true)));
        assert_eq!(facts["members"][2]["is_waiting_for_restart"], json!(true));
    }

    #[test]
    fn a_leader_that_goes_on_without_the_lock_holds_none() {
        for unlocked in ["cluster_unlocked", "failsafe_mode_is_active"] {
            let mut leader = json!({"patroni": {}, "state": "running", "role": "primary", "timeline": 1});
            assert_eq!(facts_of(&[said(1, leader.clone(), 200)], None)["members"][0]["is_locked"], json!(true));
            leader[unlocked] = json!(true);
            let facts = facts_of(&[said(1, leader, 200)], None);
            assert_eq!(facts["members"][0]["is_locked"], json!(false), "{unlocked}");
            assert_eq!(facts["leaders"], json!(["10.0.0.1:1"]));
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in ["", "x", "1.1234567", "-1.0", "1.2.3"] {
            assert_eq!(micros_of_epoch(bad), None, "{bad}");
        }
        assert_eq!(micros_of_time("yesterday"), None);
    }
}
