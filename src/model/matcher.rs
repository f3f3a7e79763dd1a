use regex::Regex;
use serde_json::Value;

use super::{Expectation, ExpectationError, Mismatch, untrusted::clip};

/// One condition on one fact.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// The fact equals this value exactly, type included.
    Equals(Value),
    /// The fact equals one of these values.
    OneOf(Vec<Value>),
    /// The inner condition does not hold; a missing fact does not satisfy it.
    Not(Box<Matcher>),
    /// The fact is a number and at least this.
    AtLeast(f64),
    /// The fact is a number and at most this.
    AtMost(f64),
    /// The fact is a text and this expression (linear time) is found in it.
    Matches(Regex),
    /// The fact is a text that contains this text, or a list that contains this value.
    Contains(Value),
    /// The fact is a list that contains all of these values.
    ContainsAll(Vec<Value>),
    /// The fact is a list, object or text whose length satisfies the inner condition.
    Count(Box<Matcher>),
    /// Every element of the list satisfies the inner expectation. Nothing at all does not.
    Each {
        /// What every element must satisfy.
        element: Each,
        /// Whether an empty list is good as well.
        allow_empty: bool,
    },
    /// The fact was returned (or, with `false`, was not).
    Exists(bool),
    /// All of these conditions hold.
    All(Vec<Matcher>),
}

/// What every element of a list must satisfy.
#[derive(Debug, Clone)]
pub enum Each {
    /// The element itself.
    Element(Box<Matcher>),
    /// Facts inside the element.
    Inside(Expectation),
}

/// A condition that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MatcherError {
    /// What is wrong and what is expected.
    pub message: String,
}

const NAMES: [&str; 12] = [
    "equals",
    "one_of",
    "not",
    "at_least",
    "at_most",
    "between",
    "matches",
    "contains",
    "contains_all",
    "count",
    "each",
    "exists",
];

impl Matcher {
    /// Reads a condition as it is written in a data file: a literal, or a map of the names in the catalogue's manual.
    ///
    /// # Errors
    /// When a name or an operand is not known.
    pub fn parse(value: &Value) -> Result<Self, MatcherError> {
        let Value::Object(map) = value else {
            return Ok(Self::Equals(value.clone()));
        };
        let allow_empty = match map.get("allow_empty") {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => return Err(wrong("allow_empty", "true or false", other)),
        };
        let mut conditions = Vec::new();
        for (name, operand) in map.iter().filter(|(name, _)| name.as_str() != "allow_empty") {
            conditions.push(Self::named(name, operand, allow_empty)?);
        }
        if allow_empty && !map.contains_key("each") {
            return Err(MatcherError { message: "`allow_empty` belongs to `each`".to_owned() });
        }
        match conditions.len() {
            0 => Err(MatcherError { message: format!("a condition is missing; known are {}", NAMES.join(", ")) }),
            1 => Ok(conditions.remove(0)),
            _ => Ok(Self::All(conditions)),
        }
    }

    fn named(name: &str, operand: &Value, allow_empty: bool) -> Result<Self, MatcherError> {
        let list = || operand.as_array().cloned().ok_or_else(|| wrong(name, "a list", operand));
        let number = || operand.as_f64().ok_or_else(|| wrong(name, "a number", operand));
        Ok(match name {
            "equals" => Self::Equals(operand.clone()),
            "one_of" => Self::OneOf(list()?),
            "not" => Self::Not(Box::new(Self::parse(operand)?)),
            "at_least" => Self::AtLeast(number()?),
            "at_most" => Self::AtMost(number()?),
            "between" => match list()?.as_slice() {
                [low, high] if low.is_number() && high.is_number() => Self::All(vec![
                    Self::AtLeast(low.as_f64().unwrap_or(f64::NAN)),
                    Self::AtMost(high.as_f64().unwrap_or(f64::NAN)),
                ]),
                _ => return Err(wrong(name, "two numbers", operand)),
            },
            "matches" => {
                let pattern = operand.as_str().ok_or_else(|| wrong(name, "a regular expression", operand))?;
                Self::Matches(
                    Regex::new(pattern).map_err(|error| MatcherError { message: format!("`matches`: {error}") })?,
                )
            }
            "contains" => Self::Contains(operand.clone()),
            "contains_all" => Self::ContainsAll(list()?),
            "count" => Self::Count(Box::new(Self::parse(operand)?)),
            "each" => Self::Each { element: Each::parse(operand)?, allow_empty },
            "exists" => Self::Exists(operand.as_bool().ok_or_else(|| wrong(name, "true or false", operand))?),
            unknown => {
                return Err(MatcherError {
                    message: format!("`{unknown}` is not a condition; known are {}", NAMES.join(", ")),
                });
            }
        })
    }

    /// What does not hold of `fact` at `path`; empty when the condition holds.
    #[must_use]
    pub fn mismatches(&self, path: &str, fact: Option<&Value>) -> Vec<Mismatch> {
        match self {
            Self::All(conditions) => conditions.iter().flat_map(|one| one.mismatches(path, fact)).collect(),
            Self::Each { element, allow_empty } => element.mismatches(path, fact, *allow_empty),
            Self::Count(inner) => {
                let count = fact.and_then(length);
                match count {
                    Some(count) => inner.mismatches(&format!("count of {path}"), Some(&Value::from(count))),
                    None => vec![Mismatch::new(path, self, fact)],
                }
            }
            _ if self.holds(fact) => Vec::new(),
            _ => vec![Mismatch::new(path, self, fact)],
        }
    }

    fn holds(&self, fact: Option<&Value>) -> bool {
        if let Self::Exists(wanted) = self {
            return fact.is_some() == *wanted;
        }
        let Some(fact) = fact else { return false };
        match self {
            Self::Equals(value) => same(value, fact),
            Self::OneOf(values) => values.iter().any(|value| same(value, fact)),
            Self::Not(inner) => !inner.mismatches("", Some(fact)).is_empty(),
            Self::AtLeast(bound) => fact.as_f64().is_some_and(|number| number >= *bound),
            Self::AtMost(bound) => fact.as_f64().is_some_and(|number| number <= *bound),
            Self::Matches(pattern) => fact.as_str().is_some_and(|text| pattern.is_match(text)),
            Self::Contains(value) => contains(fact, value),
            Self::ContainsAll(values) => values.iter().all(|value| contains(fact, value)),
            Self::Count(_) | Self::Each { .. } | Self::All(_) => self.mismatches("", Some(fact)).is_empty(),
            Self::Exists(_) => false,
        }
    }

    /// The condition in words, for a report.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Equals(value) => text_of(value),
            Self::OneOf(values) => format!("one of {}", values.iter().map(text_of).collect::<Vec<_>>().join(", ")),
            Self::Not(inner) => format!("not {}", inner.describe()),
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::AtMost(bound) => format!("at most {bound}"),
            Self::Matches(pattern) => format!("matching /{pattern}/"),
            Self::Contains(value) => format!("containing {}", text_of(value)),
            Self::ContainsAll(values) => {
                format!("containing all of {}", values.iter().map(text_of).collect::<Vec<_>>().join(", "))
            }
            Self::Count(inner) => format!("a count of {}", inner.describe()),
            Self::Each { element: Each::Element(inner), .. } => format!("each {}", inner.describe()),
            Self::Each { element: Each::Inside(inner), .. } => format!("each with {}", inner.describe()),
            Self::Exists(true) => "present".to_owned(),
            Self::Exists(false) => "absent".to_owned(),
            Self::All(conditions) => conditions.iter().map(Self::describe).collect::<Vec<_>>().join(" and "),
        }
    }
}

impl Each {
    fn parse(operand: &Value) -> Result<Self, MatcherError> {
        let is_condition = |map: &serde_json::Map<String, Value>| map.keys().all(|name| NAMES.contains(&name.as_str()));
        match operand {
            Value::Object(map) if !is_condition(map) => match Expectation::parse(operand) {
                Ok(inside) => Ok(Self::Inside(inside)),
                Err(ExpectationError { message, .. }) => Err(MatcherError { message }),
            },
            other => Ok(Self::Element(Box::new(Matcher::parse(other)?))),
        }
    }

    fn mismatches(&self, path: &str, fact: Option<&Value>, allow_empty: bool) -> Vec<Mismatch> {
        let elements: Vec<(String, &Value)> = match fact {
            Some(Value::Array(list)) => {
                list.iter().enumerate().map(|(index, value)| (format!("{path}.{index}"), value)).collect()
            }
            Some(Value::Object(map)) => map.iter().map(|(name, value)| (format!("{path}.{name}"), value)).collect(),
            _ => return vec![Mismatch::new_text(path, "a list", fact)],
        };
        if elements.is_empty() && !allow_empty {
            return vec![Mismatch::new_text(path, "at least one element to look at", fact)];
        }
        elements
            .iter()
            .flat_map(|(path, value)| match self {
                Self::Element(matcher) => matcher.mismatches(path, Some(value)),
                Self::Inside(expectation) => expectation
                    .mismatches(value)
                    .into_iter()
                    .map(|mismatch| Mismatch { path: format!("{path}.{}", mismatch.path), ..mismatch })
                    .collect(),
            })
            .collect()
    }
}

fn wrong(name: &str, expected: &str, operand: &Value) -> MatcherError {
    MatcherError { message: format!("`{name}` takes {expected}, not {}", clip(&text_of(operand), 80)) }
}

fn length(fact: &Value) -> Option<usize> {
    match fact {
        Value::Array(list) => Some(list.len()),
        Value::Object(map) => Some(map.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    }
}

fn contains(fact: &Value, value: &Value) -> bool {
    match (fact, value) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(list), value) => list.iter().any(|element| same(element, value)),
        _ => false,
    }
}

/// Equality of JSON values, with `1` and `1.0` the same number. Two whole numbers are the same only in every digit: beyond
/// 2^53 different ones would be one and the same as floating point.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) if left.is_f64() || right.is_f64() => {
            left.as_f64() == right.as_f64()
        }
        _ => left == right,
    }
}

/// A value as a person would write it: texts in backticks, the rest as JSON.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => other.to_string(),
    }
}
