//! Reads a run that is to be compared: from its journal, or from its `results.json`, also of another version.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{
    CheckId, Point, Profile, Provenance, Report, RunVerdict, Selection, Severity, Side, Snapshot, Verdict, reach,
    read_journal,
};

use super::{results_shape::SCHEMA_VERSION, write::RESULTS};

/// The most bytes of one file that are read; a run of thousands of checks stays below.
const LARGEST: u64 = 256 << 20;

/// A file that holds no run.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is neither results nor a journal.
    #[error("`{}` is neither the results.json nor the journal of a run: {message}", path.display())]
    Neither {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

impl SnapshotError {
    /// What is wrong, without the name of the file.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Read { source, .. } => source.to_string(),
            Self::Neither { message, .. } => message.clone(),
        }
    }
}

/// What is compared of the run whose `results.json`, journal or folder of reports this is.
///
/// # Errors
/// When it cannot be read, or is none of these.
pub fn snapshot(path: &Path) -> Result<Snapshot, SnapshotError> {
    let path = if path.is_dir() { file_of(path) } else { path.to_owned() };
    let failed = |source| SnapshotError::Read { path: path.clone(), source };
    let length = std::fs::metadata(&path).map_err(failed)?.len();
    if length > LARGEST {
        return Err(failed(std::io::Error::other(format!("it is larger than {LARGEST} bytes"))));
    }
    let bytes = std::fs::read(&path).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    read(&text).map_err(|message| SnapshotError::Neither { path, message })
}

/// The journal is the truth, so where a folder holds both it is the one that counts.
fn file_of(folder: &Path) -> PathBuf {
    let journal = folder.join("journal.ndjson");
    if journal.is_file() { journal } else { folder.join(RESULTS) }
}

fn read(text: &str) -> Result<Snapshot, String> {
    // A journal has one event a line; a results file is one value over many lines.
    let is_journal = text.lines().next().is_some_and(|line| line.contains("\"event\""));
    if is_journal {
        let events = read_journal(text).map_err(|error| error.to_string())?;
        let report = Report::fold(&events).ok_or("it does not begin with a plan")?;
        return Ok(Snapshot::of(&report));
    }
    let version: Version = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if version.schema_version != SCHEMA_VERSION {
        return Err(format!("its schema_version is {}, and {SCHEMA_VERSION} is known", version.schema_version));
    }
    let results: Results = serde_json::from_str(text).map_err(|error| error.to_string())?;
    results.snapshot()
}

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

/// The members of `results.json` that are compared. Members may be added to it under the same version, so others are
/// passed over.
#[derive(Deserialize)]
struct Results {
    verdict: RunVerdict,
    complete: bool,
    interrupted: Option<i32>,
    run: Run,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Run {
    id: String,
    profile: Profile,
    started: Timestamp,
    took_ms: u64,
    provenance: Provenance,
    selection: Selection,
    configuration_digest: String,
    catalogue_digest: String,
    shard: Option<Shard>,
}

#[derive(Deserialize)]
struct Shard {
    number: usize,
    of: usize,
}

#[derive(Deserialize)]
struct Check {
    id: CheckId,
    verdict: Verdict,
    severity: Severity,
    observed: String,
    root: Option<CheckId>,
    attempts: u32,
    took_us: u64,
    peer: Option<String>,
}

impl Results {
    fn snapshot(self) -> Result<Snapshot, String> {
        let mut ids: Vec<&CheckId> = self.checks.iter().map(|check| &check.id).collect();
        ids.sort();
        if let Some([twice, _]) = ids.array_windows().find(|[one, other]| one == other) {
            return Err(format!("it holds `{twice}` twice"));
        }
        let run = self.run;
        let side = Side {
            run: run.id,
            profile: run.profile,
            reach: reach(&run.selection, run.shard.map(|shard| (shard.number, shard.of))),
            vantage: run.provenance.vantage,
            version: run.provenance.version,
            configuration: run.configuration_digest,
            catalogue: run.catalogue_digest,
            started: run.started,
            took_ms: run.took_ms,
            verdict: self.verdict,
            complete: self.complete && self.interrupted.is_none(),
            planned: self.checks.len(),
        };
        let point = |check: Check| Point {
            id: check.id,
            verdict: check.verdict,
            severity: check.severity,
            observed: check.observed,
            root: check.root,
            attempts: check.attempts,
            took_us: check.took_us,
            peer: check.peer,
        };
        Ok(Snapshot { side, checks: self.checks.into_iter().map(point).collect() })
    }
}
