//! The command line: arguments, environment, terminal, exit codes. The only place that reads the environment.

mod abandoned;
mod arguments;
mod cluster_access;
mod collect;
mod completions;
mod contract;
mod credentials;
mod diff;
mod environment;
mod explain;
mod failure;
mod gate;
mod github_output;
mod history;
mod lint;
mod list;
mod merge;
mod mimic;
mod output;
mod progress;
mod rbac;
mod rebuild;
mod run;
mod schema;
mod settings;
mod shard;
mod sweep;
mod termination;

pub use arguments::{Arguments, Command};
pub use mimic::conformance_tests;

use std::process;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use crate::{cluster::vantage, engine, model::ExitCode, net};
use failure::Failure;

/// The work of a worker, if this process was started as one.
///
/// A supervisor starts its own program again as its worker, so every program that makes runs asks this before all else.
#[must_use]
pub fn worker_if_asked() -> Option<process::ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let (first, second) = (words.next(), words.next());
    match (first.as_deref().and_then(std::ffi::OsStr::to_str), second) {
        (Some("worker"), None) => Some(engine::run_worker()),
        (Some("vantage"), None) => Some(vantage::run_vantage()),
        _ => None,
    }
}

/// The whole program.
#[must_use]
pub fn main() -> process::ExitCode {
    if let Some(code) = worker_if_asked() {
        return code;
    }
    let words: Vec<_> = std::env::args_os().collect();
    net::install_provider();
    // `cargo nextest` and `cargo test` drive the very same program by libtest's words.
    if mimic::is_libtest_call(&words) {
        return mimic::main(words);
    }
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return process::ExitCode::from(if is_answer { 0 } else { ExitCode::Usage.number() });
        }
    };
    let outcome = match arguments.command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Gate(arguments) => gate::main(&arguments),
        Command::Collect(arguments) => collect::main(&arguments),
        Command::Rbac(arguments) => rbac::main(&arguments),
        Command::Sweep(arguments) => sweep::main(&arguments),
        Command::List(arguments) => list::main(&arguments),
        Command::Explain(arguments) => explain::main(&arguments),
        Command::Lint(arguments) => lint::main(&arguments),
        Command::Schema(arguments) => schema::main(&arguments),
        Command::Report(arguments) => rebuild::main(&arguments),
        Command::Merge(arguments) => merge::main(&arguments),
        Command::Diff(arguments) => diff::main(&arguments),
        Command::History(arguments) => history::main(&arguments),
        Command::Contract(arguments) => contract::main(&arguments),
        Command::Completions(arguments) => completions::main(&arguments, &mut Arguments::command()),
    };
    let code = outcome.unwrap_or_else(|failure: Failure| failure.tell());
    process::ExitCode::from(code.number())
}
