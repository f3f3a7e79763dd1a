//! A small catalogue with probes of its own, for tests of what plans are made from.

use serde_json::{Value, json};

use super::{
    Catalogue, ClusterDeclaration, Configuration, CredentialSource, Diagnostics, ServiceDeclaration, ServiceEntry,
    SourceFile, TlsDeclaration,
};
use crate::model::{Fact, KUBERNETES, ProbeDescriptor, Profile, Right, SourcePlace};

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

/// What an entry declares where nothing stands below it; its secrets are all in one variable.
pub(super) fn declaration(entry: &ServiceEntry) -> ServiceDeclaration {
    let secret = || CredentialSource::Env("SECRET".to_owned());
    ServiceDeclaration {
        enabled: entry.enabled.unwrap_or(true),
        address: entry.address.clone(),
        members: entry.members.clone().unwrap_or_default(),
        replicas: entry.replicas.clone().unwrap_or_default(),
        tls: entry.tls.as_ref().map(|tls| TlsDeclaration {
            ca: tls.ca.clone(),
            server_name: tls.server_name.clone(),
            client_certificate: tls.client_certificate.clone(),
            client_key: tls.client_key.clone(),
        }),
        user: entry.user.clone(),
        password: entry.password.as_ref().map(|_| secret()),
        token: entry.token.as_ref().map(|_| secret()),
        database: entry.database.clone(),
        sasl: entry.sasl.clone(),
        issuer: entry.issuer.clone(),
        cluster: ClusterDeclaration::default(),
        place: SourcePlace { file: "soma-conformance.yaml".to_owned(), line: 1, column: 1 },
    }
}
