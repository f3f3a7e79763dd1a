use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{arguments::MergeArguments, failure::Failure, history, rebuild, run, settings};
use crate::model::{Event, ExitCode, GivenJournal, Joined, Report, What, merge};

/// Joins the journals of the shards of one run, and writes the reports of the whole.
pub(super) fn main(arguments: &MergeArguments) -> Result<ExitCode, Failure> {
    let mut given = Vec::new();
    for path in &arguments.journals {
        let path = if path.is_dir() { path.join(JOURNAL) } else { path.clone() };
        refuse_overwriting(&path, &arguments.report_dir)?;
        given.push(GivenJournal { name: path.display().to_string(), events: rebuild::read(&path)? });
    }
    let words = arguments.journals.iter().map(|path| settings::quoted(&path.display().to_string()));
    let command = format!("soma-conformance merge {}", words.collect::<Vec<_>>().join(" "));
    let mut joined = merge(given, &command).map_err(|error| {
        Failure::new(ExitCode::Usage, error, "name one journal of each shard of one run, and keep the attempt that counts")
    })?;
    let folder = &arguments.report_dir;
    let unwritable =
        |error: anyhow::Error| Failure::new(ExitCode::ReportNotWritten, error, "name another folder with --report-dir");
    run::prepare(folder).map_err(|error| unwritable(error.into()))?;
    judge_reports(&mut joined, folder).map_err(unwritable)?;
    let before = history::before(&arguments.history, &joined.events);
    let last = joined.ended;
    let mut push = |what: What| {
        let seq = joined.events.len() as u64;
        joined.events.push(Event { seq, at: last, what });
    };
    let is_complete = joined.complete;
    if let Some(compared) = before.and_then(|before| before.compare(is_complete)) {
        push(compared);
    }
    if is_complete {
        push(What::RunFinished);
    }
    let report = Report::fold(&joined.events).ok_or_else(|| Failure::usage("the shards have no plan", ""))?;
    run::write_reports(&report, folder).map_err(unwritable)?;
    write_journal(&joined.events, folder).map_err(unwritable)?;
    history::keep(&arguments.history, &report, folder)?;
    run::print_summary(&report, folder, settings::colour(arguments.color));
    Ok(ExitCode::of(&report))
}

/// The name of a journal in a folder of reports.
pub(super) const JOURNAL: &str = "journal.ndjson";
