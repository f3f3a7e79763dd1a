use serde::{Deserialize, Serialize};

use super::Secret;

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
    /// The application's namespace that the run is made for, if it is made for one.
    pub application: Option<String>,
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
