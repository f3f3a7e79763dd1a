use std::{fmt, str::FromStr};

use serde_json::Value;

/// A dotted path into the facts of an observation: `row.fsync`, `brokers.0.host`.
///
/// A number selects an element of a list. A segment that holds a dot itself is written in double quotes:
/// `config."log.retention.ms"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactPath {
    text: String,
    segments: Vec<String>,
}

impl FactPath {
    /// The fact at this path, if the probe returned one. JSON `null` counts as returned.
    #[must_use]
    pub fn find<'a>(&self, facts: &'a Value) -> Option<&'a Value> {
        self.segments.iter().try_fold(facts, |value, segment| match value {
            Value::Object(map) => map.get(segment),
            Value::Array(list) => segment.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        })
    }

    /// The first segment: the name of the fact in the probe's list.
    #[must_use]
    pub fn fact(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }
}

impl FromStr for FactPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut segments = vec![String::new()];
        let mut quoted = false;
        for character in text.chars() {
            match character {
                '"' => quoted = !quoted,
                '.' if !quoted => segments.push(String::new()),
                other => {
                    if let Some(last) = segments.last_mut() {
                        last.push(other);
                    }
                }
            }
        }
        if quoted || segments.iter().any(String::is_empty) {
            return Err(format!("`{text}` is not a path of facts: expected `name` or `name.inner.0`"));
        }
        Ok(Self { text: text.to_owned(), segments })
    }
}

impl fmt::Display for FactPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_walks_objects_lists_and_quoted_names() {
        let facts = json!({"a": [{"b.c": 1}], "n": null});
        let find = |path: &str| path.parse::<FactPath>().expect("path").find(&facts).cloned();
        assert_eq!(find("a.0.\"b.c\""), Some(json!(1)));
        assert_eq!(find("n"), Some(Value::Null));
        assert_eq!(find("a.1"), None);
        assert!("a..b".parse::<FactPath>().is_err());
    }

    #[test]
    fn the_fact_of_a_path_is_its_first_segment() {
        for (path, fact) in [("row.fsync", "row"), ("n", "n"), ("\"a.b\".c", "a.b")] {
            assert_eq!(path.parse::<FactPath>().expect("path").fact(), fact, "{path}");
        }
    }
}
