use etcd_client::GetOptions;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::connection::{ask, connect};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Counts the keys under a prefix, linearizably, without reading them.
pub(in crate::probes) struct Range;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The prefix; never empty.
    prefix: String,
}

impl Probe for Range {
    const NAME: &'static str = "etcd.range";
    const ABOUT: &'static str = "counts the keys under a prefix without reading them";
    const FACTS: &'static [Fact] = &[
        Fact { name: "visible", about: "how many keys this user sees there; 0 when it may not look" },
        Fact { name: "denied", about: "whether this user may not look" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let mut client = connect(&scope).await?;
        let options = GetOptions::new().with_prefix().with_count_only();
        let answer = ask(&scope, "range", client.get(with.prefix, Some(options))).await;
        let (visible, denied) = match answer {
            Ok(answer) => (answer.count(), false),
            Err(trouble) if trouble.class == "authz.denied" => (0, true),
            Err(trouble) => return Err(trouble),
        };
        Ok(Facts::from_iter([("visible".to_owned(), json!(visible)), ("denied".to_owned(), json!(denied))]))
    }
}
