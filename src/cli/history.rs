use std::path::Path;

use super::{
    arguments::{HistoryArguments, HistoryFormat, HistoryOfArguments},
    failure::Failure,
    output::{complain, say},
};
use crate::{
    model::{Difference, Event, ExitCode, Level, Report, SlowerThan, Snapshot, Timeline, What},
    reports::{self, History},
};

/// Prints the runs of a history over time.
pub(super) fn main(arguments: &HistoryOfArguments) -> Result<ExitCode, Failure> {
    let hint = "name the folder that `soma-conformance run --history` writes";
    if !arguments.folder.is_dir() {
        return Err(Failure::usage(format!("`{}` is not a folder", arguments.folder.display()), hint));
    }
    let found = History::of(&arguments.folder).read().map_err(|error| Failure::new(ExitCode::Usage, error, hint))?;
    let left_out = found.entries.len().saturating_sub(arguments.last);
    let timeline = Timeline::of(found.entries.into_iter().skip(left_out).map(|entry| entry.snapshot).collect());
    say(&match arguments.format {
        HistoryFormat::Table => reports::timeline(&timeline, &found.ignored),
        HistoryFormat::Json => reports::timeline_json(&timeline, &found.ignored),
    });
    Ok(ExitCode::Ready)
}

/// What the journal is told of the history before its last line: the difference to the last run that can be compared with,
/// and what was passed over to find it.
pub(super) fn compared(arguments: &HistoryArguments, events: &[Event], is_complete: bool) -> Vec<What> {
    let Some(folder) = &arguments.history else { return Vec::new() };
    let mut events = events.to_vec();
    if let Some(last) = events.last().filter(|_| is_complete) {
        // The verdict is compared as it will stand when the run has ended.
        events.push(Event { seq: last.seq + 1, at: last.at, what: What::RunFinished });
    }
    let Some(report) = Report::fold(&events) else { return Vec::new() };
    let now = Snapshot::of(&report);
    let note = |level, text| What::Note { level, text };
    let (before, ignored) = match History::of(folder).last_complete(&now) {
        Ok(found) => found,
        Err(error) => {
            let text = format!("the history could not be read: {error}: {}", error.source);
            return vec![note(Level::Warning, text)];
        }
    };
    let mut whats: Vec<What> =
        ignored.into_iter().map(|text| note(Level::Warning, format!("history: {text}, and was ignored"))).collect();
    whats.push(match before {
        Some(before) => {
            let difference = Box::new(Difference::between(&before, &now, SlowerThan::default()));
            What::Compared { difference }
        }
        None => note(
            Level::Info,
            format!(
                "the history holds no earlier run of profile {} and {} that came to its end",
                now.side.profile, now.side.reach
            ),
        ),
    });
    whats
}

/// Keeps the written reports of a run in the history.
pub(super) fn keep(arguments: &HistoryArguments, report: &Report, reports: &Path) -> anyhow::Result<()> {
    let Some(folder) = &arguments.history else { return Ok(()) };
    let untidy = History::of(folder).keep(report, reports, arguments.keep)?;
    for text in untidy {
        complain(&format!("warning: {text}\n"));
    }
    Ok(())
}
