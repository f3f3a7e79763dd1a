use std::{collections::BTreeSet, fs, path::Path};

use super::cluster_access::ClusterOf;
use crate::{
    catalogue::{Configuration, CredentialSource, Diagnostics, ServiceDeclaration, TlsDeclaration},
    model::{KUBERNETES, Plan, Secret, Target, TlsTarget},
};

/// The most bytes of a credential or certificate file.
const LARGEST: u64 = 256 * 1024;

/// Reads the credentials of every service that the plan goes to. A missing one is a fault of the configuration, told
/// before anything is sent; one of a service that no check goes to is not.
pub(super) fn resolve(configuration: &Configuration, plan: &Plan, diagnostics: &mut Diagnostics) -> Vec<Target> {
    let used: BTreeSet<&str> =
        plan.checks.iter().filter(|check| check.skip.is_none()).filter_map(|check| check.target.as_deref()).collect();
    let cluster = ClusterOf::new(configuration);
    let mut targets = Vec::new();
    for (name, declared) in configuration.services.iter().filter(|(_, declared)| declared.enabled) {
        let is_used = used.contains(name.as_str());
        if name == KUBERNETES {
            match cluster.target(declared) {
                Ok(target) => targets.push(target),
                Err((what, hint)) if is_used => {
                    diagnostics.add_at(&declared.place, format!("service `{name}`: {what}"), hint);
                }
                Err(_) => {}
            }
            continue;
        }
        let Some(address) = declared.address.clone() else {
            if is_used {
                diagnostics.add_at(
                    &declared.place,
                    format!("service `{name}` has no address"),
                    "add `address: host:port`",
                );
            }
            continue;
        };
        let mut faults = Vec::new();
        // The API server is not asked for a Secret that no check needs.
        let asked =
            |source: &'_ Option<CredentialSource>| source.clone().filter(|source| is_used || !source.is_in_cluster());
        let target = Target {
            service: name.clone(),
            address,
            members: declared.members.clone(),
            replicas: declared.replicas.clone(),
            tls: declared.tls.as_ref().map(|tls| read_tls(tls, &mut faults)),
            user: declared.user.clone(),
            password: read_secret(asked(&declared.password).as_ref(), "password", &cluster, &mut faults),
            token: read_secret(asked(&declared.token).as_ref(), "token", &cluster, &mut faults),
            database: declared.database.clone(),
            sasl: declared.sasl.clone(),
            issuer: declared.issuer.clone(),
            cluster: None,
        };
        if is_used {
            tell(name, declared, faults, diagnostics);
        }
        targets.push(target);
    }
    targets
}

fn tell(name: &str, declared: &ServiceDeclaration, faults: Vec<(String, String)>, diagnostics: &mut Diagnostics) {
    for (what, hint) in faults {
        diagnostics.add_at(&declared.place, format!("service `{name}`: {what}"), hint);
    }
}

fn read_secret(
    source: Option<&CredentialSource>,
    what: &str,
    cluster: &ClusterOf<'_>,
    faults: &mut Vec<(String, String)>,
) -> Option<Secret> {
    let text = match source? {
        CredentialSource::Env(name) => {
            let Ok(text) = std::env::var(name) else {
                let hint = format!("set {name}, or name another place: `{what}: {{file: PATH}}`");
                faults.push((format!("the {what} is missing: the environment has no `{name}`"), hint));
                return None;
            };
            text
        }
        CredentialSource::EnvOrSecret(name, secret) => match std::env::var(name) {
            Ok(text) => text,
            Err(_) => match cluster.read_secret(secret) {
                Ok(text) => text,
                Err(why) => {
                    let hint = format!("set {name}, or name another place: `{what}: {{file: PATH}}`");
                    faults.push((format!("the {what} is missing: the environment has no `{name}`, and {why}"), hint));
                    return None;
                }
            },
        },
        CredentialSource::Secret(secret) => match cluster.read_secret(secret) {
            Ok(text) => text,
            Err(why) => {
                let hint = format!("correct the reference, or name another place: `{what}: {{file: PATH}}`");
                faults.push((format!("the {what} is missing: {why}"), hint));
                return None;
            }
        },
        CredentialSource::File(path) => read_text(path, &format!("the {what}"), faults)?,
    };
    // An editor's line break at the end of a file is not part of a password.
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        faults.push((
            format!("the {what} is empty"),
            "an empty credential proves nothing; remove it or fill it".to_owned(),
        ));
        return None;
    }
    Some(Secret::new(text.to_owned()))
}

fn read_tls(tls: &TlsDeclaration, faults: &mut Vec<(String, String)>) -> TlsTarget {
    let mut read =
        |path: &Option<std::path::PathBuf>, what: &str| path.as_ref().and_then(|path| read_text(path, what, faults));
    TlsTarget {
        ca_pem: read(&tls.ca, "the CA"),
        server_name: tls.server_name.clone(),
        client_certificate_pem: read(&tls.client_certificate, "the client certificate"),
        client_key_pem: read(&tls.client_key, "the client key").map(Secret::new),
    }
}

fn read_text(path: &Path, what: &str, faults: &mut Vec<(String, String)>) -> Option<String> {
    let fault = |why: String| {
        (format!("{what} cannot be read from `{}`: {why}", path.display()), "correct the path or its rights".to_owned())
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > LARGEST => {
            faults.push(fault("the file is far too large".to_owned()));
            None
        }
        Ok(_) => match fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) => {
                faults.push(fault(error.to_string()));
                None
            }
        },
        Err(error) => {
            faults.push(fault(error.to_string()));
            None
        }
    }
}
