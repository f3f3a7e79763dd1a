//! Writes all reports into a directory, each of them whole or not at all.

use std::{
    fs::{DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::model::Report;

use super::{json::results, junit::junit, markdown::markdown};

/// The file of the JUnit report.
pub const JUNIT: &str = "junit.xml";
/// The file of the Markdown report.
pub const READINESS: &str = "readiness.md";
/// The file of the JSON report.
pub const RESULTS: &str = "results.json";

/// Bytes of `readiness.md`: nothing is cut from any real run, and a runaway one stays readable.
const READINESS_BYTES: usize = 4 * 1024 * 1024;

/// A report that could not be written or does not hold what was planned.
#[derive(Debug, thiserror::Error)]
#[error("could not {step} `{}`", file.display())]
pub struct WriteError {
    /// The report.
    pub file: PathBuf,
    /// The step that failed.
    pub step: &'static str,
    /// Why.
    pub source: io::Error,
}

/// Writes `junit.xml`, `readiness.md` and `results.json`, and returns where they are.
///
/// The directory is made if it is missing (mode 0700); the files are readable by their owner only. Each is written
/// beside its place, flushed to the disk and renamed, so a reader never sees half of one, and a link at its place is
/// replaced and not followed.
///
/// # Errors
/// Every report that could not be written; the others are written all the same.
pub fn write_all(report: &Report, directory: &Path) -> Result<Vec<PathBuf>, Vec<WriteError>> {
    let failed = |file: &Path, step| {
        let file = file.to_owned();
        move |source| WriteError { file, step, source }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed(directory, "make the directory"))
        .map_err(|error| vec![error])?;
    let (mut written, mut errors) = (Vec::new(), Vec::new());
    for (name, text) in texts(report) {
        let path = directory.join(name);
        match replace(directory, &path, &text) {
            Ok(()) => written.push(path),
            Err(error) => errors.push(error),
        }
    }
    // The names are durable only when the directory is.
    let flushed = File::open(directory).and_then(|directory| directory.sync_all());
    errors.extend(flushed.err().map(failed(directory, "flush the directory")));
    if errors.is_empty() { Ok(written) } else { Err(errors) }
}

/// Every report with the name of its file.
pub(super) fn texts(report: &Report) -> [(&'static str, String); 3] {
    [(JUNIT, junit(report)), (READINESS, markdown(report, READINESS_BYTES)), (RESULTS, results(report))]
}

fn replace(directory: &Path, path: &Path, text: &str) -> Result<(), WriteError> {
    let failed = |step| move |source| WriteError { file: path.to_owned(), step, source };
    // A new file of mode 0600 under a name nobody can foresee: it is never a link to somewhere else.
    let mut temporary = tempfile::Builder::new()
        .prefix(".soma-conformance-")
        .tempfile_in(directory)
        .map_err(failed("make a temporary file for"))?;
    temporary.write_all(text.as_bytes()).map_err(failed("write"))?;
    temporary.as_file().sync_all().map_err(failed("flush"))?;
    temporary.persist(path).map_err(|error| error.error).map_err(failed("rename the temporary file to"))?;
    Ok(())
}
