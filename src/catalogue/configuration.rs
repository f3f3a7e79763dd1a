use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::{
    ConfigurationFile, Diagnostics, Node, ServiceDeclaration, SourceFile, configuration_file, contradictions,
    diagnostics::suggestion,
    known_values::{self, DeclaredValue},
    node::Step,
    service_declaration::{declare, steps_to},
    typed::typed,
};
use crate::model::{KUBERNETES, Profile, Via, Waiver};

/// The profile's defaults with the user's file over them.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The kind of environment.
    pub profile: Profile,
    /// Every known service.
    pub services: BTreeMap<String, ServiceDeclaration>,
    /// Values that checks compare with.
    pub values: Value,
    /// Those of them that the user's file declares.
    pub(super) declared_values: Vec<DeclaredValue>,
    /// The published contract's file, absolute.
    pub contract_file: Option<PathBuf>,
    /// Declared exceptions.
    pub waivers: Vec<Waiver>,
    /// The application's namespace that a gate is asked for.
    pub application: Option<String>,
    /// The files read.
    pub files: Vec<String>,
}

/// A file that was read, and the folder its paths are relative to.
pub(super) struct Layer {
    pub(super) file: SourceFile,
    pub(super) node: Node,
    pub(super) parsed: ConfigurationFile,
    pub(super) folder: PathBuf,
}

impl Configuration {
    /// Reads the user's file, if any, over the defaults of its profile (or of `profile`, which wins). Faults are
    /// collected in `diagnostics`; nothing is returned where they leave nothing to plan with. Where only the name of a
    /// service is unknown, the rest is returned, so that the faults of the checks are told beside it.
    #[must_use]
    pub fn load(profile: Option<Profile>, user_file: Option<&Path>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let user = match user_file {
            None => None,
            Some(path) => match SourceFile::read(path) {
                Ok(file) => Some(layer(file, path.parent().unwrap_or(Path::new("")), diagnostics)?),
                Err(error) => {
                    let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                    diagnostics.add(
                        &path.display().to_string(),
                        (0, 0),
                        format!("{error}{why}"),
                        "name another file with --config",
                    );
                    return None;
                }
            },
        };
        let default = if user.is_some() { Profile::Local } else { Profile::Dev };
        let profile = profile.or_else(|| user.as_ref()?.parsed.profile).unwrap_or(default);
        Self::merge(profile, user.as_ref(), diagnostics)
    }

    fn merge(profile: Profile, user: Option<&Layer>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let faults_before = diagnostics.count();
        let name = format!("checks/profiles/{profile}.yaml");
        let Some(file) = SourceFile::embedded(&name).into_iter().next() else {
            diagnostics.add(&name, (0, 0), "the profile is not built into this program", "");
            return None;
        };
        let defaults = layer(file, Path::new(""), diagnostics)?;
        let mut services: BTreeMap<String, ServiceDeclaration> = BTreeMap::new();
        for (name, entry) in &defaults.parsed.services {
            services.insert(name.clone(), declare(None, entry, &defaults, name, diagnostics));
        }
        let mut values = Value::Object(defaults.parsed.values.clone());
        let (mut contract_file, mut waivers, mut files) = (None, Vec::new(), Vec::new());
        let mut declared_values = Vec::new();
        if let Some(user) = user {
            for (name, entry) in &user.parsed.services {
                let base = services.remove(name);
                let declared = declare(base.as_ref(), entry, user, name, diagnostics);
                for one in contradictions::find(name, entry, &declared) {
                    let place = user.node.place_of(&steps_to(name, one.key));
                    diagnostics.add(&user.file.name, place, one.title, one.hint);
                }
                services.insert(name.clone(), declared);
            }
            declared_values = known_values::declared(&user.node, &user.file.name);
            merge_values(&mut values, &Value::Object(user.parsed.values.clone()));
            contract_file = user.parsed.contract.as_ref().map(|contract| user.folder.join(&contract.file));
            waivers.clone_from(&user.parsed.waivers);
            files.push(user.file.name.clone());
        }
        (diagnostics.count() == faults_before).then_some(Self {
            profile,
            services,
            values,
            declared_values,
            contract_file,
            waivers,
            application: None,
            files,
        })
    }

    /// What placeholders and `when` conditions of a stanza can name. Holds no secret.
    #[must_use]
    pub fn context(&self) -> Value {
        let services: Map<String, Value> =
            self.services.iter().map(|(name, one)| (name.clone(), one.public())).collect();
        let contract =
            self.contract_file.as_ref().map_or_else(|| json!({}), |file| json!({"file": file.display().to_string()}));
        let application = self.application.as_ref().map_or_else(|| json!({}), |name| json!({"namespace": name}));
        json!({
            "profile": self.profile.word(), "services": services, "values": self.values, "contract": contract,
            "application": application,
            "cluster": {"allow_label": {"key": self.allow_label().0, "value": self.allow_label().1}},
        })
    }

    /// The same, with the servers of its cluster reached another way than the file says.
    #[must_use]
    pub fn reached(mut self, via: Option<Via>) -> Self {
        if let (Some(service), Some(via)) = (self.services.get_mut(KUBERNETES), via) {
            service.cluster.via = Some(via);
        }
        self
    }

    /// How the servers are reached.
    #[must_use]
    pub fn via(&self) -> Via {
        let cluster = self.services.get(KUBERNETES).filter(|service| service.enabled);
        cluster.and_then(|service| service.cluster.via).unwrap_or_default()
    }

    /// The namespace of the shared infrastructure.
    #[must_use]
    pub fn namespace(&self) -> &str {
        let declared = self.services.get(KUBERNETES).and_then(|service| service.cluster.namespace.as_deref());
        declared.unwrap_or("soma-infra")
    }

    /// Addresses outside of the cluster that the infrastructure must not reach.
    #[must_use]
    pub fn outside(&self) -> Vec<String> {
        let declared = self.values["cluster"]["outside"].as_array().into_iter().flatten();
        declared.filter_map(|address| address.as_str().map(str::to_owned)).collect()
    }

    /// Key and value of the label by which a namespace is let in.
    #[must_use]
    pub fn allow_label(&self) -> (String, String) {
        let declared = self.values["cluster"]["allow_label"].as_str().unwrap_or("soma.sh/allow-shared-infra=true");
        let (key, value) = declared.split_once('=').unwrap_or((declared, "true"));
        (key.to_owned(), value.to_owned())
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the context and the waivers.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(format!("{}{}", self.context(), json!(self.waivers)).as_bytes())
    }
}

pub(super) fn digest_of(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn layer(file: SourceFile, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Layer> {
    diagnostics.know(&file);
    let node = super::read::parse(&file, diagnostics)?;
    // An empty file declares nothing, which is allowed; so does a section whose every line is commented out.
    let value = match node.to_value() {
        Value::Null => json!({}),
        Value::Object(sections) => sections.into_iter().filter(|(_, section)| !section.is_null()).collect(),
        other => other,
    };
    tell_unknown_services(&file, &node, diagnostics);
    let parsed = typed(&node, &value, &file.name, configuration_file::KEYS, diagnostics)?;
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    Some(Layer { file, node, parsed, folder })
}

/// The names of all services: every profile knows the same.
pub(super) fn known_services() -> Vec<String> {
    let profile = SourceFile::embedded("checks/profiles/local.yaml");
    let node = profile.first().and_then(|file| super::read::parse(file, &mut Diagnostics::default()));
    node.as_ref().and_then(|node| node.get("services")).map(Node::keys).unwrap_or_default()
}

fn tell_unknown_services(file: &SourceFile, node: &Node, diagnostics: &mut Diagnostics) {
    let is_profile = file.name.starts_with("checks/profiles/");
    let (Some(services), false) = (node.get("services"), is_profile) else { return };
    let known = known_services();
    for name in services.keys().iter().filter(|name| !known.contains(name)) {
        let place = services.place_of(&[Step::Key(name.clone())]);
        let hint = suggestion(name, known.iter().map(String::as_str))
            .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        diagnostics.add(&file.name, place, format!("unknown service `{name}`"), hint);
    }
}

/// Maps are merged member by member; everything else is replaced.
fn merge_values(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                merge_values(base.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this file becomes, or its faults.
    fn load(profile: Option<Profile>, text: &str) -> Result<Configuration, Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("soma-conformance.yaml");
        std::fs::write(&path, text).expect("written");
        let mut diagnostics = Diagnostics::default();
        let loaded = Configuration::load(profile, Some(&path), &mut diagnostics).filter(|_| diagnostics.is_empty());
        loaded.ok_or_else(|| diagnostics.sorted().into_iter().map(|one| one.title).collect())
    }

    fn sound(text: &str) -> Configuration {
        load(None, text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
    }

    #[test]
    fn the_profile_is_the_one_asked_for_or_else_the_files() {
        let without_file = |profile| Configuration::load(profile, None, &mut Diagnostics::default());
        assert_eq!(without_file(None).map(|one| one.profile), Some(Profile::Dev));
        assert_eq!(without_file(Some(Profile::Prod)).map(|one| one.profile), Some(Profile::Prod));
        assert_eq!(sound("").profile, Profile::Local);
        assert_eq!(sound("profile: staging").profile, Profile::Staging);
        assert_eq!(load(Some(Profile::Dev), "profile: staging").expect("sound").profile, Profile::Dev);
    }

    #[test]
    fn what_the_file_says_wins_member_by_member() {
        let plain = sound("services:\nvalues:\n");
        assert_eq!((plain.values["kafka"]["brokers"].clone(), plain.files.len()), (json!(1), 1));
        let own = sound("values: {kafka: {brokers: 3, more: {a: 1}}, etcd: 5}\nservices: {redis: {database: '2'}}\n");
        assert_eq!(own.values["kafka"]["brokers"], json!(3));
        assert_eq!(own.values["kafka"]["more"], json!({"a": 1}));
        assert_eq!(own.values["kafka"]["voters"], plain.values["kafka"]["voters"]);
        assert_eq!(own.values["etcd"], json!(5));
        assert_eq!(own.services["redis"].database.as_deref(), Some("2"));
        assert_eq!(own.services["redis"].address, plain.services["redis"].address);
        assert_eq!(own.services.len(), plain.services.len());
    }

    #[test]
    fn every_fault_of_the_file_is_told() {
        for (text, expected) in [
            ("services: {rediss: {enabled: true}}", vec!["unknown service `rediss`"]),
            ("services: {redis: {user: x}}", vec!["service `redis`: a user without a password is never presented"]),
            ("services: {opa: {token: {}}}", vec!["a credential needs a reference"]),
            ("nope: 1", vec!["unknown key `nope`"]),
            (
                "services: {bogus: {}, opa: {token: {file: a, env: B}}}",
                vec!["a credential has two references", "unknown service `bogus`"],
            ),
        ] {
            let mut told = load(None, text).expect_err("a fault");
            told.sort();
            assert_eq!(told, expected, "{text}");
        }
        assert!(load(None, "- a").is_err() && load(None, "a: [").is_err());
        let mut diagnostics = Diagnostics::default();
        assert!(Configuration::load(None, Some(Path::new("/nonexistent.yaml")), &mut diagnostics).is_none());
        assert!(diagnostics.sorted()[0].title.starts_with("failed to read `/nonexistent.yaml`: "));
    }

    #[test]
    fn what_checks_may_name_holds_every_declaration_and_no_secret() {
        let mut own = sound(
            "contract: {file: contract.env}\nservices: {etcd: {user: u, password: {env: SECRET_OF_ETCD}, tls: {ca: ca.pem}}}",
        );
        own.application = Some("team-a".to_owned());
        let context = own.context();
        let etcd = json!({
            "enabled": true, "members": [], "replicas": [], "tls": true, "authenticated": true,
            "address": "127.0.0.1:2379", "user": "u",
        });
        assert_eq!(context["services"]["etcd"], etcd);
        assert_eq!(context["services"]["opa"]["authenticated"], json!(false));
        assert_eq!((&context["profile"], &context["application"]), (&json!("local"), &json!({"namespace": "team-a"})));
        assert!(context["contract"]["file"].as_str().expect("a file").ends_with("/contract.env"));
        assert_eq!(context["cluster"], json!({"allow_label": {"key": "soma.sh/allow-shared-infra", "value": "true"}}));
        assert!(!context.to_string().contains("SECRET_OF_ETCD"));
        assert_eq!(sound("").context()["contract"], json!({}));
    }

    #[test]
    fn the_cluster_is_reached_as_declared_unless_it_is_not_there() {
        let with = |entry: &str| sound(&format!("services: {{kubernetes: {{{entry}}}}}"));
        assert_eq!(sound("").via(), Via::Direct);
        assert_eq!((with("via: port-forward").via(), with("enabled: true").via()), (Via::PortForward, Via::Direct));
        assert_eq!(with("via: port-forward, enabled: false").via(), Via::Direct);
        assert_eq!(with("enabled: true").reached(Some(Via::PortForward)).via(), Via::PortForward);
        assert_eq!(with("via: port-forward").reached(Some(Via::Direct)).via(), Via::Direct);
        assert_eq!(with("via: port-forward").reached(None).via(), Via::PortForward);
        assert_eq!((sound("").namespace(), with("namespace: other").namespace()), ("soma-infra", "other"));
    }

    #[test]
    fn the_values_of_the_cluster_are_read() {
        let own = sound("values: {cluster: {outside: ['192.0.2.1:80', 5, 'x:1'], allow_label: team/let-in=yes}}");
        assert_eq!(own.outside(), ["192.0.2.1:80", "x:1"]);
        assert_eq!(own.allow_label(), ("team/let-in".to_owned(), "yes".to_owned()));
        let bare = sound("values: {cluster: {allow_label: let-in}}");
        assert_eq!(bare.allow_label(), ("let-in".to_owned(), "true".to_owned()));
        assert_eq!(sound("").outside(), Vec::<String>::new());
    }

    #[test]
    fn a_digest_is_of_what_checks_may_name_and_of_the_exceptions() {
        assert_eq!(digest_of(b""), "e3b0c44298fc1c14");
        let of = |text: &str| sound(text).digest();
        let waiver = "waivers: [{check: redis/tcp, owner: a, reason: b, expires: 2026-12-31}]";
        assert_eq!(of("").len(), 16);
        assert_eq!(of(""), of("# nothing"));
        assert_ne!(of(""), of("values: {kafka: {brokers: 2}}"));
        assert_ne!(of(""), of(waiver));
        assert_eq!(sound(waiver).waivers.len(), 1);
    }

    #[test]
    fn a_fault_of_an_entry_stands_at_its_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("soma-conformance.yaml");
        std::fs::write(&path, "services:\n  redis:\n    user: x\n  opa:\n    token: {}\n").expect("written");
        let mut diagnostics = Diagnostics::default();
        assert!(Configuration::load(None, Some(&path), &mut diagnostics).is_none());
        assert_eq!(diagnostics.sorted().iter().map(|one| one.place).collect::<Vec<_>>(), [(3, 5), (5, 5)]);
    }
}
