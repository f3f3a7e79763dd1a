use std::{fs::OpenOptions, io::Write as _};

use super::output::{complain, say};
use crate::{model::Report, reports};

/// Adds to a GitHub job what its environment asks for: the job summary, and annotations on standard output.
///
/// A summary that cannot be written is told, but never changes the verdict: the reports stand in their folder.
pub(super) fn publish(report: &Report) {
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(reports::job_summary(report).as_bytes()));
        if let Err(error) = written {
            complain(&format!("warning: the job summary could not be written: {error}\n"));
        }
    }
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        say(&reports::annotations(report));
    }
}
