use std::path::Path;

use kube::config::{AuthInfo, Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret as _, SecretString};

use crate::model::{ClusterAccess, Secret};

/// Where Kubernetes puts the token of a pod's `ServiceAccount`.
/// Source: Kubernetes, "Accessing the Kubernetes API from a Pod".
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Why there is no way to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No kubeconfig could be read.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// A name in the kubeconfig leads nowhere.
    #[error("the kubeconfig has no {kind} `{name}`")]
    Missing {
        /// context, cluster or user
        kind: &'static str,
        /// Its name; empty when none is selected.
        name: String,
    },
    /// The kubeconfig asks not to verify the server.
    #[error("the kubeconfig's cluster `{0}` has `insecure-skip-tls-verify`: whoever answers could say anything")]
    Insecure(String),
    /// The kubeconfig cannot be handed on.
    #[error("the kubeconfig cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
}

/// The way to the cluster and its name in words: the declared kubeconfig, else the pod we run in, else the user's
/// kubeconfig (`$KUBECONFIG` or `~/.kube/config`). Of a kubeconfig only the one context is kept.
///
/// # Errors
/// When none of them leads to a cluster.
pub fn find_access(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<(ClusterAccess, String), AccessError> {
    let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(POD_TOKEN).exists();
    if kubeconfig.is_none() && context.is_none() && in_pod {
        return Ok((ClusterAccess::InCluster, "in-cluster".to_owned()));
    }
    let document = match kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    }
    .map_err(|error| AccessError::Kubeconfig(Box::new(error)))?;
    minify(document, context)
}

fn minify(document: Kubeconfig, context: Option<&str>) -> Result<(ClusterAccess, String), AccessError> {
    let missing = |kind, name: &str| AccessError::Missing { kind, name: name.to_owned() };
    let name = context.or(document.current_context.as_deref()).unwrap_or_default().to_owned();
    let entry = document.contexts.into_iter().find(|one| one.name == name).ok_or_else(|| missing("context", &name))?;
    let selected = entry.context.as_ref().ok_or_else(|| missing("context", &name))?;
    let is_cluster = |one: &kube::config::NamedCluster| one.name == selected.cluster;
    let cluster =
        document.clusters.into_iter().find(is_cluster).ok_or_else(|| missing("cluster", &selected.cluster))?;
    if cluster.cluster.as_ref().is_some_and(|cluster| cluster.insecure_skip_tls_verify == Some(true)) {
        return Err(AccessError::Insecure(cluster.name));
    }
    let user = selected.user.clone().unwrap_or_default();
    let auth = document.auth_infos.into_iter().find(|one| one.name == user).ok_or_else(|| missing("user", &user))?;
    let secrets = auth.auth_info.as_ref().map(secrets_of).unwrap_or_default();
    let runs_program = auth.auth_info.as_ref().is_some_and(|info| info.exec.is_some());
    let document = Kubeconfig {
        contexts: vec![entry],
        clusters: vec![cluster],
        auth_infos: vec![auth],
        current_context: Some(name.clone()),
        ..Kubeconfig::default()
    };
    let document = Secret::new(serde_json::to_string(&document).map_err(AccessError::Encode)?);
    Ok((ClusterAccess::Kubeconfig { document, secrets, runs_program }, name))
}

fn secrets_of(info: &AuthInfo) -> Vec<Secret> {
    let exposed = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let provider = info.auth_provider.iter().flat_map(|provider| {
        provider.config.iter().filter(|(name, _)| name.contains("token") || name.contains("secret"))
    });
    [exposed(&info.token), exposed(&info.password), exposed(&info.client_key_data)]
        .into_iter()
        .flatten()
        .chain(provider.map(|(_, value)| value.clone()))
        .map(Secret::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c1", "user": "u1"}},
                     {"name": "two", "context": {"cluster": "c2", "user": "u2"}},
                     {"name": "lost", "context": {"cluster": "c3", "user": "u1"}},
                     {"name": "open", "context": {"cluster": "open", "user": "u1"}}],
        "clusters": [{"name": "c1", "cluster": {"server": "https://one:6443"}},
                     {"name": "c2", "cluster": {"server": "https://two:6443"}},
                     {"name": "open", "cluster": {"server": "https://x:6443", "insecure-skip-tls-verify": true}}],
        "users": [{"name": "u1", "user": {"token": "first-token"}}, {"name": "u2", "user": {"token": "second-token"}}]
    }"#;

    fn document() -> Kubeconfig {
        serde_json::from_str(TWO).expect("a kubeconfig")
    }

    #[test]
    fn only_the_selected_context_travels() {
        for (context, name, kept, left) in [(None, "one", "first", "second"), (Some("two"), "two", "second", "first")] {
            let (access, found) = minify(document(), context).expect("an access");
            assert_eq!(found, name);
            let ClusterAccess::Kubeconfig { document, secrets, runs_program } = access else { panic!("a kubeconfig") };
            assert!(document.expose().contains(kept) && !document.expose().contains(left));
            assert_eq!(secrets.iter().map(Secret::expose).collect::<Vec<_>>(), [format!("{kept}-token")]);
            assert!(!runs_program);
        }
    }

    #[test]
    fn a_name_that_leads_nowhere_is_named() {
        let of = |context| minify(document(), Some(context)).expect_err("no access").to_string();
        assert_eq!(of("three"), "the kubeconfig has no context `three`");
        assert_eq!(of("lost"), "the kubeconfig has no cluster `c3`");
        assert!(of("open").contains("insecure-skip-tls-verify"));
    }
}
