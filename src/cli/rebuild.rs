use std::{io::Read as _, path::Path};

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
    let from_stdin = path.as_os_str() == "-";
    let text = if from_stdin { read_log() } else { std::fs::read(path) };
    let text = text.map_err(|error| {
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

/// Of a log on standard input only the events: a container's log holds its standard error as well.
fn read_log() -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::io::stdin().lock().read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let events = text.lines().filter(|line| line.starts_with("{\"seq\":"));
    Ok(events.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes())
}
