use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{arguments::MergeArguments, failure::Failure, history, rebuild, run, settings};
use crate::model::{Event, ExitCode, GivenJournal, Joined, Report, What, merge};

/// The name of a journal in a folder of reports.
const JOURNAL: &str = "journal.ndjson";

/// Joins the journals of the shards of one run, and writes the reports of the whole.
pub(super) fn main(arguments: &MergeArguments) -> Result<ExitCode, Failure> {
    let folder = &arguments.report_dir;
    let mut given = Vec::new();
    for path in &arguments.journals {
        let path = if path.is_dir() { path.join(JOURNAL) } else { path.clone() };
        refuse_overwriting(&path, folder)?;
        given.push(GivenJournal { name: path.display().to_string(), events: rebuild::read(&path)? });
    }
    let words = arguments.journals.iter().map(|path| settings::quoted(&path.display().to_string()));
    let command = format!("soma-conformance merge {}", words.collect::<Vec<_>>().join(" "));
    let joined = merge(given, &command).map_err(|error| {
        Failure::new(
            ExitCode::Usage,
            error,
            "name one journal of each shard of one run: of two attempts the one that counts",
        )
    })?;
    run::prepare(folder)
        .map_err(|error| Failure::new(ExitCode::Usage, error, "name a folder that can be written with --report-dir"))?;
    let report = close(joined, arguments).map_err(|error| {
        Failure::new(ExitCode::ReportNotWritten, error, "free the disk or name another folder with --report-dir")
    })?;
    run::print_summary(&report, folder, settings::colour(arguments.color));
    Ok(ExitCode::of(&report))
}

/// Judges what only the whole can show, ends the joined run, and writes everything of it.
fn close(mut joined: Joined, arguments: &MergeArguments) -> anyhow::Result<Report> {
    let folder = &arguments.report_dir;
    judge_reports(&mut joined, folder)?;
    for what in history::compared(&arguments.history, &joined.events, joined.complete) {
        push(&mut joined, what);
    }
    if joined.complete {
        push(&mut joined, What::RunFinished);
    }
    let report = fold(&joined.events)?;
    write_journal(&joined.events, folder)?;
    run::write_reports(&report, folder)?;
    history::keep(&arguments.history, &report, folder)?;
    Ok(report)
}

fn push(joined: &mut Joined, what: What) {
    let seq = joined.events.len() as u64;
    joined.events.push(Event { seq, at: joined.ended, what });
}

fn fold(events: &[Event]) -> anyhow::Result<Report> {
    Report::fold(events).ok_or_else(|| anyhow::anyhow!("the joined run has no plan"))
}

/// The check that looks at the reports told each shard of its own; of the whole it is judged here, over the whole.
fn judge_reports(joined: &mut Joined, folder: &Path) -> anyhow::Result<()> {
    let draft = fold(&joined.events)?;
    let of_reports = draft.plan.checks.iter().find(|check| check.probe == run::REPORTS_PROBE);
    let Some(check) = of_reports.filter(|check| check.skip.is_none()) else { return Ok(()) };
    joined.events.retain(|event| !matches!(&event.what, What::CheckFinished { id, .. } if *id == check.id));
    for (seq, event) in (0..).zip(&mut joined.events) {
        event.seq = seq;
    }
    let draft = fold(&joined.events)?;
    let result = run::judge_reports(&draft, check, folder)?;
    push(joined, What::CheckFinished { id: check.id.clone(), result: Box::new(result) });
    Ok(())
}

/// The journal of the whole, from which `report` makes everything again. An older one is kept beside it.
fn write_journal(events: &[Event], folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(JOURNAL);
    if path.is_file() {
        anyhow::ensure!(File::open(&path)?.try_lock().is_ok(), "another run is writing `{}`", path.display());
        std::fs::rename(&path, folder.join("journal.previous.ndjson"))?;
    }
    let mut file = tempfile::Builder::new().prefix(".soma-conformance-").tempfile_in(folder)?;
    for event in events {
        serde_json::to_writer(&mut file, event)?;
        file.write_all(b"\n")?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The journal of a shard is the only truth of it, so the whole is never written in its place.
fn refuse_overwriting(journal: &Path, folder: &Path) -> Result<(), Failure> {
    let place = |path: &Path| -> Option<PathBuf> { path.canonicalize().ok() };
    let of_journal = journal.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    match (of_journal.and_then(place), place(folder)) {
        (Some(own), Some(other)) if own == other => Err(Failure::usage(
            format!("`{}` holds the journal of a shard", folder.display()),
            "name another folder for the whole with --report-dir",
        )),
        _ => Ok(()),
    }
}
