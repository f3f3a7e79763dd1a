use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::RunId;

/// Where probe pods stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A namespace with the label that lets applications in.
    Labelled,
    /// A namespace without it.
    Unlabelled,
    /// A namespace without it, the pod with it: the label belongs on the namespace.
    PodLabelled,
    /// A namespace whose label says `false`.
    LabelledFalse,
    /// A namespace whose label differs in case.
    OtherCase,
    /// A namespace that gets the label and loses it again.
    Flipped,
    /// The infrastructure's own namespace, as a pod of no component: what its egress policies leave to everybody there.
    Infrastructure(String),
    /// An application's own namespace.
    Application(String),
}

impl Source {
    /// The word in facts and reports.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Labelled => "labelled",
            Self::Unlabelled => "unlabelled",
            Self::PodLabelled => "pod-labelled",
            Self::LabelledFalse => "labelled-false",
            Self::OtherCase => "other-case",
            Self::Flipped => "flipped",
            Self::Infrastructure(_) => "infrastructure",
            Self::Application(_) => "application",
        }
    }

    /// The namespace it stands in.
    #[must_use]
    pub fn namespace(&self, run: &RunId) -> String {
        match self {
            Self::Application(namespace) | Self::Infrastructure(namespace) => namespace.clone(),
            // The same namespace: only the pod differs.
            Self::PodLabelled => Self::Unlabelled.namespace(run),
            own => format!("{}-{}", run.scratch_name(), own.word()),
        }
    }

    /// The label of its namespace, made from the one that lets applications in.
    pub(super) fn namespace_label(&self, key: &str, value: &str) -> Option<(String, String)> {
        match self {
            Self::Labelled => Some((key.to_owned(), value.to_owned())),
            Self::LabelledFalse => Some((key.to_owned(), "false".to_owned())),
            Self::OtherCase => Some((other_case(key), value.to_owned())),
            Self::Unlabelled | Self::PodLabelled | Self::Flipped | Self::Infrastructure(_) | Self::Application(_) => {
                None
            }
        }
    }
}

/// The name part of a label's key with the first letter in the other case; the prefix must stay a DNS name.
fn other_case(key: &str) -> String {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let mut letters = name.chars();
    let name: String = letters
        .next()
        .map(|first| if first.is_uppercase() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() })
        .into_iter()
        .chain(letters)
        .collect();
    prefix.map_or(name.clone(), |prefix| format!("{prefix}/{name}"))
}

/// What a probe pod is told, as one environment variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The addresses to connect to, `ip:port`.
    #[serde(default)]
    pub to: Vec<String>,
    /// Name servers to ask over UDP, `ip:port`.
    #[serde(default)]
    pub ask: Vec<String>,
    /// A port to accept connections on, to be connected to by others.
    #[serde(default)]
    pub listen: Option<u16>,
    /// A folder to write to and read from, instead of everything else, and what to write.
    #[serde(default)]
    pub folder: Option<(String, String)>,
    /// The pause between two attempts to one address.
    pub every_ms: u64,
    /// How long an attempt may take.
    pub timeout_ms: u64,
    /// When to end, whatever happens, in seconds.
    pub ends_after_s: u64,
}

/// Labels of everything we make: whose it is, and of which run.
pub(super) fn own_labels(run: &RunId) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), "soma-conformance".to_owned()),
        ("app.kubernetes.io/managed-by".to_owned(), "soma-conformance".to_owned()),
        ("soma-conformance/run".to_owned(), run.as_str().to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_labelled_source_carries_the_exact_label() {
        let of = |source: Source| source.namespace_label("soma.sh/allow-shared-infra", "true");
        let exact = Some(("soma.sh/allow-shared-infra".to_owned(), "true".to_owned()));
        assert_eq!(of(Source::Labelled), exact);
        assert_eq!(of(Source::OtherCase), Some(("soma.sh/Allow-shared-infra".to_owned(), "true".to_owned())));
        for source in
            [Source::Unlabelled, Source::PodLabelled, Source::LabelledFalse, Source::OtherCase, Source::Flipped]
        {
            assert_ne!(of(source), exact);
        }
    }
}
