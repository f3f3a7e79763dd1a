//! What only a real cluster can show: the program inside Kubernetes, and Kubernetes broken under it.
//!
//! The reference cluster is raised for it (its parts are built once, into the user's cache), in a place of its own, and
//! taken down again; one that runs there already is used and left. Where none can be raised the facts are skipped, and
//! the reason is told. One fact at a time: they break the one cluster they share.

mod cluster;
mod endings;
mod enforcer;
mod gate;
mod job;
mod nightly;
mod pairs;
mod policies;
mod rights;
mod roles;
mod run;
mod shards;
mod undo;
mod vantages;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

/// A fact with its name, to be shown on the cluster.
type Fact = (&'static str, fn(&cluster::Cluster));

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let on_cluster = [
        enforcer::FACTS,
        policies::FACTS,
        pairs::FACTS,
        endings::FACTS,
        rights::FACTS,
        vantages::FACTS,
        gate::FACTS,
        shards::FACTS,
        nightly::FACTS,
    ];
    let trials = on_cluster.concat().into_iter().map(|(name, show): Fact| {
        Trial::ignorable_test(name, move || match cluster::get() {
            Ok(Some(cluster)) => {
                show(cluster);
                Ok(Completion::Completed)
            }
            Ok(None) => Ok(Completion::ignored_with(cluster::why_none().unwrap_or_default())),
            Err(error) => Err(error.clone().into()),
        })
    });
    let free = roles::FACTS.iter().map(|(name, show)| {
        Trial::test(*name, move || {
            show();
            Ok(())
        })
    });
    let conclusion = libtest_mimic::run(&arguments, free.chain(trials).collect());
    cluster::take_down();
    conclusion.exit_code()
}
