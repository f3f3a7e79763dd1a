use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, Write as _},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use tokio::{runtime::Runtime, task::AbortHandle};

use super::{
    Schedule, WorkerInput,
    attempt::{self, CurrentClock, Surroundings},
    isolation,
};
use crate::{
    model::{CheckResult, Judgement, Observation, Right, Trouble, Verdict, What, likely_cause},
    net::{self, Dialler, Patience},
    probes::{FinishedCheck, RunView, Sessions, tunnel_to},
};

/// The probe whose check the supervisor settles itself, after the worker: it looks at the reports.
pub(super) const SETTLED_BY_SUPERVISOR: &str = "suite.reports";

/// How long removing what was made for the whole run may take. Shorter than the supervisor's patience after a stop.
const ENDING: Duration = Duration::from_millis(4_500);
/// How long running checks may go on after the worker was asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(4);

enum Signal {
    Finished(usize, Box<CheckResult>),
    Stop,
}

struct Running {
    hard_deadline: Patience,
    clock: CurrentClock,
    begun: Instant,
    task: AbortHandle,
}

#[derive(Default)]
struct Finished {
    checks: Mutex<Vec<FinishedCheck>>,
    rights: Vec<Right>,
}

impl RunView for Finished {
    fn finished(&self) -> Vec<FinishedCheck> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn rights(&self) -> Vec<Right> {
        self.rights.clone()
    }
}

/// The worker process: reads its input from standard input, probes, and writes one event a line to standard output.
///
/// Its loop is a plain thread, so a check's hard deadline holds also when its task blocks or spins. It ends by
/// `process::exit`: a library's thread that does not come back cannot hold the process.
#[must_use]
pub fn run_worker() -> std::process::ExitCode {
    quiet_panics();
    let mut first = String::new();
    let read = io::stdin().lock().read_line(&mut first).map(|_| serde_json::from_str::<WorkerInput>(&first));
    // The text of an error may quote the input, which holds credentials, so it is not shown.
    let Ok(Ok(input)) = read else {
        eprintln!("the worker's input is not a plan; it is started by `soma-conformance run` and not by hand");
        return std::process::ExitCode::from(2);
    };
    drop(first);
    net::install_provider();
    match claim_events().and_then(|events| Worker::new(input, events)) {
        Ok(worker) => worker.run(),
        Err(error) => {
            eprintln!("the worker could not start: {error}");
            std::process::ExitCode::from(2)
        }
    }
}

/// Takes the pipe to the supervisor away from standard output. What a library prints there goes to standard error from
/// now on, where it is a note: it can neither break an event nor forge one.
fn claim_events() -> io::Result<File> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(File::from(pipe))
}

struct Worker {
    events: File,
    schedule: Schedule,
    runtime: Runtime,
    surroundings: Surroundings,
    finished: Arc<Finished>,
    running: HashMap<usize, Running>,
    to_loop: mpsc::Sender<Signal>,
    from_checks: mpsc::Receiver<Signal>,
    stop_at: Option<Instant>,
}

impl Worker {
    fn new(input: WorkerInput, events: File) -> io::Result<Self> {
        let WorkerInput { plan, targets } = input;
        // Probes have threads of their own; here live the waiting for them and what they share.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
        let finished = Arc::new(Finished { checks: Mutex::default(), rights: plan.rights() });
        let started = Instant::now();
        let (dialler, sessions) =
            runtime.block_on(async { (Dialler::from_system().through(tunnel_to(&targets)), Sessions::default()) });
        let surroundings = Surroundings {
            run: plan.run.clone(),
            dialler: Arc::new(dialler),
            sessions: Arc::new(sessions),
            targets: Arc::new(targets.into_iter().map(|target| (target.service.clone(), Arc::new(target))).collect()),
            view: Arc::clone(&finished) as Arc<dyn RunView>,
            started,
            wait_until: started + Duration::from_millis(plan.wait_ms),
            today: Timestamp::now().to_zoned(TimeZone::UTC).date(),
        };
        let checks = plan.checks.into_iter().filter(|check| check.probe != SETTLED_BY_SUPERVISOR).collect();
        let (to_loop, from_checks) = mpsc::channel();
        let running = HashMap::new();
        Ok(Self {
            events,
            schedule: Schedule::new(checks, plan.jobs),
            runtime,
            surroundings,
            finished,
            running,
            to_loop,
            from_checks,
            stop_at: None,
        })
    }

    fn run(mut self) -> std::process::ExitCode {
        let stop = self.to_loop.clone();
        std::thread::spawn(move || {
            // A line asks to stop; the end of the pipe means that the supervisor is gone.
            let _ = io::stdin().lock().read_line(&mut String::new());
            let _ = stop.send(Signal::Stop);
        });
        while !self.schedule.is_done() {
            for (at, result) in self.schedule.settle() {
                self.report(at, result);
            }
            if self.stop_at.is_none() {
                while let Some(at) = self.schedule.next() {
                    self.start(at);
                }
            } else if self.running.is_empty() {
                break;
            }
            if self.schedule.is_done() {
                break;
            }
            self.wait();
        }
        // What was made for the whole run goes with it, also when it was asked to stop.
        let ending = self.surroundings.sessions.end();
        let _ = self.runtime.block_on(async { tokio::time::timeout(ENDING, ending).await });
        self.emit(&What::WorkerEnded { how: "came to its end".to_owned(), complete: self.schedule.is_done() });
        std::process::exit(0)
    }

    fn start(&mut self, at: usize) {
        let check = Arc::new(self.schedule.check(at).clone());
        self.schedule.start(at);
        self.emit(&What::CheckStarted { id: check.id.clone() });
        let clock = CurrentClock::default();
        let hard_deadline = attempt::hard_deadline(&check, &self.surroundings);
        let (surroundings, done, current) = (self.surroundings.clone(), self.to_loop.clone(), clock.clone());
        let task = self.runtime.spawn(async move {
            let result = attempt::run(check, surroundings, current).await;
            // The loop is gone only when the process ends.
            let _ = done.send(Signal::Finished(at, Box::new(result)));
        });
        self.running.insert(at, Running { hard_deadline, clock, begun: Instant::now(), task: task.abort_handle() });
    }

    /// Waits for a result, a stop, or the next hard deadline.
    fn wait(&mut self) {
        let stop = self.stop_at.map(|stop_at| stop_at.saturating_duration_since(Instant::now()));
        let next = self.running.values().map(|running| running.hard_deadline.left()).chain(stop).min();
        let bound = next.unwrap_or(Duration::from_secs(1));
        match self.from_checks.recv_timeout(bound) {
            Ok(Signal::Finished(at, result)) => {
                self.running.remove(&at);
                self.report(at, *result);
            }
            Ok(Signal::Stop) => {
                let stop_at = Instant::now() + STOP_GRACE;
                self.stop_at = Some(self.stop_at.map_or(stop_at, |earlier| earlier.min(stop_at)));
            }
            Err(_) => self.end_overdue(),
        }
    }

    fn end_overdue(&mut self) {
        let now = Instant::now();
        if self.stop_at.is_some_and(|stop_at| now >= stop_at) {
            // What still runs has no result; the journal says so by its silence.
            for (_, running) in self.running.drain() {
                running.task.abort();
            }
            return;
        }
        let overdue: Vec<usize> = self
            .running
            .iter()
            .filter(|(_, running)| running.hard_deadline.left().is_zero())
            .map(|(at, _)| *at)
            .collect();
        for at in overdue {
            if let Some(running) = self.running.remove(&at) {
                running.task.abort();
                let result = overrun(&running, self.surroundings.started);
                self.report(at, result);
            }
        }
    }

    /// One event, one line, one write. Without a reader there is nobody to work for.
    fn emit(&mut self, what: &What) {
        let line = match serde_json::to_string(what) {
            Ok(line) => line + "\n",
            Err(error) => {
                eprintln!("an event could not be written: {error}");
                return;
            }
        };
        if self.events.write_all(line.as_bytes()).is_err() {
            std::process::exit(2);
        }
    }

    fn report(&mut self, at: usize, result: CheckResult) {
        let check = self.schedule.check(at);
        let (id, control) = (check.id.clone(), check.control.clone());
        let verdict = result.verdict;
        // A check that `settle` finished is recorded already; a late result of an overdue one is not wanted.
        let _ = self.schedule.finish(at, &result);
        let mut finished = self.finished.checks.lock().unwrap_or_else(PoisonError::into_inner);
        if finished.iter().any(|one| one.id == id) {
            return;
        }
        finished.push(FinishedCheck { id: id.clone(), verdict, control });
        drop(finished);
        self.emit(&What::CheckFinished { id, result: Box::new(result) });
    }
}

/// The result of a check that did not give control back.
fn overrun(running: &Running, started: Instant) -> CheckResult {
    let observation: Observation = running.clock.observation();
    let phase = observation.phases.iter().rev().find(|phase| !phase.done).map_or("op", |phase| phase.name.as_str());
    let trouble = Trouble::unable(phase, "harness.deadline", "the probe did not come back before its hard deadline");
    let mut result = CheckResult::without_run(Verdict::Error, trouble.to_string());
    result.judgement = Some(Judgement {
        verdict: Verdict::Error,
        observed: trouble.to_string(),
        mismatches: Vec::new(),
        likely_cause: likely_cause(&trouble.class).to_owned(),
    });
    result.trouble = Some(trouble);
    result.observation = Some(observation);
    result.attempts = 1;
    result.start_us = u64::try_from(running.begun.duration_since(started).as_micros()).unwrap_or(u64::MAX);
    result.took_us = u64::try_from(running.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    result
}

/// A panic is told in one line; the supervisor takes it into the journal, redacted.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        eprintln!("panic at {place}: {}", isolation::panic_text(info.payload()));
    }));
}
