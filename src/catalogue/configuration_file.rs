use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::{HostPort, Profile, Via};

/// The user's file, `soma-conformance.yaml`. Everything in it is optional: what it does not say is the profile's default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConfigurationFile {
    /// The kind of environment; `--profile` wins over it.
    pub profile: Option<Profile>,
    /// Where each service is and how to be let in.
    pub services: BTreeMap<String, ServiceEntry>,
    /// Values that checks compare with: `kafka.brokers`, `etcd.members`, `prometheus.jobs` …
    pub values: Map<String, Value>,
    /// Where the contract for applications is published.
    pub contract: Option<Contract>,
    /// Declared exceptions.
    pub waivers: Vec<crate::model::Waiver>,
}

/// One service.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, expecting = "a map, such as `{address: \"HOST:PORT\"}` or `{enabled: false}`")]
pub struct ServiceEntry {
    /// Whether it is there at all; `false` skips its checks, with this as the reason.
    pub enabled: Option<bool>,
    /// The address that applications use, as `host:port`.
    #[schemars(with = "Option<String>")]
    pub address: Option<HostPort>,
    /// Addresses of the single members, as `host:port`.
    #[schemars(with = "Option<Vec<String>>")]
    pub members: Option<Vec<HostPort>>,
    /// Addresses of read-only replicas, as `host:port`.
    #[schemars(with = "Option<Vec<String>>")]
    pub replicas: Option<Vec<HostPort>>,
    /// TLS; plain text if not given.
    pub tls: Option<TlsEntry>,
    /// The user to log in as.
    pub user: Option<String>,
    /// That user's password, by reference.
    pub password: Option<CredentialEntry>,
    /// A bearer token, by reference.
    pub token: Option<CredentialEntry>,
    /// The database to open.
    pub database: Option<String>,
    /// The SASL mechanism: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub sasl: Option<String>,
    /// The exact issuer of tokens.
    pub issuer: Option<String>,
    /// Of `kubernetes`: the kubeconfig to use instead of the pod's account or the user's own.
    pub kubeconfig: Option<PathBuf>,
    /// Of `kubernetes`: the kubeconfig's context to use instead of its current one.
    pub context: Option<String>,
    /// Of `kubernetes`: the namespace of the shared infrastructure.
    pub namespace: Option<String>,
    /// Of `kubernetes`: the image of our probe pods; by default the one that we run in ourselves.
    pub image: Option<String>,
    /// Of `kubernetes`: how the servers in it are reached: `direct`, by their own addresses, or `port-forward`, through the
    /// API server into their pods, which never makes a run READY.
    pub via: Option<Via>,
}

/// How to trust a server and be trusted by it. Paths are relative to the file that holds them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, expecting = "a map: `{ca: FILE}` for a private CA, `{}` for the system's")]
pub struct TlsEntry {
    /// PEM file of the CA to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The name the certificate must carry, when it is not the host of the address.
    pub server_name: Option<String>,
    /// PEM file of our certificate.
    pub client_certificate: Option<PathBuf>,
    /// PEM file of our private key.
    pub client_key: Option<PathBuf>,
}

/// A secret by reference: exactly one of the three, or `env` and `secret`, where the environment wins. A secret itself
/// never stands in a configuration file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(
    default,
    expecting = "a reference to the secret: `{file: PATH}`, `{env: NAME}` or `{secret: {name: NAME, key: KEY}}`"
)]
pub struct CredentialEntry {
    /// A file that holds nothing but the secret; one trailing line break is ignored.
    pub file: Option<PathBuf>,
    /// The name of an environment variable.
    pub env: Option<String>,
    /// A key of a Kubernetes Secret.
    pub secret: Option<SecretEntry>,
}

/// A key of a Kubernetes Secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct SecretEntry {
    /// The Secret.
    pub name: String,
    /// The key in it.
    pub key: String,
    /// Its namespace, if it is not that of the shared infrastructure.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Where the contract for applications is published.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(expecting = "a map: `{file: PATH}`")]
pub struct Contract {
    /// An env file (`NAME=value` lines), relative to the file that names it.
    pub file: PathBuf,
}

/// Every key of the file, for suggestions.
pub(super) const KEYS: &[&str] = &[
    "profile",
    "services",
    "values",
    "contract",
    "waivers",
    "enabled",
    "address",
    "members",
    "replicas",
    "tls",
    "user",
    "password",
    "token",
    "database",
    "sasl",
    "issuer",
    "kubeconfig",
    "context",
    "namespace",
    "image",
    "via",
    "secret",
    "name",
    "key",
    "ca",
    "server_name",
    "client_certificate",
    "client_key",
    "file",
    "env",
    "check",
    "owner",
    "reason",
    "expires",
];
