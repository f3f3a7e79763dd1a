//! The program as a user starts it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_soma-conformance");

/// A command with an environment of its own: nothing of the developer's reaches it.
#[must_use]
pub(crate) fn soma(arguments: &[&str]) -> Command {
    command_of(PROGRAM, arguments)
}

fn command_of(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}

/// The output of a finished command as text.
#[must_use]
pub(crate) fn text(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A run against a configuration, with its reports in a folder of its own.
pub(crate) struct Run {
    /// Where the reports are; removed with this value.
    pub(crate) folder: tempfile::TempDir,
    /// How it ended.
    pub(crate) code: i32,
    /// results.json.
    pub(crate) results: Value,
    /// Everything printed.
    pub(crate) printed: String,
}

impl Run {
    /// Runs to the end.
    #[must_use]
    pub(crate) fn of(config: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let output = start(config, folder.path(), arguments).wait_with_output().expect("a finished run");
        Self::finished(folder, &output)
    }

    /// Reads what a finished run left.
    #[must_use]
    pub(crate) fn finished(folder: tempfile::TempDir, output: &Output) -> Self {
        let (out, err) = text(output);
        let results = std::fs::read_to_string(folder.path().join("results.json"))
            .unwrap_or_else(|error| panic!("no results.json: {error}\n{out}\n{err}"));
        Self {
            folder,
            code: output.status.code().unwrap_or(-1),
            results: serde_json::from_str(&results).expect("results.json is JSON"),
            printed: format!("{out}{err}"),
        }
    }

    /// The verdict of every check by id.
    #[must_use]
    pub(crate) fn verdicts(&self) -> std::collections::BTreeMap<String, String> {
        let checks = self.results["checks"].as_array().expect("checks");
        checks.iter().map(|check| (word(&check["id"]), word(&check["verdict"]))).collect()
    }

    /// The ids of this verdict.
    #[must_use]
    pub(crate) fn with_verdict(&self, verdict: &str) -> Vec<String> {
        self.verdicts().into_iter().filter(|(_, own)| own == verdict).map(|(id, _)| id).collect()
    }

    /// The path of a report.
    #[must_use]
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Starts a run in the background.
#[must_use]
pub(crate) fn start(config: &Path, folder: &Path, arguments: &[&str]) -> Child {
    run_command(PROGRAM, config, folder, arguments).spawn().expect("the program starts")
}

/// A run to be started: its reports go into `folder`, its outputs into pipes.
#[must_use]
pub(crate) fn run_command(program: &str, config: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command_of(program, &["run"]);
    command.args(arguments).arg("--config").arg(config).arg("--report-dir").arg(folder).arg("--format").arg("plain");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn word(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
