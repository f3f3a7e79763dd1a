use std::io::Write as _;

/// Writes to standard output. A reader that has seen enough closes the pipe; that is no failure of ours and changes nothing.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes to standard error. A closed one changes nothing either: the exit code still tells.
pub(super) fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
