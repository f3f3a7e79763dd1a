use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::Path,
    process,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
};

use libtest_mimic::{Completion, Failed, Trial};

use super::{
    arguments::{EnvironmentArguments, HistoryArguments, SelectionArguments},
    environment,
    failure::Failure,
    output, run, settings,
};
use crate::{
    catalogue,
    model::{CheckId, CheckResult, ExitCode, Plan, Verdict, What},
    probes,
};

/// What libtest's command line knows and ours does not, as a first word.
const LIBTEST_FLAGS: [&str; 15] = [
    "--list",
    "--exact",
    "--skip",
    "--nocapture",
    "--show-output",
    "--format",
    "--test-threads",
    "--ignored",
    "--include-ignored",
    "--test",
    "--bench",
    "--logfile",
    "--quiet",
    "-q",
    "--color",
];

/// Whether the words are those of libtest and not of a command of ours: a flag of its own first, or a part of a check's
/// name and then such a flag.
pub(super) fn is_libtest_call(words: &[OsString]) -> bool {
    let is_flag = |word: &str| LIBTEST_FLAGS.iter().any(|flag| word.split('=').next() == Some(*flag));
    let mut words = words.iter().skip(1).filter_map(|word| word.to_str());
    words.next().is_some_and(|first| is_flag(first) || (first.contains('/') && words.any(is_flag)))
}

/// The program as a test binary: every planned check is one test.
pub(super) fn main(words: Vec<OsString>) -> process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_iter(words);
    conformance_tests(&arguments, None)
}

/// Runs the checks of the environment as tests of `cargo test` or nextest, by the same engine and with the same reports.
///
/// The configuration is `config`, or else the file named by `SOMA_CONFORMANCE_CONFIG`. A run-time skip is `ignored` here, and nextest shows that as
/// a pass: our own report stays the authority.
#[must_use]
pub fn conformance_tests(arguments: &libtest_mimic::Arguments, config: Option<&Path>) -> process::ExitCode {
    let (trials, run) = match prepare(arguments, config) {
        Ok(prepared) => prepared,
        Err(failure) => return process::ExitCode::from(failure.tell().number()),
    };
    if arguments.list {
        list(arguments, &trials);
        return process::ExitCode::SUCCESS;
    }
    let conclusion = libtest_mimic::run(arguments, trials);
    // The last verdict comes before the reports are written, and they must not be lost with this process.
    let is_written = run.is_none_or(|run| run.join().unwrap_or(false));
    if is_written { conclusion.exit_code() } else { process::ExitCode::from(101) }
}

/// One line a test, as libtest lists them. Whoever has read enough of it may close the pipe.
fn list(arguments: &libtest_mimic::Arguments, trials: &[Trial]) {
    let chosen = trials.iter().filter(|trial| !arguments.is_filtered_out(trial));
    output::say(&chosen.map(|trial| format!("{}: test\n", trial.name())).collect::<String>());
}

/// The verdicts so far, and whether more will come.
#[derive(Default)]
struct Board {
    results: Mutex<(BTreeMap<CheckId, CheckResult>, bool)>,
    changed: Condvar,
}

/// Whether the reports of the run could be written.
type Run = JoinHandle<bool>;

/// The tests, and the run that decides them, if one of them is to be run.
fn prepare(arguments: &libtest_mimic::Arguments, config: Option<&Path>) -> Result<(Vec<Trial>, Option<Run>), Failure> {
    let selection = SelectionArguments {
        environment: EnvironmentArguments {
            config: config.map(Path::to_owned).or_else(|| std::env::var_os("SOMA_CONFORMANCE_CONFIG").map(Into::into)),
            checks: std::env::var_os("SOMA_CONFORMANCE_CHECKS").map(Into::into),
            ..EnvironmentArguments::default()
        },
        ..SelectionArguments::default()
    };
    let environment = environment::read(&selection.environment)?;
    let mut request = settings::request(&selection, None)?;
    let everything = catalogue::make_plan(
        &environment.catalogue,
        &environment.configuration,
        &probes::descriptors(),
        &request,
        environment.diagnostics.clone(),
    )?;
    let board = Arc::new(Board::default());
    // While a trial waits for its verdict it holds one of libtest's threads, which costs nothing.
    let trials: Vec<(&CheckId, Trial)> =
        everything.checks.iter().map(|check| (&check.id, trial(check.id.clone(), Arc::clone(&board)))).collect();
    // By libtest's own rules, or a run is made that nobody looks at.
    let is_chosen = |trial: &Trial| !arguments.is_filtered_out(trial) && !arguments.is_ignored(trial);
    let chosen: Vec<&CheckId> = trials.iter().filter(|(_, trial)| is_chosen(trial)).map(|(id, _)| *id).collect();
    let mut run = None;
    if !arguments.list && !chosen.is_empty() {
        for id in chosen {
            let selector = catalogue::Selector::parse(id.as_str()).map_err(|error| Failure::usage(error, ""))?;
            request.only.push(selector);
        }
        let plan = catalogue::make_plan(
            &environment.catalogue,
            &environment.configuration,
            &probes::descriptors(),
            &request,
            environment.diagnostics,
        )?;
        let targets = run::targets_of(&environment.configuration, &plan)?;
        let provenance = settings::provenance("run", &selection, &environment.configuration);
        run = Some(start(plan, targets, provenance, board));
    }
    Ok((trials.into_iter().map(|(_, trial)| trial).collect(), run))
}

fn start(
    plan: Plan,
    targets: Vec<crate::model::Target>,
    provenance: crate::model::Provenance,
    board: Arc<Board>,
) -> Run {
    std::thread::spawn(move || {
        let folder = std::env::var_os("SOMA_CONFORMANCE_REPORT_DIR").map(std::path::PathBuf::from);
        let own = folder.is_none().then(tempfile::tempdir).and_then(Result::ok);
        let folder = folder
            .or_else(|| own.as_ref().map(|own| own.path().to_owned()))
            .unwrap_or_else(|| "soma-conformance-report".into());
        let conducted =
            run::conduct(plan, targets, provenance, (&folder, &HistoryArguments::default()), &mut |event| {
                if let What::CheckFinished { id, result } = &event.what {
                    board
                        .results
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                        .insert(id.clone(), (**result).clone());
                    board.changed.notify_all();
                }
            });
        board.results.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        board.changed.notify_all();
        let failure = match conducted {
            Ok(conducted) => conducted.failure.map(|error| Failure::new(ExitCode::ReportNotWritten, error, "")),
            Err(failure) => Some(failure),
        };
        failure.map(Failure::tell).is_none()
    })
}

fn trial(id: CheckId, board: Arc<Board>) -> Trial {
    Trial::ignorable_test(id.to_string(), move || {
        let mut results = board.results.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(result) = results.0.get(&id) {
                return verdict(result);
            }
            if results.1 {
                return Err(Failed::from("not run: the run ended without a result"));
            }
            results = board.changed.wait(results).unwrap_or_else(PoisonError::into_inner);
        }
    })
}

fn verdict(result: &CheckResult) -> Result<Completion, Failed> {
    match result.verdict {
        Verdict::Pass | Verdict::Warn => Ok(Completion::Completed),
        Verdict::Skip => Ok(Completion::ignored_with(result.reason.clone())),
        other => Err(Failed::from(format!("{other}: {}", result.reason))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_libtest_are_told_from_our_own() {
        let cases = [
            ("--list --format terse", true),
            ("--format=terse --list", true),
            ("--exact redis/ping --nocapture", true),
            ("redis/ping --exact", true),
            ("redis/ --skip redis/ping", true),
            ("--skip kafka/", true),
            ("redis/ping", false),
            ("list --format json", false),
            ("run redis/ping --skip redis/tcp", false),
            ("--help", false),
            ("", false),
        ];
        for (words, expected) in cases {
            let words: Vec<OsString> =
                std::iter::once("program").chain(words.split_whitespace()).map(OsString::from).collect();
            assert_eq!(is_libtest_call(&words), expected, "{words:?}");
        }
    }
}
