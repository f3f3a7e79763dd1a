use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Right, Secret};

/// The service that stands for the Kubernetes API, in configurations and as the target of checks.
pub const KUBERNETES: &str = "kubernetes";

/// Which Kubernetes cluster, who we are there, and where the shared infrastructure lives in it.
///
/// Serialised only on the pipe from the supervisor to the worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cluster {
    /// How its API is reached.
    pub access: ClusterAccess,
    /// In words, for provenance: `in-cluster`, or the name of a kubeconfig's context.
    pub name: String,
    /// The namespace of the shared infrastructure.
    pub namespace: String,
    /// The image of our probe pods, where one is declared.
    pub image: Option<String>,
    /// Key and value of the label by which a namespace is let in.
    pub allow_label: (String, String),
    /// Addresses outside of the cluster that the infrastructure must not reach, `ip:port`.
    pub outside: Vec<String>,
    /// How the servers in it are reached.
    #[serde(default)]
    pub via: Via,
    /// The application's namespace that the run is made for, if it is made for one.
    pub application: Option<String>,
}

/// How the servers in a cluster are reached from where we stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// By their own addresses, as applications reach them.
    #[default]
    Direct,
    /// Through the API server into the pods, as an operator at a desk does. Degraded: that an application reaches a server
    /// is not shown, so no run is READY by it.
    PortForward,
}

impl Via {
    /// All ways.
    pub const ALL: [Self; 2] = [Self::Direct, Self::PortForward];

    /// The word in files and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::PortForward => "port-forward",
        }
    }

    /// The rights it needs in the namespace of the servers, beyond those of the checks themselves.
    #[must_use]
    pub fn rights(self, namespace: &str) -> Vec<Right> {
        let right = |group, resource, verb| Right::within(namespace, group, resource, verb);
        match self {
            Self::Direct => Vec::new(),
            Self::PortForward => vec![
                right("", "services", "get"),
                right("discovery.k8s.io", "endpointslices", "list"),
                // Which of the two verbs an API server asks for depends on its version.
                right("", "pods/portforward", "create"),
                right("", "pods/portforward", "get"),
            ],
        }
    }
}

impl FromStr for Via {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(Self::word).join(", ");
        Self::ALL
            .into_iter()
            .find(|via| via.word() == text)
            .ok_or_else(|| format!("`{text}` is not a way into a cluster; known are {}", known()))
    }
}

/// How the API of a cluster is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterAccess {
    /// By the `ServiceAccount` of the pod that we run in.
    InCluster,
    /// By a kubeconfig with one context, as JSON. Its files are named by absolute path.
    Kubeconfig {
        /// The document.
        document: Secret,
        /// Every credential in it, for the redactor.
        secrets: Vec<Secret>,
        /// Whether a program of the user's must run to log in, which may need the user's environment.
        runs_program: bool,
    },
}

impl ClusterAccess {
    /// Every credential of it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        match self {
            Self::InCluster => [].iter(),
            Self::Kubeconfig { secrets, .. } => secrets.iter(),
        }
    }
}
