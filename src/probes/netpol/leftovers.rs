use std::time::Duration;

use serde_json::json;

use crate::{
    cluster::vantage::scratch_namespaces,
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
        "removes the probe pods of this run and lists the scratch namespaces that are still there";
    const FACTS: &'static [Fact] = &[Fact { name: "leftovers", about: "the namespaces" }];
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = NoParameters;

    fn rights(_: &NoParameters, _: &str) -> Vec<Right> {
        ["list", "delete"].map(|verb| Right::everywhere("", "namespaces", verb)).to_vec()
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        scope.sessions.end().await;
        let api = connect(&scope).await?.api;
        loop {
            let left = scratch_namespaces(&api, &scope.clock, Some(&scope.run)).await?;
            // The last look is made while there is time to tell of it.
            if left.is_empty() || scope.clock.left() < ASK_EVERY * 3 {
                let names: Vec<&String> = left.iter().map(|(name, _)| name).collect();
                return Ok(Facts::from_iter([("leftovers".to_owned(), json!(names))]));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}
