use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{Sample, Source, samples::Samples};
use crate::{
    cluster::{Api, collection},
    model::{Right, Trouble},
    net::Clock,
};

/// How often a pod that is not running yet is asked for.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How often a log that broke off is read again.
const MOST_RETURNS: usize = 20;

/// Waits until a pod runs (or has run); its address.
pub(super) async fn running(api: &Api, clock: &Clock, namespace: &str, name: &str) -> Result<String, Trouble> {
    let path = format!("{}/{name}", collection("v1", "pods", Some(namespace)));
    let right = Right::within(namespace, "", "pods", "get");
    let mut last = "it was not seen".to_owned();
    while !clock.left().is_zero() {
        if let Some(pod) = api.get(clock, &path, &right).await? {
            let status = &pod["status"];
            let address = status["podIP"].as_str().unwrap_or_default();
            let started = status["containerStatuses"][0]["state"]["running"].is_object();
            if started && !address.is_empty() {
                return Ok(address.to_owned());
            }
            if matches!(status["phase"].as_str(), Some("Failed" | "Succeeded")) {
                return Err(Trouble::unable(
                    "vantage",
                    "vantage.lost",
                    format!("probe pod {namespace}/{name} ended at once: {}", told(status)),
                ));
            }
            last = told(status);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    let text = format!("probe pod {namespace}/{name} did not start: {last}");
    Err(Trouble::unable("vantage", "vantage.not_started", text))
}

/// Why a pod does not run, in the words of the node or the scheduler.
fn told(status: &Value) -> String {
    let waiting = &status["containerStatuses"][0]["state"];
    let texts = [
        waiting["waiting"]["reason"].as_str(),
        waiting["waiting"]["message"].as_str(),
        waiting["terminated"]["reason"].as_str(),
        status["conditions"][0]["message"].as_str(),
        status["reason"].as_str(),
        status["phase"].as_str(),
    ];
    let said: Vec<&str> = texts.into_iter().flatten().collect();
    if said.is_empty() { "no status yet".to_owned() } else { said.join(": ") }
}

/// Follows a pod's log into the samples until the pod ends. A log that breaks off is read again from its beginning, and
/// what is known already is skipped by its number.
pub(super) async fn follow(api: Api, namespace: String, name: String, source: Source, samples: Arc<Samples>) {
    let path = format!("{}/{name}/log?follow=true", collection("v1", "pods", Some(&namespace)));
    let mut next = 0;
    let mut why = "its log ended".to_owned();
    for _ in 0..MOST_RETURNS {
        let mut lines = match api.lines(&path).await {
            Ok(lines) => lines,
            Err(trouble) => {
                why = trouble.to_string();
                tokio::time::sleep(ASK_EVERY).await;
                continue;
            }
        };
        while let Some(line) = lines.next().await {
            let Ok(sample) = serde_json::from_str::<Sample>(&line) else {
                // What is no sample is a pod's last words.
                why = crate::model::clip(&crate::model::one_line(&line), 200);
                continue;
            };
            if sample.seq >= next {
                next = sample.seq + 1;
                samples.add(&source, sample);
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    samples.lose(&source, why);
}
