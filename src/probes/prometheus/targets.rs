use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{age_seconds, data, seconds};
use crate::{
    model::{Fact, Facts, Trouble, clip, printable},
    probes::{Probe, Scope},
};

/// What Prometheus scrapes, from its list of targets, not from `up`.
///
/// `PromQL` looks back five minutes, so a target that vanished still shows there; and "all targets are up" is true of a
/// job whose targets were all dropped by relabelling, so dropped ones are counted too.
/// Source: Prometheus, "HTTP API", targets.
pub(in crate::probes) struct ScrapeTargets;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Only the targets of this job; all of them if not given.
    job: Option<String>,
    /// Only the targets of these jobs; all of them if not given.
    jobs: Option<Vec<String>>,
    /// No targets of these jobs.
    #[serde(default)]
    except: Vec<String>,
}

/// More targets than this are counted, but not listed one by one.
const MOST_LISTED: usize = 500;

impl Probe for ScrapeTargets {
    const NAME: &'static str = "prometheus.targets";
    const ABOUT: &'static str = "lists what Prometheus scrapes, with health, age and labels";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "targets",
            about: "the active targets: {job, instance, health, last_error, age_seconds, age_intervals, interval_seconds, interval, duration_seconds, labels}",
        },
        Fact { name: "count", about: "how many active targets there are" },
        Fact { name: "dropped", about: "how many targets relabelling dropped, of all jobs" },
        Fact { name: "by_job", about: "how many active targets each job has" },
        Fact { name: "jobs", about: "the jobs that have an active target" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let data = data(&scope, "/api/v1/targets").await?;
        facts_of(&data, |job| {
            with.job.as_ref().is_none_or(|wanted| wanted == job)
                && with.jobs.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == job))
                && !with.except.iter().any(|unwanted| unwanted == job)
        })
    }
}

fn facts_of(data: &Value, is_wanted: impl Fn(&str) -> bool) -> Result<Facts, Trouble> {
    let active = data["activeTargets"]
        .as_array()
        .ok_or_else(|| Trouble::fault("request", "proto.garbage", "the list of targets has no `activeTargets`"))?;
    let mut by_job: Map<String, Value> = Map::new();
    let mut targets = Vec::new();
    for target in active {
        let job = job_of(target);
        if !is_wanted(job) {
            continue;
        }
        let count = by_job.get(job).and_then(Value::as_u64).unwrap_or(0) + 1;
        by_job.insert(job.to_owned(), json!(count));
        targets.push(target_of(target));
    }
    let count = targets.len();
    targets.truncate(MOST_LISTED);
    let jobs: Vec<&String> = by_job.keys().collect();
    Ok(Facts::from_iter([
        ("jobs".to_owned(), json!(jobs)),
        ("targets".to_owned(), Value::Array(targets)),
        ("count".to_owned(), json!(count)),
        ("dropped".to_owned(), json!(dropped_of(data))),
        ("by_job".to_owned(), Value::Object(by_job)),
    ]))
}

/// The label `job` decides; `scrapePool` is the name in the configuration, which relabelling may have changed.
fn job_of(target: &Value) -> &str {
    target["labels"]["job"].as_str().or_else(|| target["scrapePool"].as_str()).unwrap_or_default()
}

/// Newer servers count dropped targets per pool and may list none of them (`keep_dropped_targets`).
fn dropped_of(data: &Value) -> u64 {
    match data["droppedTargetCounts"].as_object() {
        Some(counts) => counts.values().filter_map(Value::as_u64).sum(),
        None => data["droppedTargets"].as_array().map_or(0, Vec::len) as u64,
    }
}

fn target_of(target: &Value) -> Value {
    let text = |name: &str| clip(&printable(target[name].as_str().unwrap_or_default()), 300);
    let age = age_seconds(&target["lastScrape"]);
    let interval = target["scrapeInterval"].as_str().and_then(seconds);
    let in_intervals = match (age, interval) {
        (Some(age), Some(interval)) if interval > 0.0 => Some((age / interval * 100.0).round() / 100.0),
        _ => None,
    };
    json!({
        "job": job_of(target),
        "instance": target["labels"]["instance"],
        "health": target["health"],
        "last_error": text("lastError"),
        "age_seconds": age,
        "age_intervals": in_intervals,
        "interval_seconds": interval,
        "interval": target["scrapeInterval"],
        "duration_seconds": target["lastScrapeDuration"],
        "labels": target["labels"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Value {
        let scraped = jiff::Timestamp::now().to_string();
        json!({
            "activeTargets": [
                {"labels": {"job": "redis", "instance": "a:1"}, "scrapePool": "redis", "health": "up", "lastError": "",
                 "lastScrape": scraped, "scrapeInterval": "15s", "lastScrapeDuration": 0.01},
                {"labels": {"job": "opa"}, "health": "unknown", "lastError": "", "lastScrape": "0001-01-01T00:00:00Z", "scrapeInterval": "15s"},
            ],
            "droppedTargets": [{}, {}],
        })
    }

    #[test]
    fn targets_are_counted_by_job_and_an_unscraped_one_has_no_age() {
        let facts = Value::Object(facts_of(&data(), |_| true).expect("facts"));
        assert_eq!(facts["by_job"], json!({"redis": 1, "opa": 1}));
        assert_eq!((&facts["count"], &facts["dropped"]), (&json!(2), &json!(2)));
        assert!(facts["targets"][0]["age_intervals"].as_f64().is_some_and(|age| age < 1.0));
        assert_eq!(facts["targets"][1]["age_seconds"], Value::Null);
    }

    #[test]
    fn a_job_without_targets_is_an_empty_list_and_not_everybody() {
        let facts = Value::Object(facts_of(&data(), |job| job == "kafka").expect("facts"));
        assert_eq!((&facts["count"], &facts["targets"]), (&json!(0), &json!([])));
    }

    #[test]
    fn an_answer_without_the_list_is_garbage() {
        assert_eq!(facts_of(&json!({}), |_| true).expect_err("garbage").class, "proto.garbage");
    }
}
