use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    container_row::rows,
    infrastructure::{component, is_meant, pods},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// The containers of the infrastructure's pods as they were admitted, each as one flat row.
///
/// A Deployment tells what was asked for; the pod tells what webhooks, `LimitRanges` and old revisions made of it. What a
/// container does not say about its security comes from its pod, and what neither says is the default, which is the
/// weaker one nearly everywhere.
/// Source: Kubernetes, "Pod Security Standards"; Kubernetes API, `Container`.
pub(in crate::probes) struct Containers;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Only the containers of these components; all, if not given.
    #[serde(default)]
    components: Option<Vec<String>>,
    /// Components that are declared exceptions.
    #[serde(default)]
    except: Vec<String>,
    /// Only these kinds: `main`, `sidecar`, `init`, `ephemeral`; all, if not given.
    #[serde(default)]
    kinds: Option<Vec<Kind>>,
}

/// What a container is to its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// One of the pod's own.
    Main,
    /// An init container that keeps running beside them.
    Sidecar,
    /// One that ends before they start.
    Init,
    /// One that somebody added to a running pod.
    Ephemeral,
}

impl Kind {
    /// The word in rows and stanzas.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Sidecar => "sidecar",
            Self::Init => "init",
            Self::Ephemeral => "ephemeral",
        }
    }
}

impl Probe for Containers {
    const NAME: &'static str = "kubernetes.containers";
    const ABOUT: &'static str = "lists the containers of the infrastructure's pods as flat rows";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "containers",
            about: "by pod/container: {component, kind, image, tag, pinned_by, digest_runs, pulled_anew, run_as_user, non_root, read_only_root, caps_dropped, caps_added, privileged, privilege_escalation, proc_mount, seccomp, requests, limits, liveness, readiness, readiness_asks, startup, waiting, restarts, last_exit, last_exit_age_s, oom_age_s}",
        },
        Fact { name: "count", about: "how many there are" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        vec![listing("v1", "pods", Some(namespace))]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let rows: Map<String, Value> = pods(&connection, &scope)
            .await?
            .iter()
            .filter(|pod| is_meant(&component(pod), with.components.as_deref(), &with.except))
            .flat_map(rows)
            .filter(|(_, kind, _)| with.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind)))
            .map(|(name, _, row)| (name, row))
            .collect();
        Ok(Facts::from_iter([("count".to_owned(), json!(rows.len())), ("containers".to_owned(), Value::Object(rows))]))
    }
}
