use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The facts of one probe run: a JSON object.
pub type Facts = serde_json::Map<String, Value>;

/// What one probe run saw on the wire.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The facts the expectation is judged against.
    pub facts: Facts,
    /// The steps on the way (dns, tcp, tls, auth, op …) in order of their start.
    pub phases: Vec<Phase>,
    /// The address that was really connected to, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
}

/// One step of a probe with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// Name of the step.
    pub name: String,
    /// Microseconds from the start of the probe to the start of the step.
    pub start_us: u64,
    /// Microseconds the step took; for a step that was cut off, until then.
    pub took_us: u64,
    /// Whether the step came to its end.
    pub done: bool,
}
