use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    committed::{self, Place},
    connection::Connection,
    end_offsets::end_offsets,
    group::find_coordinator,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// How far consumer groups are behind, asked of the cluster itself: what each group has committed, against the end of its
/// partitions, several times.
///
/// No group is joined. What a group has committed is asked of its coordinator first, and the ends of the partitions of
/// their leaders afterwards, so that nothing a group commits meanwhile can look as if it lay beyond the end. A group that
/// has nothing committed, because it never was, or because its offsets have expired, is behind by an unknown number, not
/// by none: it has no partitions. Needs the right `Describe` on the groups, and on their topics: what a group has committed
/// of a topic that this user may not describe is not told.
/// Source: the Kafka protocol guide (`OffsetFetch`, `ListOffsets`, `ListGroups`), KIP-211, KIP-848.
pub(in crate::probes) struct ConsumerLag;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The groups, by their names.
    groups: Vec<String>,
    /// How often each is looked at, from 2 to 10 times.
    #[serde(default = "default_samples")]
    samples: usize,
    /// Milliseconds between two looks.
    #[serde(default = "default_apart_ms")]
    apart_ms: u64,
}

fn default_samples() -> usize {
    3
}

fn default_apart_ms() -> u64 {
    1_000
}

/// How long a coordinator may take to be found.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one look at a group has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sample {
    /// In the cluster's words; `Absent` where its coordinator does not know it.
    state: String,
    /// Offsets by partition: committed, and the end.
    offsets: BTreeMap<Place, (i64, i64)>,
}

impl Probe for ConsumerLag {
    const NAME: &'static str = "kafka.consumer_lag";
    const ABOUT: &'static str = "asks how far consumer groups are behind the end of their partitions, several times";
    const FACTS: &'static [Fact] = &[Fact {
        name: "groups",
        about: "by name: `{state, partitions, lag, lags, stalled_lag, furthest_behind, beyond_end}`: the state in the \
                cluster's words (`Absent` for a group that it does not know), how many partitions have a committed offset, \
                the records not yet read at the last look and at each of them, those of partitions whose number did not \
                fall from look to look, the partition with most of them, and partitions where more is committed than was \
                ever written",
    }];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        if with.groups.is_empty() || !(2..=10).contains(&with.samples) {
            let message = "kafka.consumer_lag takes at least one group, and 2 to 10 samples";
            return Err(Trouble::unable("plan", "harness.parameters", message));
        }
        let mut seen: BTreeMap<&str, Vec<Sample>> = BTreeMap::new();
        for round in 0..with.samples {
            if round > 0 {
                scope.clock.phase("apart", apart(with.apart_ms)).await?;
            }
            for group in &with.groups {
                seen.entry(group).or_default().push(look(&scope, group).await?);
            }
        }
        let groups: BTreeMap<&str, Value> = seen.iter().map(|(group, samples)| (*group, facts_of(samples))).collect();
        Ok(Facts::from_iter([("groups".to_owned(), json!(groups))]))
    }
}

async fn apart(milliseconds: u64) -> Result<(), Trouble> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(())
}

async fn look(scope: &Scope, group: &str) -> Result<Sample, Trouble> {
    let target = scope.target()?;
    let mut connection = Connection::open(scope).await?;
    let finding = find_coordinator(&mut connection, group, PATIENCE);
    let coordinator = scope
        .clock
        .phase("find_coordinator", finding)
        .await?
        .map_err(|refused| committed::refusal("find_coordinator", group, &refused.code))?;
    let mut coordinator = Connection::open_at(scope, &target, &coordinator.address()?).await?;
    let committed = committed::offsets(&mut coordinator, group).await?;
    let state = committed::state(&mut coordinator, group).await?;
    let ends = end_offsets(scope, &mut connection, committed.keys()).await?;
    let offsets = committed
        .into_iter()
        .filter_map(|(place, offset)| ends.get(&place).map(|end| (place, (offset, *end))))
        .collect();
    Ok(Sample { state, offsets })
}

/// What the looks at a group say together.
fn facts_of(samples: &[Sample]) -> Value {
    let lag =
        |sample: &Sample, place: &Place| sample.offsets.get(place).map(|(committed, end)| (end - committed).max(0));
    let total = |sample: &Sample| sample.offsets.keys().filter_map(|place| lag(sample, place)).sum::<i64>();
    let falls = |place: &Place| {
        let lags: Option<Vec<i64>> = samples.iter().map(|sample| lag(sample, place)).collect();
        lags.is_some_and(|lags| lags.windows(2).all(|pair| pair[1] < pair[0]))
    };
    let last = samples.last().cloned().unwrap_or_default();
    let behind: Vec<(&Place, i64)> =
        last.offsets.keys().filter_map(|place| lag(&last, place).map(|lag| (place, lag))).collect();
    let stalled: i64 = behind.iter().filter(|(place, _)| !falls(place)).map(|(_, lag)| lag).sum();
    let furthest = behind.iter().filter(|(_, lag)| *lag > 0).max_by_key(|(_, lag)| *lag);
    let beyond: Vec<String> = last
        .offsets
        .iter()
        .filter(|(_, (committed, end))| committed > end)
        .map(|(place, _)| place.to_string())
        .collect();
    json!({
        "state": last.state,
        "partitions": last.offsets.len(),
        "lag": total(&last),
        "lags": samples.iter().map(total).collect::<Vec<_>>(),
        "stalled_lag": stalled,
        "furthest_behind": furthest.map(|(place, lag)| format!("{place} ({lag})")),
        "beyond_end": beyond,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(state: &str, offsets: &[(i32, i64, i64)]) -> Sample {
        let place = |partition| Place { topic: "t".to_owned(), partition };
        let offsets =
            offsets.iter().map(|(partition, committed, end)| (place(*partition), (*committed, *end))).collect();
        Sample { state: state.to_owned(), offsets }
    }

    #[test]
    fn a_lag_that_falls_from_look_to_look_is_not_stalled_and_every_other_is() {
        let cases: [(&[i64], i64); 5] =
            [(&[0, 0, 0], 0), (&[500, 400, 300], 0), (&[500, 400, 400], 400), (&[10, 20, 30], 30), (&[9, 5, 7], 7)];
        for (lags, stalled) in cases {
            let samples: Vec<Sample> = lags.iter().map(|lag| sample("Stable", &[(0, 100, 100 + lag)])).collect();
            let facts = facts_of(&samples);
            assert_eq!((&facts["stalled_lag"], &facts["lags"]), (&json!(stalled), &json!(lags)));
        }
    }

    #[test]
    fn one_stuck_partition_does_not_hide_behind_another_that_is_caught_up_with() {
        let samples = [
            sample("Stable", &[(0, 0, 900), (1, 5, 45)]),
            sample("Stable", &[(0, 300, 900), (1, 5, 46)]),
            sample("Stable", &[(0, 600, 900), (1, 5, 47)]),
        ];
        let facts = facts_of(&samples);
        assert_eq!((&facts["lag"], &facts["stalled_lag"]), (&json!(342), &json!(42)));
        assert_eq!(facts["furthest_behind"], "t-0 (300)");
    }

    #[test]
    fn nothing_committed_is_no_partition_and_more_than_was_written_is_named() {
        assert_eq!(facts_of(&[sample("Absent", &[]), sample("Absent", &[])])["partitions"], 0);
        let recreated = [sample("Stable", &[(3, 70, 2)]), sample("Stable", &[(3, 70, 2)])];
        let facts = facts_of(&recreated);
        assert_eq!((&facts["lag"], &facts["beyond_end"]), (&json!(0), &json!(["t-3"])));
    }
}
