use std::collections::BTreeMap;

use serde_json::json;

use super::{
    arguments::{ContractArguments, ContractFormat},
    environment,
    failure::Failure,
    output::say,
};
use crate::{
    catalogue::{Configuration, ServiceDeclaration},
    model::{ExitCode, HostPort},
};

/// The path of the one decision that every application asks for (requirements 000:25).
const DECISION_PATH: &str = "/v1/data/soma/allow";

/// Prints what an application must be told, and nothing else: no user, no credential.
pub(super) fn main(arguments: &ContractArguments) -> Result<ExitCode, Failure> {
    let environment = environment::read(&arguments.environment)?;
    if !environment.diagnostics.is_empty() {
        return Err(Failure::Faults(environment.diagnostics));
    }
    let entries = entries(&environment.configuration);
    let text = match arguments.format {
        ContractFormat::Env => entries.iter().map(|(name, value)| format!("{name}={value}\n")).collect(),
        ContractFormat::Json => format!("{:#}\n", json!(entries)),
        ContractFormat::Configmap => config_map(&entries),
    };
    say(&text);
    Ok(ExitCode::Ready)
}

fn entries(configuration: &Configuration) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    for (service, declared) in configuration.services.iter().filter(|(_, declared)| declared.enabled) {
        let Some(address) = &declared.address else { continue };
        let scheme = if declared.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let mut add = |name: &str, value: String| entries.insert(name.to_owned(), value);
        match service.as_str() {
            "postgres" => {
                add("POSTGRES_HOST", address.host.clone());
                add("POSTGRES_PORT", address.port.to_string());
                if let Some(database) = &declared.database {
                    add("POSTGRES_DATABASE", database.clone());
                }
            }
            "redis" => drop(add("REDIS_ADDR", address.to_string())),
            "kafka" => drop(add("KAFKA_BOOTSTRAP_SERVERS", address.to_string())),
            "opa" => {
                add("OPA_DECISION_URL", format!("{url}{DECISION_PATH}"));
                add("OPA_DECISION_PATH", DECISION_PATH.to_owned());
            }
            "vault" => drop(add("VAULT_ADDR", url)),
            "prometheus" => drop(add("PROMETHEUS_URL", url)),
            "grafana" => drop(add("GRAFANA_URL", url)),
            "etcd" => drop(add("ETCD_ENDPOINTS", etcd_endpoints(declared, address, scheme))),
            "openfga" => drop(add("OPENFGA_API_URL", url)),
            "jwt" => {
                let issuer = declared.issuer.clone().unwrap_or(url);
                add("JWKS_URL", format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')));
                add("JWT_ISSUER", issuer);
            }
            _ => {}
        }
    }
    entries
}

fn etcd_endpoints(declared: &ServiceDeclaration, address: &HostPort, scheme: &str) -> String {
    let all = if declared.members.is_empty() { std::slice::from_ref(address) } else { &declared.members };
    all.iter().map(|member| format!("{scheme}://{member}")).collect::<Vec<_>>().join(",")
}

fn config_map(entries: &BTreeMap<String, String>) -> String {
    // JSON texts are YAML texts, so no value can break out of its line.
    let data: String = entries.iter().map(|(name, value)| format!("  {name}: {}\n", json!(value))).collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: soma-infra-contract\n  namespace: soma-infra\n  labels:\n    app.kubernetes.io/managed-by: soma-conformance\ndata:\n{data}"
    )
}
