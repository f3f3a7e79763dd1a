use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// The decoded values of a Secret, by key. Never to be put into a fact.
pub(super) fn decoded(secret: &Value) -> Vec<(String, Vec<u8>)> {
    let data = secret["data"].as_object().into_iter().flatten();
    data.map(|(key, value)| (key.clone(), STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default()))
        .collect()
}

/// Of each key how long its value is and whether it ends in a line end, as `echo` leaves one.
pub(super) fn shape(values: &[(String, Vec<u8>)]) -> Map<String, Value> {
    let row =
        |value: &[u8]| json!({"bytes": value.len(), "line_end": value.ends_with(b"\n") || value.ends_with(b"\r")});
    values.iter().map(|(key, value)| (key.clone(), row(value))).collect()
}

/// Passwords that stand in every guesser's list.
const COMMON: [&str; 20] = [
    "password",
    "passwd",
    "postgres",
    "admin",
    "root",
    "secret",
    "changeme",
    "change-me",
    "test",
    "guest",
    "123456",
    "12345678",
    "qwerty",
    "letmein",
    "default",
    "dev",
    "token",
    "vault",
    "grafana",
    "soma",
];

/// The shortest password that is not weak, in characters.
const SHORTEST: usize = 16;

/// Which rules a password breaks: `common`, `declared-default`, `same-as-user`, `short`.
pub(super) fn weakness(password: &str, user: Option<&str>, defaults: &[String]) -> Vec<&'static str> {
    let password = password.trim();
    let lower = password.to_lowercase();
    let rules = [
        ("common", COMMON.contains(&lower.as_str())),
        ("declared-default", defaults.iter().any(|default| default == password)),
        ("same-as-user", user.is_some_and(|user| user.trim() == password)),
        ("short", password.chars().count() < SHORTEST),
    ];
    rules.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_is_seen_after_decoding() {
        let secret = json!({"data": {"good": STANDARD.encode("abc"), "bad": STANDARD.encode("abc\n"), "empty": ""}});
        let shape = shape(&decoded(&secret));
        assert_eq!(shape["good"], json!({"bytes": 3, "line_end": false}));
        assert_eq!(shape["bad"], json!({"bytes": 4, "line_end": true}));
        assert_eq!(shape["empty"]["bytes"], json!(0));
    }

    #[test]
    fn each_weakness_has_its_rule() {
        let defaults = ["a-default-of-the-chart".to_owned()];
        for (password, expected) in [
            ("Xu6ooz0eiZ8ohgha", vec![]),
            ("postgres", vec!["common", "short"]),
            ("a-default-of-the-chart", vec!["declared-default"]),
            ("application-user-1", vec!["same-as-user"]),
            ("fifteen-letters", vec!["short"]),
        ] {
            assert_eq!(weakness(password, Some("application-user-1"), &defaults), expected, "{password}");
        }
    }
}
