//! A run that is ended from outside leaves a whole report of what it did and did not do, and is never READY.

use std::{thread, time::Instant};

use serde_json::json;

use crate::{
    Fact,
    cluster::{Cluster, HOME, PROGRAM, said, wait},
    job::Job,
    run::{CONFIGURATION, Run},
};

pub(crate) const FACTS: &[Fact] =
    &[("endings::sigterm_sigkill_and_a_deadline_leave_a_whole_report_and_what_sigkill_left_is_swept", ended)];

const CHECKS: [&str; 2] = ["netpol/matrix-deny/redis", "suite/no-leftovers/kubernetes"];

/// How the pod of a Job is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// `kubectl delete pod`: SIGTERM to process 1, which has no default handling of it.
    Deleted,
    /// SIGKILL to process 1 of the container, and with it to everything in it.
    Killed,
    /// The Job's `activeDeadlineSeconds` is over.
    Deadline,
}

/// Three Jobs at once, each ended in its own way.
fn ended(cluster: &Cluster) {
    let all = [Ending::Deleted, Ending::Killed, Ending::Deadline];
    let runs: Vec<(Ending, Run)> = thread::scope(|scope| {
        let threads: Vec<_> = all.map(|ending| (ending, scope.spawn(move || end(cluster, ending)))).into();
        threads.into_iter().map(|(ending, thread)| (ending, thread.join().expect("ended as wanted"))).collect()
    });
    for (ending, run) in &runs {
        // Whoever was told to stop says by whom; whoever was killed could not.
        let code = if *ending == Ending::Killed { 2 } else { 143 };
        assert_eq!((run.code, &run.results["verdict"]), (code, &json!("INCOMPLETE")), "{ending:?}: {}", run.printed);
        assert!(run.is_whole(), "{ending:?}: {:?}", run.verdicts());
        assert_eq!(run.verdict("netpol/matrix-deny/redis"), "not_run", "{ending:?}");
        assert_eq!(run.verdict("cluster/api-ready"), "pass", "{ending:?}: what was decided stays decided");
        let id = run.results["run"]["id"].as_str().expect("an id");
        if *ending != Ending::Killed {
            let began = Instant::now();
            wait("what it made to go", || cluster.scratch(Some(id)).is_empty());
            assert!(began.elapsed().as_secs() < 60, "{ending:?}");
        }
    }
    let killed = runs.iter().find(|(ending, _)| *ending == Ending::Killed).map(|(_, run)| run).expect("it is there");
    let id = killed.results["run"]["id"].as_str().expect("an id");
    assert!(cluster.scratch(Some(id)).len() >= 6, "the premise: whoever is killed cleans up nothing");
    let young = sweep(cluster, "1h");
    assert!(young.contains("0 scratch objects removed"), "what is young may be in use: {young}");
    let swept = sweep(cluster, "0s");
    assert!(swept.contains(id), "{swept}");
    wait("what it made to go", || cluster.scratch(None).is_empty());
}

fn end(cluster: &Cluster, ending: Ending) -> Run {
    let name = format!("{ending:?}").to_lowercase();
    let job = Job::start(cluster, &name, &CHECKS, &[]);
    thread::scope(|scope| {
        let collected = scope.spawn(|| job.collect(1));
        job.wait_for_the_canary();
        match ending {
            Ending::Deleted => drop(cluster.kubectl(&["-n", HOME, "delete", "pod", &job.pod()])),
            Ending::Killed => kill(cluster, &job),
            Ending::Deadline => job.patch(&json!({"spec": {"activeDeadlineSeconds": 1}})),
        }
        let run = collected.join().expect("collected");
        wait("the Job to fail, without a second pod", || {
            job.object()["status"]["conditions"].to_string().contains(r#""type":"Failed""#)
        });
        assert!(job.object()["status"]["succeeded"].is_null());
        assert!(job.pod().split_whitespace().count() <= 1, "a second attempt would be another run");
        run
    })
}

/// SIGKILL to process 1 of the pod's container: by its uid in the cgroup, and not the pause container's.
fn kill(cluster: &Cluster, job: &Job<'_>) {
    let uid =
        cluster.get_in(HOME, &format!("pod/{}", job.pod()))["metadata"]["uid"].as_str().expect("a uid").to_owned();
    let script = format!(
        "for process in /proc/[0-9]*; do
           grep -qs '{uid}' $process/cgroup || continue
           [ \"$(awk '/^NSpid/ {{ print $NF }}' $process/status)\" = 1 ] || continue
           [ \"$(cat $process/comm)\" != pause ] || continue
           kill -KILL ${{process#/proc/}} && echo killed
         done"
    );
    let output = cluster.enter(&["bash", "-c", &script], None);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "killed", "exactly one process: {}", said(&output));
}

fn sweep(cluster: &Cluster, older_than: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.yaml");
    std::fs::write(&config, CONFIGURATION).expect("written");
    let words = [PROGRAM, "sweep", "--older-than", older_than, "--config", &config.display().to_string()];
    let output = cluster.enter(&words, None);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}
