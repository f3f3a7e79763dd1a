use serde_json::json;

use super::api::OpenFga;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Lists the stores this run has left behind.
pub(in crate::probes) struct Leftovers;

impl Probe for Leftovers {
    const NAME: &'static str = "openfga.leftovers";
    const ABOUT: &'static str = "lists the stores this run has left behind";
    const FACTS: &'static [Fact] = &[Fact { name: "leftovers", about: "names of stores of this run" }];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let ours = scope.run.scratch_name();
        let stores = OpenFga::of(&scope)?.stores().await?;
        let left: Vec<_> = stores.into_iter().map(|store| store.name).filter(|name| name.starts_with(&ours)).collect();
        Ok(Facts::from_iter([("leftovers".to_owned(), json!(left))]))
    }
}
