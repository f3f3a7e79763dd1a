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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue::Configuration, model::Profile};

    /// A service as this entry declares it over the profile's, and the folder of the file.
    fn declared(service: &str, entry: &str) -> (ServiceDeclaration, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.yaml");
        std::fs::write(&path, format!("services:\n  {service}: {entry}\n")).expect("written");
        let mut diagnostics = Diagnostics::default();
        let mut loaded = Configuration::load(Some(Profile::Local), Some(&path), &mut diagnostics)
            .unwrap_or_else(|| panic!("{:?}", diagnostics.sorted()));
        (loaded.services.remove(service).expect("declared"), folder.path().to_owned())
    }

    #[test]
    fn with_an_address_of_its_own_a_service_inherits_no_credentials() {
        let (same, _) = declared("postgres", "{}");
        assert_eq!((same.user.as_deref(), same.database.as_deref()), (Some("soma"), Some("soma")));
        assert_eq!(same.password, Some(CredentialSource::Env("SOMA_POSTGRES_PASSWORD".to_owned())));
        assert_eq!((same.place.line, same.place.column), (2, 3));
        let (moved, _) = declared("postgres", "{address: \"db:5432\"}");
        assert_eq!(moved.address.map(|address| address.to_string()).as_deref(), Some("db:5432"));
        assert_eq!((moved.user, moved.password, moved.database.as_deref()), (None, None, Some("soma")));
        let (moved, _) = declared("vault", "{address: \"v:8200\"}");
        assert_eq!(moved.token, None);
        assert_eq!(declared("jwt", "{}").0.issuer.as_deref(), Some("http://127.0.0.1:8085"));
        assert_eq!(declared("jwt", "{address: \"j:1\"}").0.issuer, None);
    }

    #[test]
    fn a_service_that_is_declared_is_there_unless_it_says_otherwise() {
        for (service, entry, enabled) in [
            ("grafana", "{}", true),
            ("grafana", "{address: \"g:1\"}", true),
            ("grafana", "{enabled: false}", false),
            ("redis", "{enabled: false}", false),
        ] {
            assert_eq!(declared(service, entry).0.enabled, enabled, "{service}: {entry}");
        }
    }

    #[test]
    fn files_are_relative_to_the_one_that_names_them() {
        let (opa, folder) = declared(
            "opa",
            "{token: {file: t}, tls: {ca: /etc/ca, server_name: name, client_certificate: c, client_key: k}}",
        );
        assert_eq!(opa.token, Some(CredentialSource::File(folder.join("t"))));
        let tls = opa.tls.expect("declared");
        let files = [tls.ca, tls.client_certificate, tls.client_key];
        assert_eq!(files, [Some("/etc/ca".into()), Some(folder.join("c")), Some(folder.join("k"))]);
        assert_eq!(tls.server_name.as_deref(), Some("name"));
        let (cluster, folder) = declared("kubernetes", "{kubeconfig: kc, context: x, image: i}");
        assert_eq!(cluster.cluster.kubeconfig, Some(folder.join("kc")));
        assert_eq!(cluster.cluster.namespace.as_deref(), Some("soma-infra"), "the profile's");
    }

    #[test]
    fn a_credential_is_where_its_reference_says() {
        let secret = || SecretEntry { name: "one".to_owned(), key: "two".to_owned(), namespace: None };
        for (entry, source, in_cluster) in [
            ("{env: T}", CredentialSource::Env("T".to_owned()), false),
            ("{secret: {name: one, key: two}}", CredentialSource::Secret(secret()), true),
            ("{env: T, secret: {name: one, key: two}}", CredentialSource::EnvOrSecret("T".to_owned(), secret()), true),
        ] {
            let (opa, _) = declared("opa", &format!("{{token: {entry}}}"));
            assert_eq!(opa.token.as_ref().map(CredentialSource::is_in_cluster), Some(in_cluster), "{entry}");
            assert_eq!(opa.token, Some(source), "{entry}");
        }
        assert!(!CredentialSource::File("x".into()).is_in_cluster());
    }
}
