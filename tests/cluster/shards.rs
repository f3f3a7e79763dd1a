//! An Indexed Job of two pods finds what one pod finds.

use std::thread;

use crate::{Fact, cluster::Cluster, job::Job};

pub(crate) const FACTS: &[Fact] = &[("shards::two_pods_find_what_one_pod_finds", alike)];

/// Without the check that measures the machine: two Jobs at once are not what it is about.
const CHECKS: [&str; 6] =
    ["redis", "opa", "suite/report-complete", "suite/negative-controls", "--skip", "opa/decision-latency"];

fn alike(cluster: &Cluster) {
    let whole = Job::start(cluster, "whole", &CHECKS, &[]);
    let split = Job::start(cluster, "split", &CHECKS, &["shards=2"]);
    let (whole, split) = thread::scope(|scope| {
        let (whole, split) = (scope.spawn(|| whole.collect(1)), scope.spawn(|| split.collect(2)));
        (whole.join().expect("collected"), split.join().expect("collected"))
    });
    assert!(whole.is_whole() && split.is_whole());
    assert!(whole.verdicts().len() > 10, "{:?}", whole.verdicts());
    assert_eq!(split.verdicts(), whole.verdicts(), "{}\n{}", whole.printed, split.printed);
    assert_eq!((split.code, &split.results["verdict"]), (whole.code, &whole.results["verdict"]));
    let shards = split.results["run"]["shards"].as_array().expect("where each part ran");
    assert!(shards.len() == 2 && shards.iter().all(|shard| shard["ran"]["complete"] == true), "{shards:?}");
}
