use serde_json::Value;

use super::Labels;

/// A label selector. Source: Kubernetes API, `LabelSelector`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    DoesNotExist(String),
    /// An operator that is not known selects nothing.
    Unknown,
}

impl Selector {
    /// Reads one; what is no map is the empty selector, which takes everything.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let equal = value["matchLabels"].as_object().into_iter().flatten();
        let equal = equal.map(|(key, value)| Term::In(key.clone(), vec![text(value)]));
        let expressions = value["matchExpressions"].as_array().into_iter().flatten().map(|expression| {
            let key = text(&expression["key"]);
            let values = || expression["values"].as_array().into_iter().flatten().map(text).collect();
            match expression["operator"].as_str() {
                Some("In") => Term::In(key, values()),
                Some("NotIn") => Term::NotIn(key, values()),
                Some("Exists") => Term::Exists(key),
                Some("DoesNotExist") => Term::DoesNotExist(key),
                _ => Term::Unknown,
            }
        });
        Self { terms: equal.chain(expressions).collect() }
    }

    /// Whether it takes everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it takes an object with these labels.
    #[must_use]
    pub fn takes(&self, labels: &Labels) -> bool {
        self.terms.iter().all(|term| match term {
            Term::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Term::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Term::Exists(key) => labels.contains_key(key),
            Term::DoesNotExist(key) => !labels.contains_key(key),
            Term::Unknown => false,
        })
    }

    /// Whether it takes only objects with exactly this label.
    #[must_use]
    pub fn demands(&self, key: &str, value: &str) -> bool {
        let is_it = |term: &Term| matches!(term, Term::In(own, values) if own == key && values.iter().all(|one| one == value) && !values.is_empty());
        self.terms.iter().any(is_it)
    }

    /// Whether it takes only objects that carry this label key, whatever its value.
    #[must_use]
    pub fn asks_for(&self, key: &str) -> bool {
        self.terms.iter().any(|term| matches!(term, Term::In(own, _) | Term::Exists(own) if own == key))
    }

    /// In words, as `kubectl -l` takes it.
    #[must_use]
    pub fn words(&self) -> String {
        let words = self.terms.iter().map(|term| match term {
            Term::In(key, values) if values.len() == 1 => format!("{key}={}", values[0]),
            Term::In(key, values) => format!("{key} in ({})", values.join(",")),
            Term::NotIn(key, values) => format!("{key} notin ({})", values.join(",")),
            Term::Exists(key) => key.clone(),
            Term::DoesNotExist(key) => format!("!{key}"),
            Term::Unknown => "an unknown operator".to_owned(),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { "all".to_owned() } else { words.join(",") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_selector_takes_what_all_its_terms_take() {
        let expression = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
        let (redis, none) = (labels(&[("app", "redis"), ("tier", "data")]), labels(&[]));
        for (selector, of_redis, of_none) in [
            (json!({}), true, true),
            (json!({"matchLabels": {"app": "redis"}}), true, false),
            (json!({"matchLabels": {"app": "redis", "tier": "web"}}), false, false),
            (expression("In", &["redis", "opa"]), true, false),
            (expression("In", &[]), false, false),
            (expression("NotIn", &["redis"]), false, true),
            (expression("NotIn", &["opa"]), true, true),
            (expression("Exists", &[]), true, false),
            (expression("DoesNotExist", &[]), false, true),
            (expression("Like", &["redis"]), false, false),
            (
                json!({"matchLabels": {"app": "redis"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
                false,
                false,
            ),
        ] {
            let read = Selector::of(&selector);
            assert_eq!((read.takes(&redis), read.takes(&none)), (of_redis, of_none), "{selector}");
        }
    }

    #[test]
    fn only_the_exact_value_demands_a_label() {
        for (selector, demands, asks) in [
            (json!({"matchLabels": {"open": "true"}}), true, true),
            (json!({"matchLabels": {"open": "true", "more": "x"}}), true, true),
            (json!({"matchExpressions": [{"key": "open", "operator": "In", "values": ["true"]}]}), true, true),
            (
                json!({"matchExpressions": [{"key": "open", "operator": "In", "values": ["true", "false"]}]}),
                false,
                true,
            ),
            (json!({"matchExpressions": [{"key": "open", "operator": "Exists"}]}), false, true),
            (json!({"matchLabels": {"kubernetes.io/metadata.name": "app"}}), false, false),
            (json!({}), false, false),
        ] {
            let read = Selector::of(&selector);
            assert_eq!((read.demands("open", "true"), read.asks_for("open")), (demands, asks), "{selector}");
        }
    }
}
