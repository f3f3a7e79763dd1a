//! A small catalogue with probes of its own, for tests of what plans are made from.

use serde_json::{Value, json};

use super::{Catalogue, Configuration, Diagnostics, SourceFile};
use crate::model::{Fact, KUBERNETES, ProbeDescriptor, Profile, Right};

const LOOK: ProbeDescriptor = ProbeDescriptor {
    name: "sample.look",
    about: "looks",
    facts: &[
        Fact { name: "connected", about: "whether it answers" },
        Fact { name: "accepted", about: "whether it let us in" },
        Fact { name: "reason", about: "why not" },
    ],
    writes: false,
    needs_target: true,
    target: None,
    rights: |_, namespace| vec![Right::within(namespace, "", "pods", "get")],
    validate: |with| if with.get("wrong").is_some() { Err("`wrong` is wrong".to_owned()) } else { Ok(()) },
    parameters: || json!({}),
};

/// `sample.look`; `sample.write`, which writes to redis whatever the check is called; `sample.own`, which asks no service;
/// and `sample.cluster`, which asks the Kubernetes API.
pub(super) const PROBES: [ProbeDescriptor; 4] = [
    LOOK,
    ProbeDescriptor { name: "sample.write", writes: true, target: Some("redis"), ..LOOK },
    ProbeDescriptor { name: "sample.own", needs_target: false, rights: |_, _| Vec::new(), ..LOOK },
    ProbeDescriptor { name: "sample.cluster", target: Some(KUBERNETES), ..LOOK },
];

/// One stanza in one line, with everything that it must have; `more` is added to it or replaces it.
pub(super) fn stanza(id: &str, more: &Value) -> String {
    let mut stanza = json!({
        "id": id, "title": "it holds", "why": "applications rely on it", "profiles": ["local"],
        "probe": "sample.look", "expect": {"connected": true}, "remedy": "mend it",
    });
    for (key, value) in more.as_object().expect("a map") {
        stanza[key] = value.clone();
    }
    format!("- {stanza}\n")
}

/// The catalogue of these stanzas, and of these vectors of the folder `opa`.
pub(super) fn catalogue(stanzas: &[String], vectors: &[Value], diagnostics: &mut Diagnostics) -> Catalogue {
    let file = |name: &str, text: String| vec![SourceFile { name: name.to_owned(), text }];
    let vectors =
        if vectors.is_empty() { Vec::new() } else { file("vectors/opa/sample.yaml", json!(vectors).to_string()) };
    Catalogue::of(&file("checks/sample.yaml", stanzas.concat()), &vectors, diagnostics)
}

/// A workstation as its profile declares it.
pub(super) fn configuration() -> Configuration {
    Configuration::load(Some(Profile::Local), None, &mut Diagnostics::default()).expect("the profile is sound")
}
