//! Looks for secrets in outputs, in every form in which they could have got there.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose as base64_engine};
use serde_json::Value;

/// So many bytes in a row of a secret give it away; fewer happen by chance.
const WINDOW: usize = 10;

/// Secrets, cut into every window of every form. One window in an output is a find: also a part of a secret is one.
#[derive(Default)]
pub(crate) struct Canaries(HashMap<[u8; WINDOW], String>);

impl Canaries {
    /// Every file in a folder of credentials is a secret.
    #[must_use]
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let mut canaries = Self(HashMap::new());
        for entry in folder.read_dir().expect("a folder of credentials") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            canaries.add(&name, &std::fs::read_to_string(&path).expect("text"));
        }
        assert!(!canaries.0.is_empty(), "no secret to look for");
        canaries
    }

    /// One more secret.
    pub(crate) fn add(&mut self, name: &str, secret: &str) {
        let secret = secret.trim_end_matches('\n');
        // The frame of a key file is no secret, nor is what every key of its kind begins with.
        let is_key = secret.starts_with("-----");
        let parts = secret.lines().filter(|line| !line.starts_with("-----")).enumerate();
        let parts: Vec<&str> = parts.map(|(at, line)| if is_key && at == 0 { &line[48..] } else { line }).collect();
        for part in parts.iter().filter(|part| part.len() >= WINDOW) {
            for form in forms(part) {
                for window in form.windows(WINDOW) {
                    let window = window.try_into().expect("a window");
                    self.0.entry(window).or_insert_with(|| name.to_owned());
                }
            }
        }
        assert!(self.0.values().any(|known| known == name), "`{name}` is too short to be looked for, or stands twice");
    }

    /// Which secrets stand in `text`, each with what surrounds it.
    #[must_use]
    pub(crate) fn find(&self, text: &[u8]) -> BTreeSet<String> {
        let mut found: HashMap<&str, usize> = HashMap::new();
        for (at, window) in text.windows(WINDOW).enumerate() {
            if let Some(name) = self.0.get(window) {
                found.entry(name).or_insert(at);
            }
        }
        found
            .into_iter()
            .map(|(name, at)| {
                let around = &text[at.saturating_sub(60)..(at + 60).min(text.len())];
                format!("{name}: …{}…", String::from_utf8_lossy(around).escape_debug())
            })
            .collect()
    }
}

/// The ways a secret is written. Base64 also inside of a longer text, where it begins at any of three places.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let percent = |plain: fn(u8) -> bool, upper: bool| -> String {
        secret
            .bytes()
            .map(|byte| match byte {
                byte if plain(byte) => char::from(byte).to_string(),
                byte if upper => format!("%{byte:02X}"),
                byte => format!("%{byte:02x}"),
            })
            .collect()
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let json = Value::from(secret).to_string();
    let mut texts = vec![
        secret.to_owned(),
        percent(unreserved, true),
        percent(unreserved, false),
        percent(|byte| byte.is_ascii_alphanumeric(), true),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        Value::from(json.as_str()).to_string(),
        json,
        format!("{secret:?}"),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;"),
    ];
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend(secret.as_bytes());
        bytes.truncate(bytes.len() / 3 * 3);
        for engine in [base64_engine::STANDARD, base64_engine::URL_SAFE] {
            // The first group may hold bits of what stands before.
            texts.push(engine.encode(&bytes).split_off(4));
        }
    }
    texts.into_iter().map(String::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = r#"0a1b2c3d4e5f 'q"%41@x:/?#\&=+;é Ж{}$"#;
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqL0wabcdefghijkl\nmnopqrstuvwxyzABCD\n-----END PRIVATE KEY-----\n";

    fn canaries() -> Canaries {
        let mut canaries = Canaries(HashMap::new());
        canaries.add("password", SECRET);
        canaries.add("key", KEY);
        canaries
    }

    #[test]
    fn a_planted_secret_is_found_in_every_form() {
        let canaries = canaries();
        let header = |user: &str| base64_engine::STANDARD.encode(format!("{user}:{SECRET}"));
        let cases = [
            SECRET.to_owned(),
            format!("password={SECRET} host=x"),
            format!("{SECRET:?}"),
            Value::from(SECRET).to_string(),
            Value::from(Value::from(SECRET).to_string()).to_string(),
            base64_engine::STANDARD.encode(SECRET),
            base64_engine::URL_SAFE_NO_PAD.encode(SECRET),
            header(""),
            header("u"),
            header("us"),
            format!(
                "https://soma:{}@host/",
                url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect::<String>()
            ),
            SECRET[..WINDOW].to_owned(),
            SECRET[3..3 + WINDOW].to_owned(),
            SECRET.bytes().map(|byte| format!("{byte:02x}")).collect(),
            SECRET.replace('"', "&quot;"),
        ];
        for text in cases {
            let found = canaries.find(format!("before {text} after").as_bytes());
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found.first().expect("one").starts_with("password: "));
        }
        assert!(canaries.find(KEY.as_bytes()).first().expect("one").starts_with("key: "));
        assert!(canaries.find(b"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg").is_empty(), "so begins every key");
    }

    #[test]
    fn a_clean_text_is_clean() {
        let text = format!("*** {} -----BEGIN PRIVATE KEY----- hunter2", &SECRET[..WINDOW - 1]);
        assert_eq!(canaries().find(text.as_bytes()), BTreeSet::new());
    }
}
