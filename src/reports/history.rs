//! A folder of earlier runs: each kept whole or not at all, under its time and id.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;

use crate::model::{Report, RunId, Snapshot};

use super::{
    snapshot_source::{SnapshotError, snapshot},
    write::{JUNIT, READINESS, RESULTS},
};

/// What stands before the name of an entry that is not whole: one being written, or one being removed.
const UNFINISHED: &str = ".unfinished-";
/// The age after which an unfinished entry is nobody's work any more.
const ABANDONED: Duration = Duration::from_secs(3_600);
/// The journal in a folder of reports.
const JOURNAL: &str = "journal.ndjson";

/// A folder of earlier runs.
#[derive(Debug, Clone)]
pub struct History {
    folder: PathBuf,
}

/// One earlier run that could be read.
#[derive(Debug)]
pub struct HistoryEntry {
    /// The name of its folder: when it began (UTC) and its id.
    pub name: String,
    /// What is compared of it.
    pub snapshot: Snapshot,
}

/// The readable entries, the oldest first, and what was passed over, in words.
#[derive(Debug, Default)]
pub struct HistoryEntries {
    /// The runs.
    pub entries: Vec<HistoryEntry>,
    /// What was passed over, and why.
    pub ignored: Vec<String>,
}

/// A history that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {step} `{}`", path.display())]
pub struct HistoryError {
    /// The folder or file.
    pub path: PathBuf,
    /// What was tried.
    pub step: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

fn failed(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HistoryError {
    let path = path.to_owned();
    move |source| HistoryError { path, step, source }
}

impl History {
    /// The history in a folder, which need not be there yet.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Every entry that can be read, the oldest first. A half-written or damaged one is passed over and said.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn read(&self) -> Result<HistoryEntries, HistoryError> {
        let mut found = HistoryEntries::default();
        for name in self.names()? {
            if name.starts_with(UNFINISHED) {
                found.ignored.push(not_whole(&name));
                continue;
            }
            match self.entry(&name) {
                Ok(snapshot) => found.entries.push(HistoryEntry { name, snapshot }),
                Err(error) => found.ignored.push(format!("`{name}` is damaged: {}", error.reason())),
            }
        }
        Ok(found)
    }

    /// The last run that came to its own end and looked at the same as this one: the one to compare with. Beside it, what
    /// was passed over on the way.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn last_complete(&self, like: &Snapshot) -> Result<(Option<Snapshot>, Vec<String>), HistoryError> {
        let names = self.names()?;
        let (unfinished, whole): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| name.starts_with(UNFINISHED));
        let mut ignored: Vec<String> = unfinished.iter().map(|name| not_whole(name)).collect();
        let is_like = |snapshot: &Snapshot| {
            let (own, other) = (&snapshot.side, &like.side);
            snapshot.is_whole() && own.run != other.run && (own.profile, &own.reach) == (other.profile, &other.reach)
        };
        for name in whole.into_iter().rev() {
            match self.entry(&name) {
                Ok(snapshot) if is_like(&snapshot) => return Ok((Some(snapshot), ignored)),
                Ok(_) => {}
                Err(error) => ignored.push(format!("`{name}` is damaged: {}", error.reason())),
            }
        }
        Ok((None, ignored))
    }

    /// Keeps the reports of a run, and removes the oldest entries beyond `most`. The last run that came to its own end is
    /// never removed: there is nothing else to compare with.
    ///
    /// The entry is written beside its place, flushed to the disk and renamed: a crash leaves none or a whole one.
    ///
    /// # Errors
    /// When it could not be written. What could not be removed is told in words and does no harm.
    pub fn keep(&self, report: &Report, reports: &Path, most: usize) -> Result<Vec<String>, HistoryError> {
        let name = format!("{}-{}", report.started.strftime("%Y%m%dT%H%M%SZ"), report.plan.run);
        let (place, draft) = (self.folder.join(&name), self.folder.join(format!("{UNFINISHED}{name}")));
        let make = |folder: &Path, recursive| DirBuilder::new().recursive(recursive).mode(0o700).create(folder);
        make(&self.folder, true).map_err(failed("make the folder", &self.folder))?;
        make(&draft, false).map_err(failed("make the folder", &draft))?;
        if let Err(error) = fill(reports, &draft, &place) {
            // What is left of it would only be in the way of the next attempt.
            let _ = fs::remove_dir_all(&draft);
            return Err(error);
        }
        sync(&self.folder).map_err(failed("flush", &self.folder))?;
        Ok(self.prune(&name, most.max(1)))
    }

    /// The names of our entries, sorted, which is by time; other people's files are none of our business.
    fn names(&self) -> Result<Vec<String>, HistoryError> {
        let read = match fs::read_dir(&self.folder) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &self.folder)(error)),
        };
        let mut names = Vec::new();
        for entry in read {
            let entry = entry.map_err(failed("read", &self.folder))?;
            // A link to somewhere else is not ours, and above all not ours to remove.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_folder && id_of(name.strip_prefix(UNFINISHED).unwrap_or(&name)).is_some() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn entry(&self, name: &str) -> Result<Snapshot, SnapshotError> {
        // The smaller of the two files, and the one that is read for every run of a year.
        snapshot(&self.folder.join(name).join(RESULTS))
    }

    fn prune(&self, own: &str, most: usize) -> Vec<String> {
        let Ok(names) = self.names() else { return Vec::new() };
        let (unfinished, whole): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| name.starts_with(UNFINISHED));
        let beyond = whole.len().saturating_sub(most);
        let is_complete = |name: &&String| self.entry(name).is_ok_and(|snapshot| snapshot.is_whole());
        // Looked for only where something is to be removed: reading an entry is not free.
        let last_complete = (beyond > 0).then(|| whole.iter().rev().find(is_complete)).flatten();
        let old = whole.iter().take(beyond).filter(|name| *name != own && Some(*name) != last_complete);
        let mut untidy: Vec<String> = old.filter_map(|name| self.remove(name).err()).collect();
        let now = Timestamp::now();
        for name in unfinished {
            let age = id_of(&name[UNFINISHED.len()..]).and_then(|id| RunId::age_of(&format!("soma-conf-{id}"), now));
            if age.is_some_and(|age| age > ABANDONED) {
                untidy.extend(self.remove(&name).err());
            }
        }
        untidy
    }

    /// Removes an entry; it is called unfinished first, so that half of it is never taken for a run.
    fn remove(&self, name: &str) -> Result<(), String> {
        let doomed = self.folder.join(format!("{UNFINISHED}{}", name.trim_start_matches(UNFINISHED)));
        let renamed = fs::rename(self.folder.join(name), &doomed).and_then(|()| fs::remove_dir_all(&doomed));
        match renamed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("`{name}` could not be removed from the history: {error}"))
            }
            _ => Ok(()),
        }
    }
}

fn not_whole(name: &str) -> String {
    format!("`{}` was not written to its end", name.trim_start_matches(UNFINISHED))
}

/// The run's id in the name of an entry, `20260102T030405Z-<id>`; nothing for other names.
fn id_of(name: &str) -> Option<&str> {
    let (time, id) = name.split_once('-')?;
    let is_time = time.len() == 16
        && time.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_time && is_id).then_some(id)
}

fn fill(reports: &Path, draft: &Path, place: &Path) -> Result<(), HistoryError> {
    for file in [JOURNAL, RESULTS, READINESS, JUNIT] {
        copy(&reports.join(file), &draft.join(file)).map_err(failed("keep", &reports.join(file)))?;
    }
    sync(draft).map_err(failed("flush", draft))?;
    fs::rename(draft, place).map_err(failed("put in its place", place))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_entries() {
        let id = "019b7d2c5a017a3f8c44d1e0f2a6b9c3";
        assert_eq!(id_of(&format!("20260102T030405Z-{id}")), Some(id));
        for foreign in ["notes", "2026-01-02", "20260102T030405Z", "20260102T030405Z-x", &format!("backup-{id}")] {
            assert_eq!(id_of(foreign), None, "{foreign}");
        }
    }
}
