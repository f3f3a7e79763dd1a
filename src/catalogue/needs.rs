use std::collections::{BTreeMap, BTreeSet};

use crate::model::{CheckId, PlannedCheck};

/// Orders checks so that every need comes before its dependants; otherwise the order of the files is kept.
///
/// # Errors
/// A cycle, as the ids on it in order.
pub(super) fn order(checks: Vec<PlannedCheck>) -> Result<Vec<PlannedCheck>, Vec<CheckId>> {
    let index: BTreeMap<CheckId, usize> =
        checks.iter().enumerate().map(|(index, check)| (check.id.clone(), index)).collect();
    let mut state = vec![State::New; checks.len()];
    let mut sorted = Vec::with_capacity(checks.len());
    for start in 0..checks.len() {
        visit(start, &checks, &index, &mut state, &mut sorted, &mut Vec::new())?;
    }
    let mut slots: Vec<Option<PlannedCheck>> = checks.into_iter().map(Some).collect();
    Ok(sorted.into_iter().filter_map(|index| slots[index].take()).collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

fn visit(
    at: usize,
    checks: &[PlannedCheck],
    index: &BTreeMap<CheckId, usize>,
    state: &mut [State],
    sorted: &mut Vec<usize>,
    path: &mut Vec<usize>,
) -> Result<(), Vec<CheckId>> {
    match state[at] {
        State::Done => return Ok(()),
        State::OnPath => {
            let from = path.iter().position(|on_path| *on_path == at).unwrap_or(0);
            return Err(path[from..].iter().chain([&at]).map(|index| checks[*index].id.clone()).collect());
        }
        State::New => {}
    }
    state[at] = State::OnPath;
    path.push(at);
    for need in &checks[at].needs {
        if let Some(next) = index.get(need) {
            visit(*next, checks, index, state, sorted, path)?;
        }
    }
    path.pop();
    state[at] = State::Done;
    sorted.push(at);
    Ok(())
}

/// The ids with everything they need, directly or not. What is skipped as declared needs nothing.
pub(super) fn closure(wanted: BTreeSet<CheckId>, checks: &[PlannedCheck]) -> BTreeSet<CheckId> {
    let by_id: BTreeMap<&CheckId, &PlannedCheck> = checks.iter().map(|check| (&check.id, check)).collect();
    let mut all = BTreeSet::new();
    let mut open: Vec<CheckId> = wanted.into_iter().collect();
    while let Some(id) = open.pop() {
        if let Some(check) = by_id.get(&id) {
            if check.skip.is_none() {
                open.extend(check.needs.iter().filter(|need| !all.contains(*need)).cloned());
            }
            all.insert(id);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, needs: &[&str]) -> PlannedCheck {
        let mut check = PlannedCheck::sample(id);
        check.needs = needs.iter().map(|need| need.parse().expect("id")).collect();
        check
    }

    #[test]
    fn needs_come_first_and_a_cycle_is_named() {
        let sorted = order(vec![check("a/c", &["a/b"]), check("a/b", &["a/a"]), check("a/a", &[])]).expect("no cycle");
        assert_eq!(sorted.iter().map(|check| check.id.as_str()).collect::<Vec<_>>(), ["a/a", "a/b", "a/c"]);
        let cycle =
            order(vec![check("a/x", &[]), check("a/a", &["a/b"]), check("a/b", &["a/a"])]).expect_err("a cycle");
        assert_eq!(cycle.iter().map(CheckId::as_str).collect::<Vec<_>>(), ["a/a", "a/b", "a/a"]);
    }

    #[test]
    fn an_order_that_is_right_already_stays() {
        let checks = vec![check("a/z", &[]), check("a/b", &["a/z", "x/elsewhere"]), check("a/a", &[])];
        let sorted = order(checks).expect("no cycle");
        assert_eq!(sorted.iter().map(|check| check.id.as_str()).collect::<Vec<_>>(), ["a/z", "a/b", "a/a"]);
    }

    #[test]
    fn a_closure_holds_every_need_but_those_of_what_is_skipped() {
        let mut skipped = check("b/skipped", &["b/behind-it"]);
        skipped.skip = Some("declared".to_owned());
        let checks = [
            check("a/1", &[]),
            check("a/2", &["a/1"]),
            check("a/3", &["a/2", "a/1", "b/skipped", "x/elsewhere"]),
            check("a/4", &["a/3"]),
            check("b/behind-it", &[]),
            skipped,
        ];
        let closed = |wanted: &[&str]| {
            let wanted = wanted.iter().map(|id| id.parse().expect("id")).collect();
            closure(wanted, &checks).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(closed(&[]), Vec::<String>::new());
        assert_eq!(closed(&["a/1"]), ["a/1"]);
        assert_eq!(closed(&["a/3"]), ["a/1", "a/2", "a/3", "b/skipped"]);
        assert_eq!(closed(&["x/elsewhere"]), Vec::<String>::new());
    }
}
