use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::{FactPath, Matcher, matcher::text_of, untrusted::clip};

/// What a check says the facts must be: paths of facts, each with its condition. Never empty.
#[derive(Debug, Clone)]
pub struct Expectation {
    source: Value,
    conditions: Vec<(FactPath, Matcher)>,
}

/// An expectation that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpectationError {
    /// The path under which the fault lies, if it lies under one.
    pub path: Option<String>,
    /// What is wrong and what is expected.
    pub message: String,
}

/// One fact that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mismatch {
    /// Where in the facts.
    pub path: String,
    /// The condition, in words.
    pub expected: String,
    /// What was there instead, clipped to 400 characters.
    pub observed: String,
}

impl Mismatch {
    pub(super) fn new(path: &str, matcher: &Matcher, fact: Option<&Value>) -> Self {
        Self::new_text(path, &matcher.describe(), fact)
    }

    pub(super) fn new_text(path: &str, expected: &str, fact: Option<&Value>) -> Self {
        let observed = fact.map_or_else(|| "nothing".to_owned(), |fact| clip(&text_of(fact), 400));
        Self { path: path.to_owned(), expected: expected.to_owned(), observed }
    }
}

impl Expectation {
    /// Reads an expectation as it is written in a data file.
    ///
    /// # Errors
    /// When it is not a map, is empty, or holds a path or condition that is not one.
    pub fn parse(value: &Value) -> Result<Self, ExpectationError> {
        let at = |path: Option<&str>, message: String| ExpectationError { path: path.map(str::to_owned), message };
        let Value::Object(map) = value else {
            return Err(at(None, "an expectation is a map of facts and their conditions".to_owned()));
        };
        if map.is_empty() {
            return Err(at(None, "a check without an assertion cannot fail: name at least one fact".to_owned()));
        }
        let mut conditions = Vec::new();
        for (path, condition) in map {
            let parsed = path.parse::<FactPath>().map_err(|message| at(Some(path), message))?;
            let matcher = Matcher::parse(condition).map_err(|error| at(Some(path), error.message))?;
            conditions.push((parsed, matcher));
        }
        Ok(Self { source: value.clone(), conditions })
    }

    /// Everything that does not hold of `facts`; empty when all of it holds.
    #[must_use]
    pub fn mismatches(&self, facts: &Value) -> Vec<Mismatch> {
        self.conditions
            .iter()
            .flat_map(|(path, matcher)| matcher.mismatches(&path.to_string(), path.find(facts)))
            .collect()
    }

    /// The paths it names.
    pub fn paths(&self) -> impl Iterator<Item = &FactPath> {
        self.conditions.iter().map(|(path, _)| path)
    }

    /// The whole in words, for a report.
    #[must_use]
    pub fn describe(&self) -> String {
        let describe = |(path, matcher): &(FactPath, Matcher)| format!("{path} is {}", matcher.describe());
        self.conditions.iter().map(describe).collect::<Vec<_>>().join("; ")
    }
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(expect: &Value, facts: &Value) -> bool {
        Expectation::parse(expect).expect("an expectation").mismatches(facts).is_empty()
    }

    #[test]
    fn each_condition_accepts_and_refuses() {
        let facts = json!({"text": "abc", "number": 5, "list": [1, 2], "none": [], "rows": [{"up": true}, {"up": false}], "null": null,
            "map": {"a": {"up": true}, "b": {"up": true}}, "large": 9_007_199_254_740_993_u64, "same": [1.0, "x"]});
        let cases = [
            (json!({"text": "abc"}), true),
            (json!({"text": "ab"}), false),
            (json!({"number": "5"}), false),
            (json!({"number": 5.0}), true),
            (json!({"text": {"one_of": ["x", "abc"]}}), true),
            (json!({"text": {"not": "abc"}}), false),
            (json!({"missing": {"not": "abc"}}), false),
            (json!({"number": {"at_least": 5, "at_most": 5}}), true),
            (json!({"number": {"between": [6, 7]}}), false),
            (json!({"text": {"at_least": 0}}), false),
            (json!({"text": {"matches": "^a.c$"}}), true),
            (json!({"text": {"contains": "b"}}), true),
            (json!({"list": {"contains": 3}}), false),
            (json!({"list": {"contains_all": [1, 2]}}), true),
            (json!({"list": {"count": 2}}), true),
            (json!({"list": {"count": {"at_least": 3}}}), false),
            (json!({"number": {"count": 1}}), false),
            (json!({"list": {"each": {"at_least": 1}}}), true),
            (json!({"rows": {"each": {"up": true}}}), false),
            (json!({"none": {"each": {"up": true}}}), false),
            (json!({"none": {"each": {"up": true}, "allow_empty": true}}), true),
            (json!({"missing": {"each": {"up": true}, "allow_empty": true}}), false),
            (json!({"missing": {"exists": false}}), true),
            (json!({"null": {"exists": true}}), true),
            (json!({"null": null}), true),
            (json!({"text": {"count": 3}}), true),
            (json!({"text": {"count": 2}}), false),
            (json!({"map": {"count": 2}}), true),
            (json!({"map": {"count": 0}}), false),
            (json!({"map": {"each": {"up": true}}}), true),
            (json!({"map": {"each": {"up": false}}}), false),
            (json!({"text": {"each": {"up": true}}}), false),
            (json!({"list": {"each": {"at_least": 2}}}), false),
            (json!({"number": {"between": [5, 5]}}), true),
            (json!({"number": {"between": [1, 4]}}), false),
            (json!({"number": {"at_least": 6}}), false),
            (json!({"number": {"at_most": 4}}), false),
            (json!({"number": {"at_least": 1, "at_most": 4}}), false),
            (json!({"text": {"not": "ab"}}), true),
            (json!({"list": {"not": {"contains": 1}}}), false),
            (json!({"list": {"not": {"count": 2}}}), false),
            (json!({"list": {"not": {"each": {"at_least": 1}}}}), false),
            (json!({"text": {"one_of": ["x"]}}), false),
            (json!({"number": {"matches": "5"}}), false),
            (json!({"text": {"matches": "^b"}}), false),
            (json!({"number": {"contains": 5}}), false),
            (json!({"text": {"contains": "d"}}), false),
            (json!({"list": {"contains": 2}}), true),
            (json!({"list": {"contains_all": [1, 3]}}), false),
            (json!({"same": {"contains": 1}}), true),
            (json!({"missing": {"exists": true}}), false),
            (json!({"text": {"exists": false}}), false),
            (json!({"missing": {"count": 0}}), false),
            // Of whole numbers every digit counts: an offset or an identifier is not near another one.
            (json!({"large": 9_007_199_254_740_993_u64}), true),
            (json!({"large": 9_007_199_254_740_992_u64}), false),
        ];
        for (expect, expected) in cases {
            assert_eq!(holds(&expect, &facts), expected, "{expect}");
        }
    }

    #[test]
    fn an_expectation_that_asserts_nothing_does_not_load() {
        for bad in [
            json!({}),
            json!([]),
            json!({"a": {}}),
            json!({"a": {"equal": 1}}),
            json!({"a": {"count": {}}}),
            json!({"a": {"matches": "("}}),
            json!({"a": {"matches": 1}}),
            json!({"a": {"between": ["1", 2]}}),
            json!({"a": {"between": [1, "2"]}}),
            json!({"a": {"between": [1]}}),
            json!({"a": {"allow_empty": true}}),
            json!({"a": {"allow_empty": true, "count": 1}}),
            json!({"a": {"allow_empty": "yes", "each": 1}}),
            json!({"a": {"at_least": "5"}}),
            json!({"a": {"one_of": "x"}}),
            json!({"a": {"exists": "yes"}}),
            json!({"a": {"each": {"inside": {}}}}),
            json!({"a..b": 1}),
        ] {
            assert!(Expectation::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mismatch_names_the_path_the_condition_and_the_fact() {
        let expectation = Expectation::parse(&json!({"rows": {"each": {"up": true}}})).expect("valid");
        let found = expectation.mismatches(&json!({"rows": [{"up": false}]}));
        assert_eq!(found, [Mismatch { path: "rows.0.up".into(), expected: "true".into(), observed: "false".into() }]);
        let told = |expect: &Value, facts: &Value| {
            let found = Expectation::parse(expect).expect("valid").mismatches(facts);
            found.into_iter().map(|one| [one.path, one.expected, one.observed].join(" / ")).collect::<Vec<_>>()
        };
        let facts = json!({"list": [1, 2], "map": {"b": {"up": 1}}, "text": "x"});
        for (expect, expected) in [
            (json!({"missing": 1}), "missing / 1 / nothing"),
            (json!({"text": {"not": "x"}}), "text / not `x` / `x`"),
            (json!({"list": {"count": {"between": [3, 4]}}}), "count of list / at least 3 / 2"),
            (json!({"list": {"each": {"at_most": 1}}}), "list.1 / at most 1 / 2"),
            (json!({"map": {"each": {"up": 2}}}), "map.b.up / 2 / 1"),
            (json!({"text": {"each": 1}}), "text / a list / `x`"),
            (json!({"text": {"count": {"not": 1}}}), "count of text / not 1 / 1"),
            (json!({"map": {"exists": false}}), "map / absent / {\"b\":{\"up\":1}}"),
        ] {
            assert_eq!(told(&expect, &facts), [expected], "{expect}");
        }
    }

    #[test]
    fn an_expectation_names_its_facts_and_says_itself_in_words() {
        let expectation = Expectation::parse(&json!({
            "connected": true, "row.lag": {"at_most": 5}, "state": {"one_of": ["a", "b"]}, "list": {"count": {"at_least": 1}},
            "names": {"contains_all": ["x"]}, "text": {"matches": "^a"}, "has": {"contains": "y"}, "rows": {"each": {"up": true}},
            "all": {"each": {"at_least": 1, "not": 2}}, "there": {"exists": true},
        }))
        .expect("valid");
        assert_eq!(expectation.paths().map(ToString::to_string).take(2).collect::<Vec<_>>(), ["connected", "row.lag"]);
        let words = "connected is true; row.lag is at most 5; state is one of `a`, `b`; list is a count of at least 1; \
            names is containing all of `x`; text is matching /^a/; has is containing `y`; rows is each with up is true; \
            all is each at least 1 and not 2; there is present";
        assert_eq!(expectation.describe(), words);
        let again: Expectation =
            serde_json::from_value(serde_json::to_value(&expectation).expect("JSON")).expect("an expectation");
        assert_eq!(again.describe(), words);
    }
}
