use std::{io::IsTerminal as _, path::Path};

use super::{
    arguments::{DiffArguments, DiffFormat, FailOn},
    failure::Failure,
    output::{complain, say},
    settings,
};
use crate::{
    model::{Change, Difference, ExitCode, SlowerThan, Snapshot, printable},
    reports::{self, TerminalOptions},
};

/// Tells what changed from one run to another.
pub(super) fn main(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let slower_than = SlowerThan {
        factor_percent: arguments.slower_factor,
        floor_us: u64::try_from(arguments.slower_floor.0.as_micros()).unwrap_or(u64::MAX),
    };
    let difference = Difference::between(&read(&arguments.old)?, &read(&arguments.new)?, slower_than);
    match arguments.format {
        DiffFormat::Table => {
            let width = usize::from(console::Term::stdout().size_checked().map_or(110, |(_, columns)| columns));
            let options = TerminalOptions { width, colour: settings::colour(arguments.color) };
            say(&reports::difference_terminal(&difference, options));
        }
        DiffFormat::Markdown => say(&reports::difference_markdown(&difference)),
        DiffFormat::Json => say(&reports::difference_json(&difference)),
    }
    // Whoever hands the output on does not read it; the table on a terminal has told already.
    if arguments.format != DiffFormat::Table || !std::io::stdout().is_terminal() {
        for warning in &difference.warnings {
            complain(&format!("warning: NOT COMPARABLE: {}\n", printable(warning)));
        }
    }
    let found: Vec<String> = arguments.fail_on.iter().filter_map(|wanted| found(*wanted, &difference)).collect();
    if found.is_empty() {
        return Ok(ExitCode::Ready);
    }
    complain(&format!("failed on: {}\n", found.join(", ")));
    Ok(ExitCode::NotReady)
}

fn read(path: &Path) -> Result<Snapshot, Failure> {
    reports::snapshot(path).map_err(|error| {
        Failure::new(
            ExitCode::Usage,
            error,
            "name the results.json or journal.ndjson of a run, or the folder of its reports",
        )
    })
}

/// How much there is of what is not wanted, in words.
fn found(wanted: FailOn, difference: &Difference) -> Option<String> {
    let changes: &[Change] = match wanted {
        FailOn::New => &[Change::NewRed, Change::NewUndecided],
        FailOn::Warning => &[Change::NewWarning],
        FailOn::Vanished => &[Change::Vanished, Change::NoLongerChecked],
        FailOn::Slower => &[],
        FailOn::Any => {
            &[Change::NewRed, Change::NewUndecided, Change::NewWarning, Change::Vanished, Change::NoLongerChecked]
        }
    };
    let mut counts: Vec<String> = changes
        .iter()
        .map(|change| (difference.with_change(*change).count(), change.words()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if matches!(wanted, FailOn::Slower | FailOn::Any) && !difference.slower.is_empty() {
        counts.push(format!("{} slower", difference.slower.len()));
    }
    (!counts.is_empty()).then(|| counts.join(", "))
}
