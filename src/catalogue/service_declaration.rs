use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    Diagnostics, ServiceEntry,
    configuration::Layer,
    configuration_file::{CredentialEntry, SecretEntry, TlsEntry},
    node::Step,
};
use crate::model::{HostPort, SourcePlace, Via};

/// One service as declared.
#[derive(Debug, Clone)]
pub struct ServiceDeclaration {
    /// Whether it is there.
    pub enabled: bool,
    /// The address that applications use.
    pub address: Option<HostPort>,
    /// Addresses of single members.
    pub members: Vec<HostPort>,
    /// Addresses of read-only replicas.
    pub replicas: Vec<HostPort>,
    /// TLS, or `None` for plain text.
    pub tls: Option<TlsDeclaration>,
    /// The user.
    pub user: Option<String>,
    /// Where its password is.
    pub password: Option<CredentialSource>,
    /// Where the token is.
    pub token: Option<CredentialSource>,
    /// The database.
    pub database: Option<String>,
    /// The SASL mechanism.
    pub sasl: Option<String>,
    /// The exact issuer of tokens.
    pub issuer: Option<String>,
    /// How the cluster is reached; told of `kubernetes` only.
    pub cluster: ClusterDeclaration,
    /// Where it is declared.
    pub place: SourcePlace,
}

/// The cluster as declared.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "as in the file")]
pub struct ClusterDeclaration {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub namespace: Option<String>,
    pub image: Option<String>,
    pub via: Option<Via>,
}

/// TLS material by absolute path.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "as in the file")]
pub struct TlsDeclaration {
    pub ca: Option<PathBuf>,
    pub server_name: Option<String>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// In a file, absolute.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
    /// In a Kubernetes Secret.
    Secret(SecretEntry),
    /// In an environment variable, and where that is not set, in a Kubernetes Secret.
    EnvOrSecret(String, SecretEntry),
}

impl CredentialSource {
    /// Whether the API server may be asked for it.
    #[must_use]
    pub fn is_in_cluster(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::EnvOrSecret(..))
    }
}

impl ServiceDeclaration {
    /// What placeholders and conditions may name of it. Holds no secret.
    pub(super) fn public(&self) -> Value {
        let address = self.address.as_ref().map(ToString::to_string);
        let mut public = json!({
            "enabled": self.enabled, "members": self.members, "replicas": self.replicas, "tls": self.tls.is_some(),
            "authenticated": self.password.is_some() || self.token.is_some(),
        });
        if let Value::Object(map) = &mut public {
            let optional = [
                ("address", &address),
                ("user", &self.user),
                ("database", &self.database),
                ("sasl", &self.sasl),
                ("issuer", &self.issuer),
                ("namespace", &self.cluster.namespace),
            ];
            for (name, value) in optional {
                if let Some(value) = value {
                    map.insert(name.to_owned(), json!(value));
                }
            }
        }
        public
    }
}

/// The entry of service `name` in `layer`, over what the layer below declares.
pub(super) fn declare(
    base: Option<&ServiceDeclaration>,
    entry: &ServiceEntry,
    layer: &Layer,
    name: &str,
    diagnostics: &mut Diagnostics,
) -> ServiceDeclaration {
    let mut credential = |entry: &Option<CredentialEntry>, key: &str, base: Option<CredentialSource>| match entry {
        None => base,
        Some(entry) => match source_of(entry, &layer.folder) {
            Ok(source) => Some(source),
            Err(message) => {
                diagnostics.add(
                    &layer.file.name,
                    layer.node.place_of(&steps_to(name, key)),
                    message,
                    "write `{file: PATH}`, `{env: NAME}` or `{secret: {name: NAME, key: KEY}}`",
                );
                None
            }
        },
    };
    let (line, column) = layer.node.place_of(&[Step::Key("services".into()), Step::Key(name.to_owned())]);
    let place = SourcePlace { file: layer.file.name.clone(), line, column };
    // A service that a user declares is there; its address may still come from the profile.
    let declared_by_user = base.is_some();
    // With an address of one's own, the credentials and TLS of the default address do not apply.
    let moved = declared_by_user && entry.address.is_some();
    let inherited = base.filter(|_| !moved);
    let password = credential(&entry.password, "password", inherited.and_then(|base| base.password.clone()));
    let token = credential(&entry.token, "token", inherited.and_then(|base| base.token.clone()));
    ServiceDeclaration {
        enabled: entry.enabled.unwrap_or(declared_by_user || entry.address.is_some()),
        address: entry.address.clone().or_else(|| base?.address.clone()),
        members: entry.members.clone().or_else(|| Some(inherited?.members.clone())).unwrap_or_default(),
        replicas: entry.replicas.clone().or_else(|| Some(inherited?.replicas.clone())).unwrap_or_default(),
        tls: entry.tls.as_ref().map(|tls| tls_of(tls, &layer.folder)).or_else(|| inherited?.tls.clone()),
        user: entry.user.clone().or_else(|| inherited?.user.clone()),
        password,
        token,
        database: entry.database.clone().or_else(|| base?.database.clone()),
        sasl: entry.sasl.clone().or_else(|| inherited?.sasl.clone()),
        issuer: entry.issuer.clone().or_else(|| inherited?.issuer.clone()),
        cluster: cluster_of(entry, base.map(|base| &base.cluster), &layer.folder),
        place,
    }
}

/// The way to a key of a service's entry.
pub(super) fn steps_to(service: &str, key: &str) -> Vec<Step> {
    ["services", service, key].map(|name| Step::Key(name.to_owned())).to_vec()
}

fn source_of(entry: &CredentialEntry, folder: &Path) -> Result<CredentialSource, String> {
    match (&entry.file, &entry.env, &entry.secret) {
        (Some(file), None, None) => Ok(CredentialSource::File(folder.join(file))),
        (None, Some(name), None) => Ok(CredentialSource::Env(name.clone())),
        (None, None, Some(secret)) => Ok(CredentialSource::Secret(secret.clone())),
        (None, Some(name), Some(secret)) => Ok(CredentialSource::EnvOrSecret(name.clone(), secret.clone())),
        (None, None, None) => Err("a credential needs a reference".to_owned()),
        (Some(_), _, _) => Err("a credential has two references".to_owned()),
    }
}

fn cluster_of(entry: &ServiceEntry, base: Option<&ClusterDeclaration>, folder: &Path) -> ClusterDeclaration {
    let kubeconfig = entry.kubeconfig.as_ref().map(|path| folder.join(path));
    ClusterDeclaration {
        kubeconfig: kubeconfig.or_else(|| base?.kubeconfig.clone()),
        context: entry.context.clone().or_else(|| base?.context.clone()),
        namespace: entry.namespace.clone().or_else(|| base?.namespace.clone()),
        image: entry.image.clone().or_else(|| base?.image.clone()),
        via: entry.via.or_else(|| base?.via),
    }
}

fn tls_of(entry: &TlsEntry, folder: &Path) -> TlsDeclaration {
    let at = |path: &Option<PathBuf>| path.as_ref().map(|path| folder.join(path));
    TlsDeclaration {
        ca: at(&entry.ca),
        server_name: entry.server_name.clone(),
        client_certificate: at(&entry.client_certificate),
        client_key: at(&entry.client_key),
    }
}
