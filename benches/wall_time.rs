//! How long a healthy run takes, beside what it cannot be faster than, and beside asking by hand. `benches/README.md`
//! says what each row means.

#[path = "wall_time/asking_by_hand.rs"]
mod asking_by_hand;
#[path = "wall_time/journal.rs"]
mod journal;
#[path = "wall_time/measured.rs"]
mod measured;
#[path = "wall_time/statistics.rs"]
mod statistics;

use std::{error::Error, path::Path, process::Command};

use soma_stack::{Mode, Stack};

use measured::Measured;
use statistics::Row;

const PROGRAM: &str = env!("CARGO_BIN_EXE_soma-conformance");

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds words of its own; the first number is how often to repeat.
    let rounds: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10);
    let stack = Stack::builder().mode(Mode::Plain).all().progress(true).start()?;
    journal::assert_chain_is_found();
    println!("{rounds} rounds after one that is not counted; {} processors\n", std::thread::available_parallelism()?);
    println!("{:<52} {:>9} {:>9} {:>9}", "", "min", "median", "p95");
    against_the_critical_path(&stack, rounds)?;
    against_asking_by_hand(&stack, rounds)
}

/// Whole runs of everything.
fn against_the_critical_path(stack: &Stack, rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut ratio = Row::new("run / its critical path");
    let mut wall = Row::new("run, ms");
    let mut path = Row::new("  critical path: the longest chain of needs, ms");
    let mut start = Row::new("  process start to the plan, and to the worker, ms");
    let mut end = Row::new("  last check to the end: reports written, ms");
    let mut processor = Row::new("  processor time of both processes, ms");
    let mut memory = Row::new("  peak memory of the larger process, MiB");
    for round in 0..=rounds {
        let (measured, folder) = run(stack, &[])?;
        if round == 0 {
            continue;
        }
        let journal = journal::read(&folder.path().join("journal.ndjson"))?;
        let critical = journal.critical_path.as_secs_f64();
        ratio.add(measured.wall.as_secs_f64() / critical);
        wall.add(measured.wall.as_secs_f64() * 1e3);
        path.add(critical * 1e3);
        start.add((measured.begun_to(journal.worker_started)) * 1e3);
        end.add(measured.ended_after(journal.last_check) * 1e3);
        processor.add(measured.processor.as_secs_f64() * 1e3);
        memory.add(measured.peak_kib as f64 / 1024.0);
    }
    for row in [ratio, wall, path, start, end, processor, memory] {
        println!("{row}");
    }
    Ok(())
}

/// The same few questions, by this program and by one command after the other, in turn: the machine's mood is in both.
fn against_asking_by_hand(stack: &Stack, rounds: usize) -> Result<(), Box<dyn Error>> {
    let checks: Vec<&str> = asking_by_hand::QUESTIONS.iter().map(|(check, _)| *check).collect();
    let mut ratio = Row::new("these questions: program / by hand");
    let mut ours = Row::new("  this program, with what the questions need, ms");
    let mut theirs = Row::new("  psql, redis-cli and curl, one after the other, ms");
    for round in 0..=rounds {
        let (measured, _folder) = run(stack, &checks)?;
        let by_hand = asking_by_hand::ask(stack)?;
        if round > 0 {
            ratio.add(measured.wall.as_secs_f64() / by_hand.as_secs_f64());
            ours.add(measured.wall.as_secs_f64() * 1e3);
            theirs.add(by_hand.as_secs_f64() * 1e3);
        }
    }
    println!("\n{} questions: {}", checks.len(), checks.join(", "));
    for row in [ratio, ours, theirs] {
        println!("{row}");
    }
    Ok(())
}

fn run(stack: &Stack, checks: &[&str]) -> Result<(Measured, tempfile::TempDir), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(PROGRAM);
    command.arg("run").args(checks).arg("--config").arg(stack.config_path());
    command.arg("--report-dir").arg(folder.path()).args(["--format", "plain"]);
    let measured = measured::measure(&mut command)?;
    if measured.code != Some(0) {
        return Err(format!("the run is not healthy, so its time says nothing: {}", told(folder.path())).into());
    }
    Ok((measured, folder))
}

fn told(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("readiness.md")).unwrap_or_else(|error| error.to_string())
}
