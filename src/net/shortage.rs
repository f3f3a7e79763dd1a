use std::{
    fs,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often the kernel is asked. Its own totals of pressure (`/proc/pressure`) move only every two seconds, which is half of
/// most deadlines.
const EVERY: Duration = Duration::from_millis(50);
/// What tells how many processes run, and how many wait for a disk. Source: Linux, proc(5).
const PROCESSES: &str = "/proc/stat";
/// What tells how long our own group was held back by its CPU limit. Source: Linux, `admin-guide/cgroup-v2.rst`.
const GROUP: &str = "/sys/fs/cgroup/cpu.stat";

static WATCHED: Once = Once::new();
static SHORT_US: AtomicU64 = AtomicU64::new(0);

/// How long this machine had no CPU or disk to give to somebody who could have used it, so far: counted from the first time
/// that this is asked. Where the kernel does not tell, it is never short.
pub(super) fn shortage() -> Duration {
    WATCHED.call_once(|| {
        // Without a watcher nothing is ever short, which is the stricter side.
        let _ = thread::Builder::new().name("shortage".to_owned()).spawn(watch);
    });
    Duration::from_micros(SHORT_US.load(Ordering::Relaxed))
}

fn watch() {
    let mut before = (Instant::now(), throttled());
    while let Ok(processes) = fs::read_to_string(PROCESSES) {
        let now = (Instant::now(), throttled());
        // Late itself, the watcher stands for the whole time since it last looked.
        let since = now.0.duration_since(before.0);
        let held_back = now.1.saturating_sub(before.1).min(since);
        let short = if is_short(&processes) { since } else { held_back };
        SHORT_US.fetch_add(u64::try_from(short.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        before = now;
        thread::sleep(EVERY);
    }
}

/// Whether somebody waits now: for a CPU, because more want to run than there are, or for a disk.
fn is_short(processes: &str) -> bool {
    let count = |name: &str| {
        let line = processes.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|count| count.trim().parse::<usize>().ok()).unwrap_or(0)
    };
    let is_cpu = |line: &&str| {
        let number = line.split(' ').next().and_then(|name| name.strip_prefix("cpu")).unwrap_or_default();
        !number.is_empty()
    };
    let cpus = processes.lines().filter(is_cpu).count();
    count("procs_running") > cpus.max(1) || count("procs_blocked") > 0
}

fn throttled() -> Duration {
    fs::read_to_string(GROUP).ok().and_then(|text| throttled_of(&text)).unwrap_or_default()
}

fn throttled_of(text: &str) -> Option<Duration> {
    let micros = text.lines().find_map(|line| line.strip_prefix("throttled_usec "))?;
    micros.trim().parse().ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_waits_when_more_want_to_run_than_there_are_cpus_or_a_disk_is_waited_for() {
        let two = |running: u32, blocked: u32| {
            format!(
                "cpu  1 2\ncpu0 1 2\ncpu1 1 2\nctxt 9\nprocs_running {running}\nprocs_blocked {blocked}\nsoftirq 1\n"
            )
        };
        assert!(!is_short(&two(1, 0)), "we ourselves run while we look");
        assert!(!is_short(&two(2, 0)));
        assert!(is_short(&two(3, 0)));
        assert!(is_short(&two(1, 1)));
        for foreign in ["", "cpu 1", "procs_running x", "procs_running 1"] {
            assert!(!is_short(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_time_a_group_was_held_back_is_read() {
        let text = "usage_usec 5\nnr_throttled 2\nthrottled_usec 1500000\n";
        assert_eq!(throttled_of(text), Some(Duration::from_millis(1500)));
        assert_eq!(throttled_of("usage_usec 5\n"), None);
    }

    #[test]
    fn a_machine_with_more_work_than_cpus_is_short_most_of_the_time() {
        let _ = shortage();
        let cpus = thread::available_parallelism().map_or(1, usize::from);
        let until = Instant::now() + Duration::from_millis(600);
        let (from, begun) = (shortage(), Instant::now());
        let spinning: Vec<_> = (0..cpus * 4).map(|_| thread::spawn(move || while Instant::now() < until {})).collect();
        for thread in spinning {
            thread.join().expect("it only spins");
        }
        thread::sleep(EVERY * 4);
        let short = shortage().saturating_sub(from);
        assert!(short * 3 > begun.elapsed(), "{short:?} of {:?}", begun.elapsed());
    }
}
