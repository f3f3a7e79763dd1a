use std::{
    io,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// One command from its start to its end.
pub(crate) struct Measured {
    pub(crate) wall: Duration,
    /// Of the command and of everything it started and waited for.
    pub(crate) processor: Duration,
    /// Of the largest single process of these.
    pub(crate) peak_kib: u64,
    pub(crate) code: Option<i32>,
    begun: Timestamp,
    ended: Timestamp,
}

impl Measured {
    /// Seconds from the start of the command to this moment.
    pub(crate) fn begun_to(&self, moment: Timestamp) -> f64 {
        moment.duration_since(self.begun).as_secs_f64()
    }

    /// Seconds from this moment to the end of the command.
    pub(crate) fn ended_after(&self, moment: Timestamp) -> f64 {
        self.ended.duration_since(moment).as_secs_f64()
    }
}

/// Runs a command to its end under GNU `time`, which adds a millisecond and tells what the operating system accounts to it
/// and to all it waited for.
pub(crate) fn measure(command: &mut Command) -> io::Result<Measured> {
    let accounts = tempfile::NamedTempFile::new()?;
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["--quiet", "--format", "%U %S %M", "--output"]).arg(accounts.path());
    timed.arg(command.get_program()).args(command.get_args());
    timed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (begun, clock) = (Timestamp::now(), Instant::now());
    let status = timed.status().map_err(|error| {
        io::Error::new(error.kind(), format!("/usr/bin/time: {error}\n\nhint: apt-get install time"))
    })?;
    let (wall, ended) = (clock.elapsed(), Timestamp::now());
    let text = std::fs::read_to_string(accounts.path())?;
    let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [user, system, peak] = figures[..] else {
        return Err(io::Error::other(format!("`time` says {text:?}")));
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of KiB")]
    let peak_kib = peak as u64;
    let processor = Duration::from_secs_f64(user + system);
    Ok(Measured { wall, processor, peak_kib, code: status.code(), begun, ended })
}
