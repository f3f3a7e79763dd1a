use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::secrets;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Returns the service's secrets as a careless probe of a talkative server would: in facts, in names of facts, and at
/// every place where a long text may be cut.
pub(in crate::probes) struct Leak;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// In the message of a trouble, after this many other characters, instead of in facts.
    trouble_after: Option<usize>,
}

impl Probe for Leak {
    const NAME: &'static str = "fault.leak";
    const ABOUT: &'static str = "returns the service's secrets in facts, or in a trouble";
    const FACTS: &'static [Fact] = &[Fact { name: "leaked", about: "the secrets, many times" }];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let secrets = secrets(&scope)?;
        if let Some(after) = with.trouble_after {
            let message = format!("{}{}", ".".repeat(after), secrets.join(" "));
            return Err(Trouble::fault("auth", "proto.error", message));
        }
        let leaked: Vec<_> = secrets
            .iter()
            .map(|secret| {
                json!({
                    "plain": secret,
                    "inside": format!("user=soma password={secret} host=x"),
                    "quoted": format!("{secret:?}"),
                    "json": json!({"password": secret}).to_string(),
                    (secret.clone()): true,
                    "cut": (0..40).map(|less| format!("{}{secret}", ".".repeat(2_047 - less))).collect::<Vec<_>>(),
                })
            })
            .collect();
        Ok(Facts::from_iter([("leaked".to_owned(), json!(leaked))]))
    }
}
