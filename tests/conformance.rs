//! The very same checks as tests of `cargo test` and nextest: one test for each planned check.
//!
//! Against the servers named by `SOMA_CONFORMANCE_CONFIG`; without it, against the development stack, which is then
//! started for it. The readiness report stays the authority: a run-time skip is shown as ignored here.

use std::process::ExitCode;

use soma_stack::{Mode, Stack};

fn main() -> ExitCode {
    if let Some(code) = soma_conformance::cli::worker_if_asked() {
        return code;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    if std::env::var_os("SOMA_CONFORMANCE_CONFIG").is_some() {
        return soma_conformance::cli::conformance_tests(&arguments, None);
    }
    match Stack::builder().mode(Mode::Plain).start() {
        Ok(stack) => soma_conformance::cli::conformance_tests(&arguments, Some(&stack.config_path())),
        Err(error) => {
            eprintln!("the development stack could not be started: {error:#}");
            ExitCode::FAILURE
        }
    }
}
