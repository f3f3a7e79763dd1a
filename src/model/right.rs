use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A permission that a probe needs from the Kubernetes API: one rule of a Role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Right {
    /// The namespace it holds in; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// The API group; empty for the core.
    pub group: String,
    /// The resource in its plural, with a subresource after a slash: `pods`, `pods/log`.
    pub resource: String,
    /// The one object it is limited to, if it is.
    pub name: Option<String>,
    /// The verb: `get`, `list`, `create` …
    pub verb: String,
}

impl Right {
    /// A right in one namespace.
    #[must_use]
    pub fn within(namespace: &str, group: &str, resource: &str, verb: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..Self::everywhere(group, resource, verb) }
    }

    /// A right in the whole cluster, or on a resource without namespaces.
    #[must_use]
    pub fn everywhere(group: &str, resource: &str, verb: &str) -> Self {
        Self {
            namespace: None,
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: None,
            verb: verb.to_owned(),
        }
    }

    /// The same right on one object only.
    #[must_use]
    pub fn only(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }
}

impl fmt::Display for Right {
    /// As a person says it, and as `kubectl auth can-i` takes it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(formatter, ".{}", self.group)?;
        }
        if let Some(name) = &self.name {
            write!(formatter, "/{name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(formatter, " in namespace {namespace}"),
            None => write!(formatter, " in the whole cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_said_with_its_object_and_place() {
        let right = Right::within("soma-infra", "", "secrets", "get").only("admin");
        assert_eq!(right.to_string(), "get secrets/admin in namespace soma-infra");
        let right = Right::everywhere("storage.k8s.io", "storageclasses", "list");
        assert_eq!(right.to_string(), "list storageclasses.storage.k8s.io in the whole cluster");
    }
}
