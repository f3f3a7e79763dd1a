use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::Regex;

/// Names whose values are credentials.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(^|[_.\-]|[a-z])(password|passwd|secret|token|api[_\-]?key|secret[_\-]?key|private[_\-]?key)$")
        .ok()
});
/// A line of a settings file that gives a password: YAML, JSON, properties.
static LINE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?im)^[\s"]*[\w.\-]*(?:password|passwd)"?\s*[:=]\s*["']?([^\s"',;]+)"#).ok());
/// A URL with a password in it.
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[a-zA-Z][a-zA-Z0-9+.\-]*://[^/\s:@]+:([^@/\s]+)@").ok());

/// The shortest credential that is looked for in texts; a shorter one may be a word that stands anywhere.
const SHORTEST: usize = 12;

/// Why a text looks like one with a credential in it, and the fingerprint of the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// `secret-value`, `secret-value-base64`, `name`, `line` or `url`.
    pub(super) rule: &'static str,
    /// The first 8 hexadecimal digits of its SHA-256.
    pub(super) fingerprint: String,
}

/// What in a text that stands under `name` is a credential. `secrets` are the values that are known to be.
pub(super) fn credentials(name: &str, text: &str, secrets: &[String]) -> Vec<Finding> {
    let finding = |rule, value: &str| Finding { rule, fingerprint: fingerprint(value) };
    let mut found = Vec::new();
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
        if text.contains(secret.as_str()) {
            found.push(finding("secret-value", secret));
        } else if text.contains(STANDARD.encode(secret).trim_end_matches('=')) {
            found.push(finding("secret-value-base64", secret));
        }
    }
    if found.is_empty() && NAMES.as_ref().is_some_and(|names| names.is_match(name)) && is_literal(text) {
        found.push(finding("name", text));
    }
    for (rule, pattern) in [("line", &LINE), ("url", &URL)] {
        let captures = pattern.as_ref().map(|pattern| pattern.captures_iter(text));
        for value in captures.into_iter().flatten().filter_map(|captures| captures.get(1)) {
            let known = found.iter().any(|one: &Finding| one.fingerprint == fingerprint(value.as_str()));
            if is_literal(value.as_str()) && !known {
                found.push(finding(rule, value.as_str()));
            }
        }
    }
    found
}

/// The first 8 hexadecimal digits of a value's SHA-256: enough to find it again, too little to learn it.
fn fingerprint(value: &str) -> String {
    digest(&SHA256, value.as_bytes()).as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is a value itself, and not where to find one: a path, a variable, a template, nothing, yes or no.
fn is_literal(text: &str) -> bool {
    let text = text.trim();
    let is_reference = text.starts_with(['/', '$', '%', '<', '{', '*', ':', '=', '(', '['])
        || text.contains("${")
        || text.contains("{{");
    let is_word =
        matches!(text.to_lowercase().as_str(), "" | "true" | "false" | "null" | "none" | "yes" | "no" | "on" | "off");
    !is_reference && !is_word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(name: &str, text: &str) -> Vec<&'static str> {
        let secrets = ["correct-horse-battery".to_owned(), "soma".to_owned()];
        credentials(name, text, &secrets).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_known_secret_is_found_wherever_it_stands() {
        for (name, text, expected) in [
            ("any", "x correct-horse-battery y", vec!["secret-value"]),
            ("any", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", vec!["secret-value-base64"]),
            ("any", "soma", vec![]),
            ("any", "the database is soma", vec![]),
            ("DB_PASSWORD", "correct-horse-battery", vec!["secret-value"]),
        ] {
            assert_eq!(rules(name, text), expected, "{text}");
        }
    }

    #[test]
    fn an_unknown_credential_is_found_by_its_place() {
        for (name, text, expected) in [
            ("GF_SECURITY_ADMIN_PASSWORD", "hunter2", vec!["name"]),
            ("adminPassword", "hunter2", vec!["name"]),
            ("datasources.yaml", "a: 1\n    password: hunter2\n", vec!["line"]),
            ("app.json", "{\n  \"password\": \"hunter2\"\n}", vec!["line"]),
            ("DATABASE_URL", "postgres://u:hunter2@postgres:5432/soma", vec!["url"]),
        ] {
            assert_eq!(rules(name, text), expected, "{text}");
        }
    }

    #[test]
    fn a_reference_is_no_credential() {
        for (name, text) in [
            ("PASSWORD_FILE", "/run/secrets/password"),
            ("DB_PASSWORD", "/run/secrets/password"),
            ("DB_PASSWORD", "$(FROM_SECRET)"),
            ("config", "password: ${DB_PASSWORD}\npassword_encryption = scram-sha-256\npassword: \"{{ .token }}\""),
            ("roles.sql", "create role app password :'app_password';"),
            ("policy.rego", "token := input.token"),
            ("URL", "postgres://u:$(PASSWORD)@host/db"),
            ("URL", "http://host:8080/a@b"),
            ("ENABLE_TOKEN", "false"),
        ] {
            assert_eq!(rules(name, text), Vec::<&str>::new(), "{name}={text}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_eight_digits() {
        assert_eq!(fingerprint("abc"), "ba7816bf");
    }
}
