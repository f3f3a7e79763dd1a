use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

/// How much is written to a volume.
const BYTES: usize = 1_024;

/// Writes to a volume what only this run can know, reads it back and says so.
pub(super) fn write_and_read(folder: &Path, run: &str) -> ExitCode {
    match round_trip(folder, run) {
        Ok(()) => {
            println!("{BYTES} bytes were written and read back");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: the volume at `{}` did not keep what was written: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn round_trip(folder: &Path, run: &str) -> io::Result<()> {
    let file = folder.join("soma-conformance");
    let bytes: Vec<u8> = run.bytes().cycle().take(BYTES).collect();
    let mut open = fs::File::create(&file)?;
    open.write_all(&bytes)?;
    // A volume that only pretends to be there takes writes and fails here.
    open.sync_all()?;
    drop(open);
    let found = fs::read(&file)?;
    fs::remove_file(&file)?;
    if found == bytes { Ok(()) } else { Err(io::Error::other("other bytes were read than written")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(round_trip(folder.path(), "0123").is_ok());
        assert!(fs::read_dir(folder.path()).expect("a folder").next().is_none());
        assert!(round_trip(&folder.path().join("nosuch"), "0123").is_err());
    }
}
