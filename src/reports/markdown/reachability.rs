//! The section "Reachability": who reaches what, as probe pods saw it.

use std::collections::BTreeMap;

use crate::model::{Report, Row, Verdict};

/// The probe whose checks are the cells.
const PROBE: &str = "netpol.reach";

/// What the template prints of it.
pub(super) struct ReachabilityView {
    pub(super) services: Vec<String>,
    pub(super) lines: Vec<SourceLine>,
}

/// What one source saw of every service.
pub(super) struct SourceLine {
    pub(super) source: String,
    pub(super) cells: Vec<Cell>,
}

/// How one source fared at one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) is_bad: bool,
}

/// The matrix, where checks of the run made one.
pub(super) fn view(report: &Report) -> Option<ReachabilityView> {
    let cells = report.rows.iter().filter(|row| row.check.probe == PROBE && row.result.verdict != Verdict::Skip);
    let (mut services, mut sources): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut matrix: BTreeMap<(String, String), Cell> = BTreeMap::new();
    for row in cells {
        let (source, service) = (source_of(row), service_of(row));
        for (name, list) in [(&source, &mut sources), (&service, &mut services)] {
            if !list.contains(name) {
                list.push(name.clone());
            }
        }
        matrix.insert((source, service), cell(row));
    }
    services.sort_unstable();
    let line = |source: String| {
        let of = |service: &String| matrix.get(&(source.clone(), service.clone())).cloned().unwrap_or_default();
        SourceLine { cells: services.iter().map(of).collect(), source: source.clone() }
    };
    let lines: Vec<SourceLine> = sources.into_iter().map(line).collect();
    (!lines.is_empty()).then_some(ReachabilityView { services, lines })
}

fn source_of(row: &Row) -> String {
    let with = |name: &str| row.check.with[name].as_str().unwrap_or_default().to_owned();
    let by = if with("by") == "pod" { ", to the pods" } else { "" };
    format!("{}{by}", with("from"))
}

/// The Service's name out of its declared address.
fn service_of(row: &Row) -> String {
    let to = row.check.with["to"].as_str().unwrap_or_default();
    to.split(['.', ':']).next().unwrap_or_default().to_owned()
}

fn cell(row: &Row) -> Cell {
    let facts = row.result.observation.as_ref().map(|observation| &observation.facts);
    let classes = facts.and_then(|facts| facts.get("outcomes")?.as_array().cloned()).unwrap_or_default();
    let seen: Vec<String> =
        classes.iter().filter_map(|class| class.as_str()).map(|class| class.replace('_', " ")).collect();
    let seen = seen.join(", ");
    let text = match row.result.verdict {
        Verdict::Pass | Verdict::Warn | Verdict::Fail if !seen.is_empty() => seen,
        Verdict::Error => "unknown".to_owned(),
        other => other.word().replace('_', " "),
    };
    Cell { text, is_bad: row.result.verdict != Verdict::Pass }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{CheckResult, Facts, Observation, PlannedCheck};

    fn row(verdict: Verdict, outcomes: &[&str]) -> Row {
        let mut check = PlannedCheck::sample("netpol/matrix-deny/redis");
        check.with = json!({"from": "unlabelled", "to": "redis.soma-infra.svc:6379", "by": "pod"});
        let facts = Facts::from_iter([("outcomes".to_owned(), json!(outcomes))]);
        let mut result = CheckResult::without_run(verdict, "");
        result.observation = Some(Observation { facts, ..Observation::default() });
        Row { check, result }
    }

    #[test]
    fn a_cell_says_what_was_seen_and_never_looks_good_without_a_pass() {
        for (verdict, outcomes, text, is_bad) in [
            (Verdict::Pass, &["timed_out"][..], "timed out", false),
            (Verdict::Fail, &["connected", "timed_out"], "connected, timed out", true),
            (Verdict::Error, &["timed_out"], "unknown", true),
            (Verdict::Blocked, &[], "blocked", true),
            (Verdict::NotRun, &[], "not run", true),
        ] {
            assert_eq!(cell(&row(verdict, outcomes)), Cell { text: text.to_owned(), is_bad }, "{verdict}");
        }
    }

    #[test]
    fn source_and_service_are_read_off_the_check() {
        let row = row(Verdict::Pass, &[]);
        assert_eq!((source_of(&row).as_str(), service_of(&row).as_str()), ("unlabelled, to the pods", "redis"));
    }
}
