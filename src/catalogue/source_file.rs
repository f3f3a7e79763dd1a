use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::embedded;

/// The most bytes of one data file that are read; ours are a few kilobytes.
const LARGEST: u64 = 1024 * 1024;

/// A data file with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The name a user knows it by: a path, relative where it was given relative.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A data file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operating system refuses.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than a data file ever is.
    #[error("`{}` is larger than {LARGEST} bytes", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// It is not UTF-8.
    #[error("`{}` is not UTF-8 text", path.display())]
    NotText {
        /// Which file.
        path: PathBuf,
    },
}

impl SourceFile {
    /// Reads one file.
    ///
    /// # Errors
    /// When it cannot be read, is too large or is no text.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let at = || path.to_owned();
        let length = fs::metadata(path).map_err(|source| SourceError::Read { path: at(), source })?.len();
        if length > LARGEST {
            return Err(SourceError::TooLarge { path: at() });
        }
        let bytes = fs::read(path).map_err(|source| SourceError::Read { path: at(), source })?;
        let text = String::from_utf8(bytes).map_err(|_| SourceError::NotText { path: at() })?;
        // A byte order mark is an editor's habit, not content.
        let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
        Ok(Self { name: path.display().to_string(), text })
    }

    /// Reads every `*.yaml` and `*.yml` below a folder, sorted by name. Symbolic links to folders are not followed.
    ///
    /// # Errors
    /// Every file and folder that cannot be read.
    pub fn read_folder(folder: &Path) -> Result<Vec<Self>, Vec<SourceError>> {
        let (mut paths, mut errors) = (Vec::new(), Vec::new());
        walk(folder, 0, &mut paths, &mut errors);
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            match Self::read(&path) {
                Ok(file) => files.push(file),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(files) } else { Err(errors) }
    }

    /// The files built into the program whose names begin with `prefix`, sorted by name.
    #[must_use]
    pub fn embedded(prefix: &str) -> Vec<Self> {
        embedded::files(prefix)
    }
}

fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, errors: &mut Vec<SourceError>) {
    let failed = |source| SourceError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) => return errors.push(failed(source)),
    };
    for entry in entries {
        let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok(found) => found,
            Err(source) => {
                errors.push(failed(source));
                continue;
            }
        };
        if kind.is_dir() && depth < 4 {
            walk(&path, depth + 1, paths, errors);
        } else if !kind.is_dir() && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            paths.push(path);
        }
    }
}
