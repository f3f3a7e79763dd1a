//! What is told of the difference between two runs, as plain texts: one line for each change, and one for all that a root blocks.

use crate::model::{Change, Changed, CheckId, Difference, Slower, Verdict, one_line};

use super::{
    finding::shown,
    wording::{moment, names, number, took},
};

/// Names in one line.
const NAMES: usize = 8;
/// Characters of one text.
const LONGEST_TEXT: usize = 300;

/// One line.
pub(super) struct ChangeLine {
    /// What became of it.
    pub(super) change: Change,
    /// Which, in backticks.
    pub(super) checks: String,
    /// From which verdict to which.
    pub(super) verdicts: String,
    /// What was observed.
    pub(super) observed: String,
}

/// The whole difference in texts.
pub(super) struct DifferenceView {
    /// Which runs are compared.
    pub(super) compared: String,
    /// How many changes of which kind.
    pub(super) summary: String,
    /// Why it is worth little.
    pub(super) warnings: Vec<String>,
    /// What else changed.
    pub(super) context: Vec<String>,
    /// The changes.
    pub(super) lines: Vec<ChangeLine>,
    /// What takes longer.
    pub(super) slower: Vec<String>,
    /// From when on that is told.
    pub(super) slower_than: String,
    /// How many lines are left out.
    pub(super) left_out: usize,
}

/// At most `most` lines of each list.
pub(super) fn view(difference: &Difference, most: usize) -> DifferenceView {
    let (old, new) = (&difference.old, &difference.new);
    let lines = lines(difference);
    let left_out = lines.len().saturating_sub(most) + difference.slower.len().saturating_sub(most);
    let texts = |texts: &[String]| texts.iter().take(most).map(|text| shown(text, LONGEST_TEXT)).collect();
    DifferenceView {
        compared: format!(
            "{} at {} (run {}, {}) against {} at {} (run {}, {}).",
            new.verdict,
            moment(new.started),
            shown(&new.run, 64),
            took(new.took_ms.saturating_mul(1_000)),
            old.verdict,
            moment(old.started),
            shown(&old.run, 64),
            took(old.took_ms.saturating_mul(1_000)),
        ),
        summary: summary(difference),
        warnings: texts(&difference.warnings),
        context: texts(&difference.context),
        lines: lines.into_iter().take(most).collect(),
        slower: difference.slower.iter().take(most).map(slower).collect(),
        slower_than: format!(
            "at least {} times as long and {} more",
            hundredths(difference.slower_than.factor_percent),
            took(difference.slower_than.floor_us)
        ),
        left_out,
    }
}

/// `1 new red, 3 newly undecided, 1 fixed; 170 as good as before`.
pub(super) fn summary(difference: &Difference) -> String {
    let counts = Change::ALL.into_iter().filter_map(|change| match difference.with_change(change).count() {
        0 => None,
        count => Some(format!("{count} {}", change.words())),
    });
    let slower = (!difference.slower.is_empty()).then(|| format!("{} slower", difference.slower.len()));
    let parts: Vec<String> = counts.chain(slower).collect();
    let steady = format!("{} as good as before", difference.steady);
    if parts.is_empty() { format!("Nothing changed: {steady}.") } else { format!("{}; {steady}.", parts.join(", ")) }
}

/// `2.0`, `14.3`: hundredths as a factor.
pub(super) fn hundredths(percent: u64) -> String {
    format!("{}.{}", percent / 100, percent % 100 / 10)
}

fn slower(one: &Slower) -> String {
    let factor = hundredths(one.factor_percent);
    format!("`{}` took {} and takes {}: {factor} times as long", one.id, took(one.old_us), took(one.new_us))
}

fn lines(difference: &Difference) -> Vec<ChangeLine> {
    let mut lines: Vec<ChangeLine> = Vec::new();
    let mut told: Vec<(Change, Option<&CheckId>)> = Vec::new();
    for one in &difference.changes {
        let key = (one.change, one.root.as_ref());
        if !is_grouped(one) {
            lines.push(line(&[one]));
        } else if !told.contains(&key) {
            told.push(key);
            let alike = |other: &&Changed| (other.change, other.root.as_ref()) == key && is_grouped(other);
            lines.push(line(&difference.changes.iter().filter(alike).collect::<Vec<_>>()));
        }
    }
    lines
}

/// Whether it shares a line with its like: all that hangs on one root, and changes of which only the names are of use.
fn is_grouped(one: &Changed) -> bool {
    one.root.is_some() || matches!(one.change, Change::Added | Change::NowChecked)
}

fn line(alike: &[&Changed]) -> ChangeLine {
    let ids: Vec<&CheckId> = alike.iter().map(|one| &one.id).collect();
    let first = alike[0];
    let word = |verdict: Option<Verdict>| verdict.map_or("not planned", Verdict::word);
    let same = |of: fn(&Changed) -> Option<Verdict>| alike.iter().all(|one| of(one) == of(first));
    let old = if same(|one| one.old) { word(first.old) } else { "various" };
    let new = if same(|one| one.new) { word(first.new) } else { "various" };
    let observed = match (&first.root, ids.len()) {
        (Some(root), count) => format!("{} behind `{root}`", number(count, "check")),
        (None, 1) => shown(&one_line(&first.observed), LONGEST_TEXT),
        (None, count) => number(count, "check"),
    };
    let before = matches!(first.change, Change::Fixed | Change::Vanished) && !observed.is_empty();
    ChangeLine {
        change: first.change,
        checks: names(&ids, NAMES),
        verdicts: format!("{old} → {new}"),
        observed: if before { format!("before: {observed}") } else { observed },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Plan, PlannedCheck, Severity, Side, SlowerThan, Snapshot};

    fn changed(id: &str, change: Change, verdicts: (Verdict, Verdict), root: Option<&str>) -> Changed {
        Changed {
            id: id.parse().expect("id"),
            change,
            old: Some(verdicts.0),
            new: Some(verdicts.1),
            severity: Severity::Required,
            observed: "seen".to_owned(),
            root: root.map(|root| root.parse().expect("id")),
        }
    }

    fn difference(changes: Vec<Changed>) -> Difference {
        let side = Side {
            run: Plan::sample(vec![PlannedCheck::sample("a/b")]).run.to_string(),
            profile: crate::model::Profile::Dev,
            reach: "everything".to_owned(),
            vantage: "direct".to_owned(),
            version: "1".to_owned(),
            configuration: String::new(),
            catalogue: String::new(),
            started: "2026-01-01T00:00:00Z".parse().expect("a time"),
            took_ms: 1,
            verdict: crate::model::RunVerdict::Ready,
            complete: true,
            planned: 1,
        };
        let none = Snapshot { side, checks: Vec::new() };
        Difference { changes, ..Difference::between(&none, &none, SlowerThan::default()) }
    }

    #[test]
    fn what_hangs_on_one_root_is_one_line_and_nothing_is_dropped() {
        use Verdict::{Blocked, Error, Fail, Pass};
        let changes = vec![
            changed("a/ping", Change::NewRed, (Pass, Fail), None),
            changed("a/one", Change::NewUndecided, (Pass, Blocked), Some("a/ping")),
            changed("b/own", Change::NewUndecided, (Pass, Error), None),
            changed("a/two", Change::NewUndecided, (Pass, Blocked), Some("a/ping")),
            changed("c/one", Change::NewUndecided, (Pass, Blocked), Some("c/tcp")),
            changed("d/one", Change::Fixed, (Blocked, Pass), Some("d/tcp")),
            changed("d/two", Change::Fixed, (Blocked, Pass), Some("d/tcp")),
        ];
        let view = view(&difference(changes), 100);
        let told: Vec<_> = view.lines.iter().map(|line| (line.checks.as_str(), line.observed.as_str())).collect();
        let expected = [
            ("`a/ping`", "seen"),
            ("`a/one`, `a/two`", "2 checks behind `a/ping`"),
            ("`b/own`", "seen"),
            ("`c/one`", "1 check behind `c/tcp`"),
            ("`d/one`, `d/two`", "before: 2 checks behind `d/tcp`"),
        ];
        assert_eq!(told, expected);
        assert_eq!(view.summary, "1 new red, 4 newly undecided, 2 fixed; 0 as good as before.");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let many: Vec<Changed> = (0..9)
            .map(|number| changed(&format!("a/{number}"), Change::NewRed, (Verdict::Pass, Verdict::Fail), None))
            .collect();
        let view = view(&difference(many), 4);
        assert_eq!((view.lines.len(), view.left_out), (4, 5));
    }

    #[test]
    fn a_factor_is_shown_with_one_decimal() {
        for (percent, expected) in [(200, "2.0"), (1_437, "14.3"), (105, "1.0"), (0, "0.0")] {
            assert_eq!(hundredths(percent), expected);
        }
    }
}
