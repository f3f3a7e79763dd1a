use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::json;

use super::{
    abandoned::Abandoned,
    arguments::{HistoryArguments, RunArguments, RunFormat},
    credentials, environment,
    failure::Failure,
    github_output, history,
    output::{complain, say},
    progress::Progress,
    settings, shard, termination,
};
use crate::{
    catalogue::{self, Configuration},
    engine::{self, Journal, JournalFailure, Supervision, WorkerInput},
    model::{
        CheckResult, Event, ExitCode, Facts, Observation, Plan, PlannedCheck, Provenance, Redactor, Report, Target,
        What, judge,
    },
    probes, reports,
};

/// The probe whose check is settled here, because it looks at the written reports.
pub(super) const REPORTS_PROBE: &str = "suite.reports";

pub(super) fn main(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    execute(arguments, None)
}

/// Runs, for an application's namespace where one is named.
pub(super) fn execute(arguments: &RunArguments, application: Option<&str>) -> Result<ExitCode, Failure> {
    let request = settings::request(&arguments.selection, Some(arguments))?;
    let mut environment = environment::read(&arguments.selection.environment)?;
    environment.configuration.application = application.map(str::to_owned);
    let diagnostics = std::mem::take(&mut environment.diagnostics);
    let plan = catalogue::make_plan(
        &environment.catalogue,
        &environment.configuration,
        &probes::descriptors(),
        &request,
        diagnostics,
    )?;
    let plan = shard::cut(plan, &arguments.shard, run_group(arguments)?)?;
    let targets = targets_of(&environment.configuration, &plan)?;
    let command =
        application.map_or_else(|| "run".to_owned(), |name| format!("gate --app-namespace {}", settings::quoted(name)));
    let mut provenance = settings::provenance(&command, &arguments.selection, &environment.configuration);
    if let Some(shard) = plan.shard() {
        let group = settings::quoted(&shard.group);
        provenance.command.push_str(&format!(" --shard {}/{} --run-group {group}", shard.number, shard.of));
    }
    let colour = settings::colour(arguments.color);
    let mut progress = match arguments.format {
        RunFormat::Json | RunFormat::Markdown => Progress::Silent,
        RunFormat::Journal => Progress::Journal,
        RunFormat::Auto if settings::is_live(arguments.format) => Progress::live(&plan),
        RunFormat::Auto | RunFormat::Plain => Progress::plain(&plan, colour),
    };
    let kept = (arguments.report_dir.as_path(), &arguments.history);
    let conducted = conduct(plan, targets, provenance, kept, &mut |event| progress.take(event));
    progress.finish();
    let conducted = conducted?;
    let report = &conducted.report;
    termination::leave(report);
    match arguments.format {
        RunFormat::Journal => {}
        RunFormat::Json => say(&reports::results(report)),
        RunFormat::Markdown => say(&reports::markdown(report, usize::MAX)),
        RunFormat::Auto | RunFormat::Plain => {
            print_summary(report, &arguments.report_dir, colour);
            github_output::publish(report);
        }
    }
    match conducted.failure {
        None => Ok(ExitCode::of(report)),
        Some(failure) => {
            // The files are lost, so the verdict is told here in full.
            complain(&reports::results(report));
            Err(Failure::new(
                ExitCode::ReportNotWritten,
                failure,
                "the results stand above; free the disk or name another folder with --report-dir",
            ))
        }
    }
}

/// The name that the shards of this run share. Without one, the shards of two nights could be joined into a readiness that
/// never was.
fn run_group(arguments: &RunArguments) -> Result<&str, Failure> {
    match arguments.run_group.as_deref() {
        Some(group) if !group.trim().is_empty() => Ok(group),
        _ if arguments.shard.shard.is_none() => Ok(""),
        _ => Err(Failure::usage(
            "a shard needs a run group",
            "give every shard of this run the same --run-group, and no other run: the id of the CI run, the uid of the Job",
        )),
    }
}

/// Reads the credentials of the services the plan goes to.
pub(super) fn targets_of(configuration: &Configuration, plan: &Plan) -> Result<Vec<Target>, Failure> {
    let mut faults = catalogue::Diagnostics::default();
    for file in &configuration.files {
        if let Ok(file) = catalogue::SourceFile::read(Path::new(file)) {
            faults.know(&file);
        }
    }
    for file in catalogue::SourceFile::embedded("checks/profiles/") {
        faults.know(&file);
    }
    let targets = credentials::resolve(configuration, plan, &mut faults);
    if faults.is_empty() { Ok(targets) } else { Err(Failure::Faults(faults)) }
}

/// A run that came to its end, with what could not be written of it.
pub(super) struct Conducted {
    pub(super) report: Report,
    pub(super) failure: Option<anyhow::Error>,
}

/// Runs a plan under supervision, writes its reports into a folder, and keeps them in a history where there is one.
pub(super) fn conduct(
    plan: Plan,
    targets: Vec<Target>,
    provenance: Provenance,
    (folder, history): (&Path, &HistoryArguments),
    observer: &mut dyn FnMut(&Event),
) -> Result<Conducted, Failure> {
    let unwritable = |error: anyhow::Error| {
        Failure::new(ExitCode::Usage, error, "name a folder that can be written with --report-dir")
    };
    prepare(folder).map_err(|error| unwritable(error.into()))?;
    let mut journal = Journal::begin(folder).map_err(|error| {
        let hint = match error {
            JournalFailure::Busy { .. } => "wait for the other run, or name another folder with --report-dir",
            JournalFailure::Write { .. } => "name a folder that can be written with --report-dir",
        };
        Failure::new(ExitCode::Usage, error, hint)
    })?;
    let abandoned = Abandoned::of(&plan, &targets);
    let redactor = Redactor::new(targets.iter().flat_map(Target::secrets));
    let settled_here = plan.checks.iter().find(|check| check.probe == REPORTS_PROBE).cloned();
    let program = own_program()?;
    let supervision =
        Supervision { input: WorkerInput { plan, targets }, provenance, redactor: &redactor, program, observer };
    let lost =
        engine::supervise(&mut journal, supervision).map_err(|error| Failure::new(ExitCode::Incomplete, error, ""))?;
    let worker_ended = |event: &Event| matches!(event.what, What::WorkerEnded { complete: true, .. });
    if let Some(abandoned) = abandoned.filter(|_| !journal.events().iter().any(worker_ended)) {
        abandoned.remove();
    }
    let mut failure = lost.map(anyhow::Error::from);
    let mut remember = |error: anyhow::Error| {
        failure.get_or_insert(error);
    };
    if let Some(check) = settled_here.filter(|check| check.skip.is_none()) {
        settle_reports_check(&mut journal, &check, folder, observer).unwrap_or_else(&mut remember);
    }
    for what in history::compared(history, journal.events(), true) {
        if let Err(error) = journal.append(what) {
            remember(error.into());
        }
    }
    match journal.append(What::RunFinished).cloned() {
        Ok(event) => observer(&event),
        Err(error) => remember(error.into()),
    }
    if let Err(error) = journal.sync() {
        remember(error.into());
    }
    let Some(report) = Report::fold(journal.events()) else {
        return Err(Failure::usage("the run has no plan", "this is a defect of the program: please report it"));
    };
    if let Err(error) = write_reports(&report, folder).and_then(|()| history::keep(history, &report, folder)) {
        remember(error);
    }
    Ok(Conducted { report, failure })
}

/// This very program, also when its file was replaced since it started: supervisor and worker must be the same build.
fn own_program() -> Result<PathBuf, Failure> {
    let by_kernel = Path::new("/proc/self/exe");
    if by_kernel.exists() {
        return Ok(by_kernel.to_owned());
    }
    std::env::current_exe()
        .context("failed to find this program's own file")
        .map_err(|error| Failure::new(ExitCode::Incomplete, error, ""))
}

/// Writes the reports as they would be, reads them back, and judges what stands in them.
fn settle_reports_check(
    journal: &mut Journal,
    check: &PlannedCheck,
    folder: &Path,
    observer: &mut dyn FnMut(&Event),
) -> anyhow::Result<()> {
    let Some(draft) = Report::fold(journal.events()) else { return Ok(()) };
    if draft.interrupted.is_some() {
        return Ok(());
    }
    let result = judge_reports(&draft, check, folder)?;
    let event = journal.append(What::CheckFinished { id: check.id.clone(), result: Box::new(result) })?.clone();
    observer(&event);
    Ok(())
}

/// The result of the check that looks at the reports: planned set = reported set, in every file.
pub(super) fn judge_reports(draft: &Report, check: &PlannedCheck, folder: &Path) -> anyhow::Result<CheckResult> {
    write_reports(draft, folder)?;
    // A report that lacks a check is told by its own sentence.
    let missing: Vec<String> = reports::verify(draft, folder)
        .err()
        .unwrap_or_default()
        .iter()
        .map(|error| format!("{error}: {}", error.source))
        .collect();
    let facts = Facts::from_iter([
        ("planned".to_owned(), json!(draft.plan.checks.len())),
        ("reported".to_owned(), json!(draft.rows.len())),
        ("missing".to_owned(), json!(missing)),
    ]);
    let judgement = judge(check, &Ok(facts.clone()));
    let mut result = CheckResult::without_run(judgement.verdict, judgement.observed.clone());
    result.attempts = 1;
    result.judgement = Some(judgement);
    result.observation = Some(Observation { facts, ..Observation::default() });
    Ok(result)
}

/// Writes every report; a failure names every file that could not be written.
pub(super) fn write_reports(report: &Report, folder: &Path) -> anyhow::Result<()> {
    match reports::write_all(report, folder) {
        Ok(_) => Ok(()),
        Err(errors) => {
            let texts: Vec<String> = errors.iter().map(|error| format!("{error}: {}", error.source)).collect();
            Err(anyhow::anyhow!(texts.join("; ")))
        }
    }
}

/// The folder of the reports, for its owner only: evidence may hold what servers say of themselves.
pub(super) fn prepare(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The summary for a person, and where the reports are.
pub(super) fn print_summary(report: &Report, folder: &Path, colour: bool) {
    let width = usize::from(console::Term::stdout().size_checked().map_or(110, |(_, columns)| columns));
    let text = reports::terminal(report, Some(folder), reports::TerminalOptions { width, colour });
    say(&text);
}
