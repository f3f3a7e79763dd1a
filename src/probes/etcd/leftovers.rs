use serde_json::json;

use super::{connection::connect, scratch_key};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Lists the keys of this run that are still on the cluster.
pub(in crate::probes) struct Leftovers;

impl Probe for Leftovers {
    const NAME: &'static str = "etcd.leftovers";
    const ABOUT: &'static str = "lists keys of this run that are still there";
    const FACTS: &'static [Fact] = &[Fact { name: "leftovers", about: "their names" }];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let mut client = connect(&scope).await?;
        let mut leftovers = scratch_key::ours(&scope, &mut client, "range").await?;
        leftovers.retain(|key| key.contains(scope.run.as_str()));
        Ok(Facts::from_iter([("leftovers".to_owned(), json!(leftovers))]))
    }
}
