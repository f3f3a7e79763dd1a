use std::fmt;

use base64::{Engine as _, engine::general_purpose as base64_engine};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{
    one_line,
    untrusted::{CUT, printable},
};

/// A password, token or private key. `Debug` never shows it and its memory is wiped.
///
/// It is serialised in clear for one purpose only: the pipe from the supervisor to its own worker.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes over a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The secret itself, for the driver that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

/// Replaces every known secret, in the forms in which drivers and servers echo it, before a text leaves the process.
///
/// Works on values, not on key names: what is not known to be secret by name is still found by value. Secrets shorter
/// than six characters are replaced only where the whole text is the secret, or reports would lose ordinary words.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    forms: Vec<Secret>,
}

const MASK: &str = "***";
const SHORTEST_PART: usize = 6;

impl Redactor {
    /// Knows these secrets and their derived forms, longest first.
    pub fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let mut forms: Vec<String> = secrets.flat_map(|secret| derived_forms(secret.expose())).collect();
        forms.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        forms.dedup();
        Self { forms: forms.into_iter().map(Secret::new).collect() }
    }

    /// The text without any known secret.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let masked = self.forms.iter().fold(text.to_owned(), |text, form| {
            let form = form.expose();
            if form.len() < SHORTEST_PART {
                if text == form { MASK.to_owned() } else { text }
            } else if text.contains(form) {
                text.replace(form, MASK)
            } else {
                text
            }
        });
        if masked.contains(CUT) { self.without_begun_forms(&masked) } else { masked }
    }

    /// A text that was clipped in the middle of a secret holds its beginning, right before the mark of the cut.
    fn without_begun_forms(&self, text: &str) -> String {
        let mut parts = text.split(CUT).peekable();
        let mut masked = String::with_capacity(text.len());
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                masked.push_str(part);
                break;
            }
            let begun = self.forms.iter().map(|form| begun_at_the_end(part, form.expose())).max().unwrap_or(0);
            masked.push_str(&part[..part.len() - begun]);
            masked.push_str(if begun > 0 { MASK } else { "" });
            masked.push(CUT);
        }
        masked
    }

    /// Replaces known secrets in every text of a JSON value, names of members included.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(list) => list.iter_mut().for_each(|element| self.value(element)),
            Value::Object(map) => {
                let members = std::mem::take(map);
                for (name, mut member) in members {
                    self.value(&mut member);
                    map.insert(self.text(&name), member);
                }
            }
            _ => {}
        }
    }
}

/// How many bytes at the end of `text` are a beginning of `form`, if they are enough to give something away.
fn begun_at_the_end(text: &str, form: &str) -> usize {
    let longest = text.len().min(form.len());
    (SHORTEST_PART..=longest).rev().find(|&length| text.as_bytes().ends_with(&form.as_bytes()[..length])).unwrap_or(0)
}

/// The ways in which drivers and servers write a secret when they echo it.
fn derived_forms(secret: &str) -> Vec<String> {
    if secret.is_empty() {
        return Vec::new();
    }
    let mut forms = vec![secret.to_owned(), printable(secret), one_line(secret)];
    // A key file echoed line by line is as bad as the whole.
    forms.extend(secret.lines().filter(|line| line.len() >= 16 && !line.starts_with("-----")).map(str::to_owned));
    if secret.len() >= SHORTEST_PART {
        forms.extend(inside_base64(secret.as_bytes()));
        forms.push(base64_engine::STANDARD.encode(secret));
        forms.push(base64_engine::STANDARD_NO_PAD.encode(secret));
        forms.push(base64_engine::URL_SAFE.encode(secret));
        forms.push(base64_engine::URL_SAFE_NO_PAD.encode(secret));
        forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
        forms.push(percent_encoded(secret));
        forms.push(inside_quotes(&format!("{secret:?}")));
        forms.push(format!("'{}'", secret.replace('\'', "''")));
        // An answer in JSON may quote another one, and a report quotes the answer.
        let mut quoted = forms.clone();
        for _ in 0..3 {
            quoted = quoted.iter().map(|form| inside_quotes(&Value::from(form.as_str()).to_string())).collect();
            forms.extend(quoted.iter().cloned());
        }
    }
    // A secret of blanks alone has nothing left in one line.
    forms.retain(|form| !form.is_empty());
    forms
}

/// A quoted text without its quotes; not one more, if the text itself ends with one.
fn inside_quotes(quoted: &str) -> String {
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted).to_owned()
}

/// The base64 of a longer text that holds the secret, such as `user:password` of an HTTP header: those characters that
/// depend on the secret alone, for each of the three places a byte can have in its group.
fn inside_base64(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for (before, foreign) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; before];
        bytes.extend(secret);
        bytes.truncate(bytes.len() / 3 * 3);
        for engine in [base64_engine::STANDARD, base64_engine::URL_SAFE] {
            let encoded = engine.encode(&bytes);
            forms.extend(encoded.get(foreign..).filter(|form| form.len() >= SHORTEST_PART).map(str::to_owned));
        }
    }
    forms
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const AWKWARD: &str = "a1b2c3d4e5f6 ' q \" %41 @ x : / ? # \\ & = + ; é space Ж { } $";

    #[test]
    fn a_secret_is_masked_in_every_form_it_is_echoed_in() {
        let secret = Secret::new(AWKWARD.to_owned());
        let redactor = Redactor::new([&secret].into_iter());
        for form in derived_forms(AWKWARD) {
            let masked = redactor.text(&format!("before {form} after"));
            assert!(!masked.contains("a1b2c3d4e5f6"), "{form} became {masked}");
        }
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn a_secret_is_masked_inside_the_base64_of_a_longer_text() {
        let secret = Secret::new(AWKWARD.to_owned());
        let redactor = Redactor::new([&secret].into_iter());
        for user in ["", "u", "us", "use", "user"] {
            for engine in [base64_engine::STANDARD, base64_engine::URL_SAFE] {
                let header = engine.encode(format!("{user}:{AWKWARD}"));
                let masked = redactor.text(&format!("Authorization: Basic {header}"));
                assert!(masked.len() < 50, "{header} became {masked}");
            }
        }
    }

    #[test]
    fn a_text_cut_in_the_middle_of_a_secret_does_not_keep_its_beginning() {
        let secret = Secret::new("hunter2-hunter3-hunter4".to_owned());
        let redactor = Redactor::new([&secret].into_iter());
        let cases = [
            ("x hunter2-hun…", "x ***…"),
            ("hunter2-hunter3-hunter… and hunter2-…", "***… and ***…"),
            ("x hunter2-hunter3-hunter4…", "x ***…"),
            ("x hunt…", "x hunt…"),
            ("x hunter2-hun", "x hunter2-hun"),
            ("é…", "é…"),
        ];
        for (text, expected) in cases {
            assert_eq!(redactor.text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_short_secret_does_not_eat_ordinary_words() {
        let secret = Secret::new("soma".to_owned());
        let redactor = Redactor::new([&secret].into_iter());
        assert_eq!(redactor.text("soma"), "***");
        assert_eq!(redactor.text("database soma_app"), "database soma_app");
    }

    #[test]
    fn values_are_masked_at_any_depth() {
        let secret = Secret::new("hunter2-hunter2".to_owned());
        let mut value = json!({"a": ["x hunter2-hunter2 y", {"hunter2-hunter2": 1}], "n": 3});
        Redactor::new([&secret].into_iter()).value(&mut value);
        assert_eq!(value, json!({"a": ["x *** y", {"***": 1}], "n": 3}));
    }
}
