//! The chain of checks, each needing the one before, that took longest: what a run cannot be faster than.

use std::collections::HashMap;

use crate::model::{CheckId, Report, Row};

/// The chain in the order in which it ran, and the microseconds its checks took together.
pub(super) fn slowest_chain(report: &Report) -> (Vec<&Row>, u64) {
    let mut ends: HashMap<&CheckId, (u64, Option<&CheckId>)> = HashMap::new();
    let rows: HashMap<&CheckId, &Row> = report.rows.iter().map(|row| (&row.check.id, row)).collect();
    // The plan lists needs before dependants, so one pass is enough.
    for row in report.rows.iter().filter(|row| row.result.attempts > 0) {
        let longest = row
            .check
            .needs
            .iter()
            .filter_map(|need| ends.get(need).map(|(end, _)| (*end, need)))
            .max_by_key(|(end, _)| *end);
        let before = longest.map_or(0, |(end, _)| end);
        let end = before.saturating_add(row.result.took_us);
        ends.entry(&row.check.id).or_insert((end, longest.map(|(_, need)| need)));
    }
    let last = ends.iter().max_by_key(|(id, (end, _))| (*end, *id)).map(|(id, (end, _))| (*id, *end));
    let Some((last, total)) = last else {
        return (Vec::new(), 0);
    };
    let mut chain = Vec::new();
    let mut next = Some(last);
    while let Some(id) = next {
        chain.extend(rows.get(id).copied());
        next = ends.get(id).and_then(|(_, before)| *before);
    }
    chain.reverse();
    (chain, total)
}
