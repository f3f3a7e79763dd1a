use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::model::{Event, What};

/// How long a written event may wait to be on the disk.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// The append-only NDJSON file of a run. It is locked while the run writes it.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    next: u64,
    synced: Instant,
    dirty: bool,
    events: Vec<Event>,
}

/// A journal that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum JournalFailure {
    /// Another run writes it.
    #[error("another run is writing `{}`", path.display())]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("failed to write the journal `{}`", path.display())]
    Write {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Journal {
    /// Begins a journal in a folder that exists. The journal of the run before is kept as `journal.previous.ndjson`.
    ///
    /// # Errors
    /// When another run writes there, or nothing can be written there.
    pub fn begin(folder: &Path) -> Result<Self, JournalFailure> {
        let path = folder.join("journal.ndjson");
        let failed = |source| JournalFailure::Write { path: path.clone(), source };
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let old = File::open(&path).map_err(failed)?;
                if old.try_lock().is_err() {
                    return Err(JournalFailure::Busy { path });
                }
                std::fs::rename(&path, folder.join("journal.previous.ndjson")).map_err(failed)?;
            }
            Ok(_) => return Err(failed(io::Error::other("it is not a plain file"))),
            Err(_) => {}
        }
        let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path).map_err(failed)?;
        if file.try_lock().is_err() {
            return Err(JournalFailure::Busy { path });
        }
        Ok(Self { file, path, next: 0, synced: Instant::now(), dirty: false, events: Vec::new() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything appended so far.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Appends one event with one write.
    ///
    /// The event counts even when it cannot be written: the reports of this process still show it.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn append(&mut self, what: What) -> Result<&Event, JournalFailure> {
        let event = Event { seq: self.next, at: Timestamp::now(), what };
        self.next += 1;
        let line = serde_json::to_string(&event).map_err(|error| self.failed(io::Error::other(error)))? + "\n";
        self.events.push(event);
        let written = self.file.write_all(line.as_bytes());
        self.dirty = true;
        written.map_err(|source| self.failed(source))?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        self.events.last().ok_or_else(|| self.failed(io::Error::other("the event is gone")))
    }

    /// Brings everything to the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> Result<(), JournalFailure> {
        if self.dirty {
            self.file.sync_data().map_err(|source| self.failed(source))?;
            self.dirty = false;
        }
        self.synced = Instant::now();
        Ok(())
    }

    fn failed(&self, source: io::Error) -> JournalFailure {
        JournalFailure::Write { path: self.path.clone(), source }
    }
}
