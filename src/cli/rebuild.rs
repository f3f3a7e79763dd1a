use std::path::Path;

use super::{arguments::ReportArguments, failure::Failure, run, settings};
use crate::model::{Event, ExitCode, Report, read_journal};

/// Makes the reports again from a journal: the same fold, at any time.
pub(super) fn main(arguments: &ReportArguments) -> Result<ExitCode, Failure> {
    let path = &arguments.from;
    let events = read(path)?;
    let report = Report::fold(&events).ok_or_else(|| Failure::usage("the journal does not begin with a plan", ""))?;
    let folder =
        arguments.report_dir.as_deref().or_else(|| path.parent()).filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    run::write_reports(&report, folder)
        .map_err(|error| Failure::new(ExitCode::ReportNotWritten, error, "name another folder with --report-dir"))?;
    run::print_summary(&report, folder, settings::colour(arguments.color));
    Ok(ExitCode::of(&report))
}

/// The events of a journal.
pub(super) fn read(path: &Path) -> Result<Vec<Event>, Failure> {
    let text = std::fs::read(path).map_err(|error| {
        Failure::new(
            ExitCode::Usage,
            anyhow::Error::new(error).context(format!("failed to read `{}`", path.display())),
            "name the journal.ndjson of a run",
        )
    })?;
    // A torn last character is part of a torn last line.
    let text = String::from_utf8_lossy(&text);
    read_journal(&text).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("failed to read `{}`", path.display()));
        Failure::new(ExitCode::Usage, error, "name the journal.ndjson of a run")
    })
}
