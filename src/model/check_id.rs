use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The stable name of a check: `service/name`, or `service/name/instance` for one row of a vector or of a parametric check.
///
/// Segments are lower-case ASCII letters, digits, `-` and `.`; the whole is at most 160 bytes. The same id stands in
/// the data file, on the command line and in every report, so it is safe in a file name and in any markup.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CheckId(String);

/// A text that is not a check id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a check id: expected `service/name` or `service/name/instance` in lower-case letters, digits, `-` and `.`"
)]
pub struct InvalidCheckId(String);

impl CheckId {
    /// The service the check belongs to: its first segment.
    #[must_use]
    pub fn service(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id without its instance: what a stanza that expands to several checks is called.
    #[must_use]
    pub fn family(&self) -> &str {
        match self.0.match_indices('/').nth(1) {
            Some((at, _)) => &self.0[..at],
            None => &self.0,
        }
    }

    /// The row of a vector or parametric stanza.
    ///
    /// # Errors
    /// When `instance` is not a valid segment.
    pub fn instance(&self, instance: &str) -> Result<Self, InvalidCheckId> {
        format!("{}/{instance}", self.0).parse()
    }
}

impl FromStr for CheckId {
    type Err = InvalidCheckId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        };
        let segments = text.split('/').count();
        if (2..=3).contains(&segments) && text.len() <= 160 && text.split('/').all(is_segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCheckId(super::clip(text, 200)))
        }
    }
}

impl TryFrom<String> for CheckId {
    type Error = InvalidCheckId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CheckId> for String {
    fn from(id: CheckId) -> Self {
        id.0
    }
}

impl Borrow<str> for CheckId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_two_or_three_plain_segments() {
        for good in ["postgres/tcp", "opa/allow-vectors/own-tenant", "a/b.c"] {
            assert!(good.parse::<CheckId>().is_ok(), "{good}");
        }
        for bad in ["", "postgres", "Postgres/tcp", "a/b/c/d", "a//b", "a/..", "a/b c", "a/<b>", "a/b\n"] {
            assert!(bad.parse::<CheckId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_family_is_the_id_without_its_instance() {
        let id: CheckId = "opa/allow-vectors/own-tenant".parse().expect("valid");
        assert_eq!((id.service(), id.family()), ("opa", "opa/allow-vectors"));
    }

    #[test]
    fn an_id_is_its_text_in_files_and_in_maps() {
        let id: CheckId = serde_json::from_str("\"redis/tcp\"").expect("an id");
        assert_eq!(serde_json::to_string(&id).expect("JSON"), "\"redis/tcp\"");
        assert!(serde_json::from_str::<CheckId>("\"Redis\"").is_err());
        assert_eq!(std::collections::BTreeMap::from([(id.clone(), 1)]).get("redis/tcp"), Some(&1));
        assert_eq!(format!("{id:>10}"), " redis/tcp");
        assert_eq!(id.instance("one").expect("an id").as_str(), "redis/tcp/one");
        assert!(id.instance("a/b").is_err());
    }

    #[test]
    fn an_id_is_at_most_160_bytes() {
        assert!(format!("a/{}", "b".repeat(158)).parse::<CheckId>().is_ok());
        assert!(format!("a/{}", "b".repeat(159)).parse::<CheckId>().is_err());
    }
}
