use super::{ServiceDeclaration, ServiceEntry};

/// One thing that an entry says in vain: the key, what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contradiction {
    /// The key of the entry.
    pub(super) key: &'static str,
    /// What is wrong.
    pub(super) title: String,
    /// What to do.
    pub(super) hint: String,
}

/// Keys that only some services understand. With others they would be without effect, and a credential that is never
/// presented looks like a login that worked.
const MEANT_FOR: &[(&str, &[&str])] = &[
    ("members", &["kafka", "etcd", "redis", "redis-sentinel", "patroni", "opa", "vault"]),
    ("replicas", &["postgres", "redis"]),
    ("database", &["postgres", "pg-router", "postgres-region", "redis"]),
    ("sasl", &["kafka"]),
    ("issuer", &["jwt", "jwt-foreign", "jwt-short"]),
    ("kubeconfig", &["kubernetes"]),
    ("context", &["kubernetes"]),
    ("namespace", &["kubernetes"]),
    ("image", &["kubernetes"]),
    ("via", &["kubernetes"]),
];

/// Services that are not asked over HTTP, so that a bearer token is never sent.
const WITHOUT_TOKEN: &[&str] = &[
    "kubernetes",
    "postgres",
    "pg-router",
    "postgres-region",
    "redis",
    "redis-sentinel",
    "kafka",
    "etcd",
    "jwt",
    "jwt-foreign",
    "jwt-short",
];

/// Services without a user and a password of their own.
const WITHOUT_USER: &[&str] = &["kubernetes", "vault"];

/// A certificate, or `trust`, may stand for the password.
const USER_ALONE: &[&str] = &["postgres", "pg-router", "postgres-region"];

/// `requirepass` knows a password and no user.
const PASSWORD_ALONE: &[&str] = &["redis", "redis-sentinel"];

/// The mechanisms that are spoken here.
const MECHANISMS: &[&str] = &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// Everything that the entry of service `name` says in vain; `declared` is the entry over its profile's default.
pub(super) fn find(name: &str, entry: &ServiceEntry, declared: &ServiceDeclaration) -> Vec<Contradiction> {
    let mut found = without_meaning(name, entry);
    if declared.enabled && found.is_empty() {
        found.extend(half_a_login(name, declared));
        found.extend(half_a_certificate(declared));
    }
    found
}

fn without_meaning(name: &str, entry: &ServiceEntry) -> Vec<Contradiction> {
    let said = |key: &str| match key {
        "members" => entry.members.is_some(),
        "replicas" => entry.replicas.is_some(),
        "database" => entry.database.is_some(),
        "sasl" => entry.sasl.is_some(),
        "issuer" => entry.issuer.is_some(),
        "kubeconfig" => entry.kubeconfig.is_some(),
        "context" => entry.context.is_some(),
        "namespace" => entry.namespace.is_some(),
        "image" => entry.image.is_some(),
        "via" => entry.via.is_some(),
        _ => false,
    };
    let in_vain = |key, hint: String| Contradiction { key, title: format!("`{name}` has no use for `{key}`"), hint };
    let mut found: Vec<Contradiction> = MEANT_FOR
        .iter()
        .filter(|(key, services)| said(key) && !services.contains(&name))
        .map(|(key, services)| in_vain(key, format!("it is for {}", services.join(", "))))
        .collect();
    if entry.token.is_some() && WITHOUT_TOKEN.contains(&name) {
        found.push(in_vain("token", "it logs in with `user` and `password`".to_owned()));
    }
    let login = [("user", entry.user.is_some()), ("password", entry.password.is_some())];
    for (key, _) in login.into_iter().filter(|(_, said)| *said && WITHOUT_USER.contains(&name)) {
        let hint = if name == "vault" { "it is asked with a `token`" } else { "name a `kubeconfig` and its `context`" };
        found.push(in_vain(key, hint.to_owned()));
    }
    found
}

fn half_a_login(name: &str, declared: &ServiceDeclaration) -> Option<Contradiction> {
    let wrong = |key, title: &str, hint: &str| {
        Some(Contradiction { key, title: format!("service `{name}`: {title}"), hint: hint.to_owned() })
    };
    let (user, password) = (declared.user.is_some(), declared.password.is_some());
    match declared.sasl.as_deref() {
        Some(mechanism) if !MECHANISMS.contains(&mechanism) => {
            let hint = format!("known are {}", MECHANISMS.join(", "));
            return wrong("sasl", &format!("`{mechanism}` is no SASL mechanism that is spoken here"), &hint);
        }
        Some(_) if !(user && password) => {
            return wrong("sasl", "`sasl` without a login", "add `user` and `password`");
        }
        None if name == "kafka" && (user || password) => {
            let key = if user { "user" } else { "password" };
            return wrong(
                key,
                "a login without `sasl` is never presented",
                "add `sasl: SCRAM-SHA-512`, or what the listener offers",
            );
        }
        _ => {}
    }
    match (user, password) {
        (true, false) if !USER_ALONE.contains(&name) => {
            wrong("user", "a user without a password is never presented", "add `password: {file: PATH}`")
        }
        (false, true) if !PASSWORD_ALONE.contains(&name) => {
            wrong("password", "a password without a user is never presented", "add `user: NAME`")
        }
        _ => None,
    }
}

fn half_a_certificate(declared: &ServiceDeclaration) -> Option<Contradiction> {
    let tls = declared.tls.as_ref()?;
    let (has, misses) = match (&tls.client_certificate, &tls.client_key) {
        (Some(_), None) => ("client_certificate", "client_key"),
        (None, Some(_)) => ("client_key", "client_certificate"),
        _ => return None,
    };
    Some(Contradiction {
        key: "tls",
        title: format!("`{has}` without `{misses}` is never presented"),
        hint: format!("add `{misses}: PATH`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::sample;

    /// The keys of the entry that are told of, each with a word of what is told.
    fn told(name: &str, entry: &str) -> Vec<(&'static str, String)> {
        let entry: ServiceEntry = serde_saphyr::from_str(entry).expect("an entry");
        let declared = sample::declaration(&entry);
        find(name, &entry, &declared).into_iter().map(|one| (one.key, format!("{}; {}", one.title, one.hint))).collect()
    }

    #[test]
    fn a_key_that_a_service_does_not_understand_is_told() {
        let cases = [
            ("members", "members: [\"h:1\"]", "postgres", "kafka"),
            ("replicas", "replicas: [\"h:1\"]", "kafka", "redis"),
            ("database", "database: x", "kafka", "postgres"),
            ("issuer", "issuer: x", "redis", "jwt"),
            ("kubeconfig", "kubeconfig: x", "redis", "kubernetes"),
            ("context", "context: x", "redis", "kubernetes"),
            ("namespace", "namespace: x", "redis", "kubernetes"),
            ("image", "image: x", "redis", "kubernetes"),
            ("via", "via: port-forward", "redis", "kubernetes"),
            ("token", "token: {env: T}", "redis", "vault"),
            ("user", "user: x, password: {env: P}", "kubernetes", "etcd"),
        ];
        for (key, entry, without, with) in cases {
            let found = told(without, &format!("{{{entry}}}"));
            assert_eq!(found.first().map(|(key, _)| *key), Some(key), "{without}: {entry}");
            assert!(found[0].1.contains(&format!("`{without}` has no use for `{key}`")), "{found:?}");
            assert_eq!(told(with, &format!("{{{entry}}}")), [], "{with}: {entry}");
            assert_eq!(told(without, "{enabled: true}"), []);
            // Also where the service is declared not to be there: it would be without effect all the same.
            assert!(!told(without, &format!("{{enabled: false, {entry}}}")).is_empty());
        }
        let sasl = "{sasl: PLAIN, user: x, password: {env: P}}";
        assert_eq!(told("redis", sasl).len(), 1);
        assert_eq!(told("kafka", sasl), []);
        let password = |name: &str| told(name, "{password: {env: P}}");
        assert!(password("vault")[0].1.ends_with("it is asked with a `token`"), "{:?}", password("vault"));
        assert!(password("kubernetes")[0].1.ends_with("name a `kubeconfig` and its `context`"));
        assert_eq!((password("vault").len(), password("vault")[0].0), (1, "password"));
    }

    #[test]
    fn a_login_or_a_certificate_that_would_never_be_presented_is_told() {
        let cases: [(&str, &str, &[&str]); 21] = [
            ("kafka", "sasl: GSSAPI, user: x, password: {env: P}", &["`GSSAPI` is no SASL mechanism"]),
            ("kafka", "sasl: PLAIN", &["`sasl` without a login"]),
            ("kafka", "sasl: PLAIN, user: x", &["`sasl` without a login"]),
            ("kafka", "sasl: PLAIN, password: {env: P}", &["`sasl` without a login"]),
            ("kafka", "sasl: SCRAM-SHA-256, user: x, password: {env: P}", &[]),
            ("kafka", "user: x", &["a login without `sasl`"]),
            ("kafka", "password: {env: P}", &["a login without `sasl`"]),
            ("kafka", "user: x, password: {env: P}", &["a login without `sasl`"]),
            ("kafka", "enabled: true", &[]),
            ("etcd", "user: x", &["a user without a password"]),
            ("etcd", "password: {env: P}", &["a password without a user"]),
            ("etcd", "user: x, password: {env: P}", &[]),
            ("postgres", "user: x", &[]),
            ("postgres", "password: {env: P}", &["a password without a user"]),
            ("redis", "password: {env: P}", &[]),
            ("redis", "user: x", &["a user without a password"]),
            ("etcd", "enabled: false, user: x", &[]),
            ("etcd", "sasl: PLAIN, user: x", &["`etcd` has no use for `sasl`"]),
            ("opa", "tls: {client_certificate: c}", &["`client_certificate` without `client_key`"]),
            ("opa", "tls: {client_key: k}", &["`client_key` without `client_certificate`"]),
            ("opa", "tls: {client_certificate: c, client_key: k}", &[]),
        ];
        for (name, entry, expected) in cases {
            let found = told(name, &format!("{{{entry}}}"));
            assert_eq!(found.len(), expected.len(), "{name}: {entry}: {found:?}");
            for ((_, text), expected) in found.iter().zip(expected) {
                assert!(text.contains(expected), "{name}: {entry}: {text}");
            }
        }
        let key = |name: &str, entry: &str| told(name, entry).first().map(|(key, _)| *key);
        assert_eq!(key("kafka", "{user: x, password: {env: P}}"), Some("user"));
        assert_eq!(key("kafka", "{password: {env: P}}"), Some("password"));
        assert_eq!(key("opa", "{tls: {client_key: k}}"), Some("tls"));
    }
}
