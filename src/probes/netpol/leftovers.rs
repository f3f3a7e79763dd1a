use std::time::Duration;

use serde_json::json;

use crate::{
    cluster::{collection, vantage::scratch_namespaces},
    model::{Fact, Facts, Right, Trouble},
    probes::{NoParameters, Probe, Scope, kubernetes::connect},
};

/// How often a namespace that is being deleted is asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Removes the probe pods of this run with their namespaces, and lists what is still there when that is done.
///
/// It runs after everything else, so nobody needs them any more. Deleting a namespace takes the cluster some seconds.
pub(in crate::probes) struct Leftovers;

impl Probe for Leftovers {
    const NAME: &'static str = "netpol.leftovers";
    const ABOUT: &'static str =
        "removes the probe pods of this run and lists those and their namespaces that are still there";
    const FACTS: &'static [Fact] = &[Fact { name: "leftovers", about: "the namespaces and pods" }];
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = NoParameters;

    fn rights(_: &NoParameters, _: &str) -> Vec<Right> {
        let mut rights = ["list", "delete"].map(|verb| Right::everywhere("", "namespaces", verb)).to_vec();
        rights.extend(["get", "delete"].map(|verb| Right::everywhere("", "pods", verb)));
        rights
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        scope.sessions.end().await;
        let connection = connect(&scope).await?;
        let (api, cluster) = (&connection.api, &connection.cluster);
        loop {
            let namespaces = scratch_namespaces(api, &scope.clock, Some(&scope.run)).await?;
            let mut left: Vec<String> = namespaces.into_iter().map(|(name, _)| format!("namespace {name}")).collect();
            // Guests of other namespaces are single pods, all of one name.
            for namespace in cluster.application.iter().chain([&cluster.namespace]) {
                let path = format!("{}/{}", collection("v1", "pods", Some(namespace)), scope.run.scratch_name());
                let right = Right::everywhere("", "pods", "get");
                if api.get(&scope.clock, &path, &right).await?.is_some() {
                    left.push(format!("pod {namespace}/{}", scope.run.scratch_name()));
                }
            }
            // The last look is made while there is time to tell of it.
            if left.is_empty() || scope.clock.left() < ASK_EVERY * 3 {
                return Ok(Facts::from_iter([("leftovers".to_owned(), json!(left))]));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}
