use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use hyper::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{base_url, pooled_client, request::authorize};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Asks the same question many times over connections that are kept, as applications do, and measures each answer.
///
/// The first answers pay for connecting, parsing and compiling, so some are asked before anything is measured.
pub(in crate::probes) struct Latency;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Path and query.
    path: String,
    /// A JSON body; then it is a POST.
    json: Option<Value>,
    /// How many answers are measured; 200 if not given.
    #[serde(default = "two_hundred")]
    requests: u16,
    /// How many are asked at once; 1 if not given.
    #[serde(default = "one")]
    at_once: u16,
}

fn two_hundred() -> u16 {
    200
}

fn one() -> u16 {
    1
}

const WARM_UP: u16 = 5;

/// The most of one answer that is read.
const MOST_BYTES: usize = 1024 * 1024;

impl Probe for Latency {
    const NAME: &'static str = "http.latency";
    const ABOUT: &'static str = "asks the same question many times over kept connections and measures each answer";
    const FACTS: &'static [Fact] = &[
        Fact { name: "requests", about: "how many answers were measured" },
        Fact { name: "failed", about: "how many of them had another status than 2xx" },
        Fact { name: "p50_ms", about: "the median, in milliseconds" },
        Fact { name: "p95_ms", about: "95 of 100 answers were at most this late, in milliseconds" },
        Fact { name: "p99_ms", about: "99 of 100 answers were at most this late, in milliseconds" },
        Fact { name: "max_ms", about: "the latest answer, in milliseconds" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        // The dial names its phases; the library's own connections come after it and cannot tell them apart.
        drop(scope.dialler.stream(&scope.clock, &target.address, target.tls.as_ref(), &[b"http/1.1"]).await?);
        let mut headers = HeaderMap::new();
        authorize(&mut headers, &target, None)?;
        let client = pooled_client(&scope, &target).await?;
        let url = format!("{}{}", base_url(&target), with.path);
        let question = Question { client, url, headers, json: with.json };
        scope.clock.phase("measure", question.measure(with.requests.max(1), usize::from(with.at_once.max(1)))).await
    }
}

struct Question {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
    json: Option<Value>,
}

impl Question {
    async fn measure(&self, requests: u16, at_once: usize) -> Result<Facts, Trouble> {
        for _ in 0..WARM_UP {
            self.ask().await?;
        }
        let answers: Vec<_> = stream::iter(0..requests).map(|_| self.ask()).buffer_unordered(at_once).collect().await;
        let mut times = Vec::with_capacity(answers.len());
        let mut failed = 0_u32;
        for answer in answers {
            let (took, good) = answer?;
            failed += u32::from(!good);
            times.push(took);
        }
        times.sort_unstable();
        let at = |percent| millis(percentile(&times, percent));
        Ok(Facts::from_iter([
            ("requests".to_owned(), json!(times.len())),
            ("failed".to_owned(), json!(failed)),
            ("p50_ms".to_owned(), at(50)),
            ("p95_ms".to_owned(), at(95)),
            ("p99_ms".to_owned(), at(99)),
            ("max_ms".to_owned(), at(100)),
        ]))
    }

    async fn ask(&self) -> Result<(Duration, bool), Trouble> {
        let failed = |error: reqwest::Error| Trouble::fault("measure", "proto.failed", chain(&error));
        let start = Instant::now();
        let request = match &self.json {
            Some(body) => self.client.post(&self.url).json(body),
            None => self.client.get(&self.url),
        };
        let mut answer = request.headers(self.headers.clone()).send().await.map_err(failed)?;
        let good = answer.status().is_success();
        // The whole body belongs to the answer, and an unread one would cost its connection.
        let mut read = 0;
        while let Some(part) = answer.chunk().await.map_err(failed)? {
            read += part.len();
            if read > MOST_BYTES {
                return Err(Trouble::fault(
                    "measure",
                    "proto.too_large",
                    format!("the body is larger than {MOST_BYTES} bytes"),
                ));
            }
        }
        Ok((start.elapsed(), good))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// The nearest-rank percentile of sorted times.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 100_000.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_of_the_nearest_rank() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        for (percent, expected) in [(50, 100), (95, 190), (99, 198), (100, 200)] {
            assert_eq!(percentile(&times, percent), Duration::from_millis(expected), "{percent}");
        }
        assert_eq!(percentile(&times[..1], 50), Duration::from_millis(1));
    }
}
