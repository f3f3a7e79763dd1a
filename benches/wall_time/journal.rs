use std::{collections::HashMap, error::Error, fs, path::Path, time::Duration};

use jiff::Timestamp;
use soma_conformance::model::{CheckId, Event, What, read_journal};

/// What a run's journal says about its time.
pub(crate) struct Journal {
    /// The longest chain of checks that each need the one before.
    pub(crate) critical_path: Duration,
    /// When the worker process was there.
    pub(crate) worker_started: Timestamp,
    /// When the last check had its verdict.
    pub(crate) last_check: Timestamp,
}

pub(crate) fn read(path: &Path) -> Result<Journal, Box<dyn Error>> {
    let events = read_journal(&fs::read_to_string(path)?)?;
    let at = |wanted: fn(&What) -> bool| events.iter().rev().find(|event| wanted(&event.what)).map(|event| event.at);
    Ok(Journal {
        critical_path: critical_path(&events),
        worker_started: at(|what| matches!(what, What::WorkerStarted { .. })).ok_or("no worker was started")?,
        last_check: at(|what| matches!(what, What::CheckFinished { .. })).ok_or("no check has finished")?,
    })
}

fn critical_path(events: &[Event]) -> Duration {
    let mut took: HashMap<&CheckId, u64> = HashMap::new();
    let mut planned = None;
    for event in events {
        match &event.what {
            What::RunPlanned { plan, .. } => planned = Some(plan),
            What::CheckFinished { id, result } => drop(took.insert(id, result.took_us)),
            _ => {}
        }
    }
    let checks = planned.map(|plan| plan.checks.iter()).into_iter().flatten();
    longest_chain(checks.map(|check| (&check.id, &check.needs[..], took.get(&check.id).copied().unwrap_or(0))))
}

/// In the order of the plan, where needs come first.
fn longest_chain<'a>(checks: impl Iterator<Item = (&'a CheckId, &'a [CheckId], u64)>) -> Duration {
    let mut ends: HashMap<&CheckId, u64> = HashMap::new();
    for (id, needs, took) in checks {
        let begin = needs.iter().filter_map(|need| ends.get(need)).max().copied().unwrap_or(0);
        ends.insert(id, begin + took);
    }
    Duration::from_micros(ends.into_values().max().unwrap_or(0))
}

/// A bench has no tests of its own, and a wrong critical path would make every ratio wrong.
pub(crate) fn assert_chain_is_found() {
    let id = |text: &str| text.parse::<CheckId>().expect("an id");
    let ids = ["a/1", "a/2", "b/1", "a/3"].map(id);
    let needs = [vec![], vec![id("a/1")], vec![], vec![id("a/2"), id("b/1")]];
    let took = [10, 20, 25, 5];
    let checks = ids.iter().zip(&needs).zip(took).map(|((id, needs), took)| (id, &needs[..], took));
    assert_eq!(longest_chain(checks), Duration::from_micros(35));
}
