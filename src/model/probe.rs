use serde_json::Value;

use super::Right;

/// One fact a probe returns.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// Its name: the first segment of the paths in an expectation.
    pub name: &'static str,
    /// What it means, with its unit.
    pub about: &'static str,
}

/// What the catalogue must know of a probe to check a stanza before anything is sent.
#[derive(Clone, Copy)]
pub struct ProbeDescriptor {
    /// `service.operation`, or a generic name such as `http.request`.
    pub name: &'static str,
    /// One line: what it does.
    pub about: &'static str,
    /// The facts it returns.
    pub facts: &'static [Fact],
    /// Whether it writes to the server.
    pub writes: bool,
    /// Whether it needs the address of a service.
    pub needs_target: bool,
    /// The service it looks at, where that is not the first segment of the check's id.
    pub target: Option<&'static str>,
    /// What it needs to be allowed by the Kubernetes API, for these parameters and the infrastructure's namespace.
    pub rights: fn(&Value, &str) -> Vec<Right>,
    /// Says what is wrong with a stanza's `with`.
    pub validate: fn(&Value) -> Result<(), String>,
    /// The JSON Schema of `with`.
    pub parameters: fn() -> Value,
}

impl std::fmt::Debug for ProbeDescriptor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ProbeDescriptor").field("name", &self.name).finish_non_exhaustive()
    }
}
