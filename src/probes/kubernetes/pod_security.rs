use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{Connection, KUBERNETES},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// How the namespace says that `PodSecurity` is to be enforced, against which version, and who would no longer be let in.
///
/// Enforcement looks at pods when they are created and never again: one from before the label runs on. The only thing
/// that shows them is the warning of a changed label, here in a server-side dry run that leaves nothing. Nothing is
/// warned of unless something changes, so the dry run turns the version of the policy as well.
/// Source: Kubernetes, "Enforce Pod Security Standards with Namespace Labels".
pub(in crate::probes) struct PodSecurity;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Whether to ask, in a dry run, which running pods violate `restricted`.
    #[serde(default)]
    running: bool,
}

const LEVEL: &str = "pod-security.kubernetes.io/enforce";
const VERSION: &str = "pod-security.kubernetes.io/enforce-version";

impl Probe for PodSecurity {
    const NAME: &'static str = "kubernetes.pod_security";
    const ABOUT: &'static str = "reads the namespace's PodSecurity labels, and which running pods violate `restricted`";
    const FACTS: &'static [Fact] = &[
        Fact { name: "level", about: "the enforced level" },
        Fact { name: "version", about: "the enforced version" },
        Fact { name: "versions_ahead", about: "minor versions by which a pinned version is ahead of the server" },
        Fact { name: "violations", about: "with `running`: what admission warns of" },
        Fact { name: "cut_off", about: "with `running`: whether admission looked at some of the pods only" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        let right = |verb| Right::everywhere("", "namespaces", verb).only(namespace);
        if with.running { vec![right("get"), right("patch")] } else { vec![right("get")] }
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let path = format!("/api/v1/namespaces/{namespace}");
        let right = Right::everywhere("", "namespaces", "get").only(namespace);
        let object = connection.api.get(&scope.clock, &path, &right).await?.unwrap_or_default();
        let labels = &object["metadata"]["labels"];
        let minor = server_minor(&connection, &scope).await?;
        let mut facts = Facts::from_iter([
            ("level".to_owned(), labels[LEVEL].clone()),
            ("version".to_owned(), labels[VERSION].clone()),
            ("versions_ahead".to_owned(), json!(pinned_minor(&labels[VERSION]).map(|pinned| pinned - minor))),
        ]);
        if with.running {
            let turned =
                if pinned_minor(&labels[VERSION]).is_some() { "latest".to_owned() } else { format!("v1.{minor}") };
            let labels = json!({"metadata": {"labels": {LEVEL: "restricted", VERSION: turned}}});
            let body = Some(("application/merge-patch+json", labels));
            let answer = connection.api.ask(&scope.clock, Method::PATCH, &format!("{path}?dryRun=All"), body).await?;
            if !answer.is_success() {
                let message = answer.body["message"].as_str().unwrap_or("no message");
                let class = if answer.status == 403 { "kube.forbidden" } else { "kube.server_error" };
                return Err(Trouble::unable("api", class, format!("{}: {message}", answer.status)));
            }
            let violations: Vec<&str> = answer.warnings.iter().map(|warning| plain(warning)).collect();
            // Source: k8s.io/pod-security-admission, the limit of 3000 pods and one second.
            let cut_off = violations.iter().any(|one| one.contains("only checked") || one.contains("timeout"));
            facts.insert("violations".to_owned(), json!(violations));
            facts.insert("cut_off".to_owned(), json!(cut_off));
        }
        Ok(facts)
    }
}

async fn server_minor(connection: &Connection, scope: &Scope) -> Result<i64, Trouble> {
    let answer = connection.api.ask(&scope.clock, Method::GET, "/version", None).await?;
    let text = answer.body["minor"].as_str().unwrap_or_default();
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().map_err(|_| Trouble::unable("api", "kube.garbage", "the API server does not tell its version"))
}

/// The minor version that a label pins: 34 for `v1.34`, nothing for `latest`.
fn pinned_minor(label: &Value) -> Option<i64> {
    label.as_str()?.strip_prefix("v1.")?.parse().ok()
}

/// A warning without its code and quotes: `299 - "text"`.
fn plain(warning: &str) -> &str {
    let text = warning.split_once(" - ").map_or(warning, |(_, text)| text);
    text.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_version_is_a_number() {
        for (label, expected) in [
            (json!("v1.34"), Some(34)),
            (json!("latest"), None),
            (json!("v2.1"), None),
            (json!("v1.x"), None),
            (Value::Null, None),
        ] {
            assert_eq!(pinned_minor(&label), expected, "{label}");
        }
    }

    #[test]
    fn a_warning_is_told_without_its_wrapping() {
        assert_eq!(plain("299 - \"bad: runAsNonRoot != true\""), "bad: runAsNonRoot != true");
        assert_eq!(plain("text"), "text");
    }
}
