use schemars::JsonSchema;
use serde::Deserialize;

/// The parameters of a probe that has none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}
