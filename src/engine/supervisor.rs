use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use super::{Journal, JournalFailure, WorkerInput};
use crate::model::{ClusterAccess, Event, Level, Provenance, Redactor, What, clip, one_line};

/// How long the worker may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// The most notes taken from a worker's standard error.
const MOST_NOTES: usize = 50;
/// The most bytes of one line of a worker. A result with all its evidence stays far below.
const LONGEST_LINE: u64 = 4 << 20;
/// How many lines may wait for the loop. Beyond, the worker waits until they are written.
const WAITING_LINES: usize = 1_024;

/// Everything a supervised run needs.
pub struct Supervision<'a> {
    /// What the worker gets.
    pub input: WorkerInput,
    /// Which program, where.
    pub provenance: Provenance,
    /// Knows every secret.
    pub redactor: &'a Redactor,
    /// This program, to be started as the worker.
    pub program: std::path::PathBuf,
    /// Told of every event after it is in the journal.
    pub observer: &'a mut dyn FnMut(&Event),
}

/// Why a run could not be supervised.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The worker could not be started.
    #[error("failed to start the worker `{program}`")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// Signals cannot be caught.
    #[error("failed to listen for signals")]
    Signals(#[source] io::Error),
}

enum Input {
    Line(String),
    Complaint(String),
    Signal(i32),
    Closed,
}

/// Runs the plan in a worker process and writes every event to the journal, until the worker ends, the run's deadline
/// passes or a signal comes. Whatever happens to the worker, this returns and the journal tells it.
///
/// # Errors
/// When the worker cannot be started. A journal that stops being writable is returned beside, at the end.
pub fn supervise(
    journal: &mut Journal,
    supervision: Supervision<'_>,
) -> Result<Option<JournalFailure>, SupervisorError> {
    let deadline = Instant::now() + Duration::from_millis(supervision.input.plan.deadline_ms);
    let (to_loop, inbox) = mpsc::sync_channel(WAITING_LINES);
    let signals = listen_for_signals(&to_loop)?;
    let mut run = Run {
        journal,
        redactor: supervision.redactor,
        observer: supervision.observer,
        failure: None,
        complete: false,
        notes: 0,
    };
    run.append(What::RunPlanned { plan: Box::new(supervision.input.plan.clone()), provenance: supervision.provenance });
    let (mut worker, mut pipe) = start_worker(&supervision.program, &supervision.input, &to_loop)?;
    run.append(What::WorkerStarted { pid: worker.id() });
    drop(supervision.input);
    let how = run.follow(&mut worker, &mut pipe, &inbox, deadline);
    run.tell_left_out();
    if !run.complete {
        run.append(What::WorkerEnded { how, complete: false });
    }
    signals.close();
    Ok(run.failure)
}

struct Run<'a> {
    journal: &'a mut Journal,
    redactor: &'a Redactor,
    observer: &'a mut dyn FnMut(&Event),
    failure: Option<JournalFailure>,
    complete: bool,
    notes: usize,
}

impl Run<'_> {
    /// Follows the worker to its end; returns how it ended, in words.
    fn follow(
        &mut self,
        worker: &mut Child,
        pipe: &mut Option<ChildStdin>,
        inbox: &mpsc::Receiver<Input>,
        deadline: Instant,
    ) -> String {
        let mut kill_at: Option<Instant> = None;
        let mut why = None;
        let (mut signals, mut killed) = (0, false);
        loop {
            let until = kill_at.unwrap_or(deadline);
            let pause = until.saturating_duration_since(Instant::now()).min(Duration::from_millis(100));
            match inbox.recv_timeout(pause) {
                Ok(Input::Line(line)) => self.take(&line),
                Ok(Input::Complaint(line)) => self.note(&line),
                Ok(Input::Signal(signal)) => {
                    signals += 1;
                    if signals == 1 {
                        self.append(What::Interrupted { signal });
                        ask_to_stop(pipe);
                        kill_at = Some(Instant::now() + GRACE);
                    } else {
                        // Somebody is in a hurry: the journal is durable already.
                        kill_at = Some(Instant::now());
                    }
                }
                Ok(Input::Closed) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => self.sync(),
            }
            // Looked at after every message too: a worker that never stops talking must not outlive its time.
            if Instant::now() < until {
                continue;
            }
            match (kill_at, killed) {
                (None, _) => {
                    why = Some("stopped at the run's deadline".to_owned());
                    ask_to_stop(pipe);
                }
                (Some(_), false) => {
                    // It is our own child and has not been waited for, so the id is still its own.
                    let _ = worker.kill();
                    killed = true;
                }
                // It is dead; whoever else holds its pipe is nothing to wait for.
                (Some(_), true) => break,
            }
            kill_at = Some(Instant::now() + GRACE);
        }
        drop(pipe.take());
        let status = wait_or_kill(worker);
        why.unwrap_or_else(|| describe(status))
    }

    fn take(&mut self, line: &str) {
        match serde_json::from_str::<What>(line) {
            Ok(What::CheckFinished { id, mut result }) => {
                result.redact(self.redactor);
                self.append(What::CheckFinished { id, result });
            }
            Ok(what @ What::CheckStarted { .. }) => self.append(what),
            Ok(What::WorkerEnded { how, complete }) => {
                self.complete = complete;
                if complete {
                    self.append(What::WorkerEnded { how, complete });
                }
            }
            // Not of this protocol: nothing else writes to this pipe, but what comes is told and believed by nobody.
            Ok(_) | Err(_) => self.note(line),
        }
    }

    fn note(&mut self, line: &str) {
        self.notes += 1;
        if self.notes <= MOST_NOTES {
            // Redacted before it is made printable and cut, or a secret could lose the form in which it is known.
            let text = clip(&one_line(&self.redactor.text(line)), 500);
            self.append(What::Note { level: Level::Warning, text });
        }
    }

    fn tell_left_out(&mut self) {
        if let Some(more) = self.notes.checked_sub(MOST_NOTES).filter(|more| *more > 0) {
            let text = format!("the worker printed {more} more lines, which are left out");
            self.append(What::Note { level: Level::Warning, text });
        }
    }

    fn append(&mut self, what: What) {
        let outcome = self.journal.append(what).map(|_| ());
        self.remember(outcome);
        if let Some(event) = self.journal.events().last() {
            (self.observer)(event);
        }
    }

    fn sync(&mut self) {
        let outcome = self.journal.sync();
        self.remember(outcome);
    }

    fn remember(&mut self, outcome: Result<(), JournalFailure>) {
        if let Err(failure) = outcome {
            self.failure.get_or_insert(failure);
        }
    }
}

struct SignalListener(signal_hook::iterator::Handle);

impl SignalListener {
    fn close(&self) {
        self.0.close();
    }
}

fn listen_for_signals(to_loop: &mpsc::SyncSender<Input>) -> Result<SignalListener, SupervisorError> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(SupervisorError::Signals)?;
    let handle = signals.handle();
    let to_loop = to_loop.clone();
    std::thread::spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            if count >= 2 {
                // The third: the journal is durable, the reports can be made from it.
                std::process::exit(128 + signal);
            }
            if to_loop.send(Input::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(SignalListener(handle))
}

fn start_worker(
    program: &std::path::Path,
    input: &WorkerInput,
    to_loop: &mpsc::SyncSender<Input>,
) -> Result<(Child, Option<ChildStdin>), SupervisorError> {
    let failed = |source| SupervisorError::Spawn { program: program.display().to_string(), source };
    let mut command = Command::new(program);
    command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Credentials of our own environment stay with us; the terminal's Ctrl-C goes to us alone.
    command.env_clear().process_group(0);
    let runs_program = runs_program(input);
    command.envs(std::env::vars_os().filter(|(name, _)| is_for_the_worker(&name.to_string_lossy(), runs_program)));
    let mut worker = command.spawn().map_err(failed)?;
    let mut pipe = worker.stdin.take();
    if let (Some(out), Some(err)) = (worker.stdout.take(), worker.stderr.take()) {
        let (lines, complaints) = (to_loop.clone(), to_loop.clone());
        let complaint_reader = std::thread::spawn(move || forward(err, &complaints, Input::Complaint));
        std::thread::spawn(move || {
            forward(out, &lines, Input::Line);
            // Last words come before the end is told.
            let _ = complaint_reader.join();
            let _ = lines.send(Input::Closed);
        });
    }
    let mut line = serde_json::to_vec(input).map_err(|error| failed(io::Error::other(error)))?;
    line.push(b'\n');
    // A worker that is gone already shows as such when its output ends.
    if let Some(pipe) = pipe.as_mut() {
        let _ = pipe.write_all(&line).and_then(|()| pipe.flush());
    }
    Ok((worker, pipe))
}

/// Whether a program of the user's must run to log in to the cluster.
fn runs_program(input: &WorkerInput) -> bool {
    let access = input.targets.iter().filter_map(|target| target.cluster.as_ref()).map(|cluster| &cluster.access);
    access.into_iter().any(|access| matches!(access, ClusterAccess::Kubeconfig { runs_program: true, .. }))
}

/// What the worker sees of our environment: trust, and where the API server is. A cloud's login program finds its own
/// settings too, but only where the kubeconfig names one.
fn is_for_the_worker(name: &str, runs_program: bool) -> bool {
    const ALWAYS: [&str; 5] =
        ["SSL_CERT_FILE", "SSL_CERT_DIR", "TZ", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];
    const FOR_PROGRAMS: [&str; 4] = ["PATH", "HOME", "USER", "XDG_CONFIG_HOME"];
    const OF_CLOUDS: [&str; 5] = ["AWS_", "AZURE_", "CLOUDSDK_", "GOOGLE_", "ARM_"];
    ALWAYS.contains(&name)
        || runs_program && (FOR_PROGRAMS.contains(&name) || OF_CLOUDS.iter().any(|prefix| name.starts_with(prefix)))
}

/// Hands on line by line. Of a line without an end only the beginning is kept: our memory is not the worker's to fill.
fn forward(from: impl io::Read, to: &mpsc::SyncSender<Input>, wrap: fn(String) -> Input) {
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    let mut is_rest = false;
    loop {
        bytes.clear();
        match (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let was_rest = std::mem::replace(&mut is_rest, bytes.last() != Some(&b'\n'));
                let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                if !was_rest && !line.is_empty() && to.send(wrap(line)).is_err() {
                    return;
                }
            }
        }
    }
}

fn ask_to_stop(pipe: &mut Option<ChildStdin>) {
    // The end of the pipe is the request; a worker that is gone needs none.
    drop(pipe.take());
}

/// Its output has ended, so it is about to end; one that does not is ended.
fn wait_or_kill(worker: &mut Child) -> Option<ExitStatus> {
    let until = Instant::now() + GRACE;
    loop {
        match worker.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) | Err(_) => {
                let _ = worker.kill();
                return worker.wait().ok();
            }
        }
    }
}

fn describe(status: Option<ExitStatus>) -> String {
    match status {
        None => "could not be waited for".to_owned(),
        Some(status) => match (status.code(), status.signal()) {
            (_, Some(signal)) => format!("killed by signal {signal}"),
            (Some(code), None) => format!("exit code {code}"),
            (None, None) => "ended in an unknown way".to_owned(),
        },
    }
}
