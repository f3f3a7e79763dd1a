use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::data;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// One instant query in `PromQL`.
///
/// An empty result is an empty list, never a value: a metric that does not exist cannot look like zero.
/// Source: Prometheus, "HTTP API", instant queries.
pub(in crate::probes) struct Query;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The expression.
    query: String,
}

/// More series than this are counted, but not listed one by one.
const MOST_LISTED: usize = 200;

impl Probe for Query {
    const NAME: &'static str = "prometheus.query";
    const ABOUT: &'static str = "evaluates an expression now";
    const FACTS: &'static [Fact] = &[
        Fact { name: "value", about: "the value of the first series, or of the scalar; absent when there is none" },
        Fact { name: "series", about: "the series: {labels, value, at_seconds_ago}" },
        Fact { name: "count", about: "how many series there are" },
        Fact { name: "result_type", about: "vector, scalar, matrix or string" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("query", &with.query).finish();
        let data = data(&scope, &format!("/api/v1/query?{query}")).await?;
        facts_of(&data)
    }
}

fn facts_of(data: &Value) -> Result<Facts, Trouble> {
    let garbage = || Trouble::fault("request", "proto.garbage", "the answer to a query has no list `result`");
    let result = data["result"].as_array().ok_or_else(garbage)?;
    let mut series: Vec<Value> = match data["resultType"].as_str() {
        // A scalar is one pair of time and value.
        Some("scalar" | "string") => vec![sample(&Value::Null, &data["result"])],
        _ => result.iter().map(|one| sample(&one["metric"], &one["value"])).collect(),
    };
    let count = series.len();
    let mut facts = Facts::new();
    if let Some(value) = series.first().map(|first| first["value"].clone()) {
        facts.insert("value".to_owned(), value);
    }
    series.truncate(MOST_LISTED);
    facts.insert("series".to_owned(), Value::Array(series));
    facts.insert("count".to_owned(), json!(count));
    facts.insert("result_type".to_owned(), data["resultType"].clone());
    Ok(facts)
}

fn sample(labels: &Value, pair: &Value) -> Value {
    let at = pair[0].as_f64().map(|at| ((Timestamp::now().as_millisecond() as f64 - at * 1_000.0).round()) / 1_000.0);
    json!({"labels": labels, "value": number(&pair[1]), "at_seconds_ago": at})
}

/// Numbers travel as text; `NaN` and the infinities, which JSON cannot hold, stay text.
fn number(value: &Value) -> Value {
    match value.as_str().and_then(|text| text.parse::<f64>().ok()) {
        Some(number) if number.is_finite() => json!(number),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_found_is_no_value() {
        let facts = facts_of(&json!({"resultType": "vector", "result": []})).expect("facts");
        assert_eq!(facts.get("value"), None);
        assert_eq!(facts["count"], json!(0));
    }

    #[test]
    fn values_are_numbers_and_not_a_number_stays_text() {
        for (result_type, result, expected) in [
            ("vector", json!([{"metric": {"job": "a"}, "value": [1.5, "3"]}]), json!(3.0)),
            ("vector", json!([{"metric": {}, "value": [1.5, "NaN"]}]), json!("NaN")),
            ("scalar", json!([1.5, "+Inf"]), json!("+Inf")),
            ("scalar", json!([1.5, "1"]), json!(1.0)),
        ] {
            let facts = facts_of(&json!({"resultType": result_type, "result": result})).expect("facts");
            assert_eq!(facts["value"], expected);
        }
        assert!(facts_of(&json!({"resultType": "vector"})).is_err());
    }
}
