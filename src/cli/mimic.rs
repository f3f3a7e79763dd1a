use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::Path,
    process,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use libtest_mimic::{Completion, Failed, Trial};

use super::{
    arguments::{EnvironmentArguments, SelectionArguments},
    environment,
    failure::Failure,
    run, settings,
};
use crate::{
    catalogue,
    model::{CheckId, CheckResult, Plan, Verdict, What},
    probes,
};

/// Whether the words are those of libtest and not of a command of ours.
pub(super) fn is_libtest_call(words: &[OsString]) -> bool {
    let flags = [
        "--list",
        "--exact",
        "--nocapture",
        "--format",
        "--test-threads",
        "--ignored",
        "--include-ignored",
        "--show-output",
    ];
    words.get(1).and_then(|word| word.to_str()).is_some_and(|first| {
        flags.contains(&first) || (first.contains('/') && words[2..].iter().any(|word| word == "--exact"))
    })
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
    match prepare(arguments, config) {
        Ok(trials) => libtest_mimic::run(arguments, trials).exit_code(),
        Err(failure) => process::ExitCode::from(failure.tell().number()),
    }
}

/// The verdicts so far, and whether more will come.
#[derive(Default)]
struct Board {
    results: Mutex<(BTreeMap<CheckId, CheckResult>, bool)>,
    changed: Condvar,
}

fn prepare(arguments: &libtest_mimic::Arguments, config: Option<&Path>) -> Result<Vec<Trial>, Failure> {
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
    let wanted: Vec<CheckId> = everything.checks.iter().map(|check| check.id.clone()).collect();
    let chosen: Vec<&CheckId> = wanted.iter().filter(|id| is_chosen(arguments, id.as_str())).collect();
    let board = Arc::new(Board::default());
    if !arguments.list && !chosen.is_empty() {
        for id in &chosen {
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
        let provenance = settings::provenance("run", &selection, &environment.configuration.files);
        start(plan, targets, provenance, Arc::clone(&board));
    }
    // While a trial waits for its verdict it holds one of libtest's threads, which costs nothing.
    Ok(wanted.into_iter().map(|id| trial(id, Arc::clone(&board))).collect())
}

/// libtest's own rule: `--exact` or a part of the name, without what `--skip` names.
fn is_chosen(arguments: &libtest_mimic::Arguments, name: &str) -> bool {
    let matches = |pattern: &String| if arguments.exact { name == pattern } else { name.contains(pattern.as_str()) };
    arguments.filter.as_ref().is_none_or(matches) && !arguments.skip.iter().any(matches)
}

fn start(plan: Plan, targets: Vec<crate::model::Target>, provenance: crate::model::Provenance, board: Arc<Board>) {
    std::thread::spawn(move || {
        let folder = std::env::var_os("SOMA_CONFORMANCE_REPORT_DIR").map(std::path::PathBuf::from);
        let own = folder.is_none().then(tempfile::tempdir).and_then(Result::ok);
        let folder = folder
            .or_else(|| own.as_ref().map(|own| own.path().to_owned()))
            .unwrap_or_else(|| "soma-conformance-report".into());
        let conducted = run::conduct(plan, targets, provenance, &folder, &mut |event| {
            if let What::CheckFinished { id, result } = &event.what {
                board.results.lock().unwrap_or_else(PoisonError::into_inner).0.insert(id.clone(), (**result).clone());
                board.changed.notify_all();
            }
        });
        if let Err(failure) = conducted {
            failure.tell();
        }
        board.results.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        board.changed.notify_all();
    });
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
