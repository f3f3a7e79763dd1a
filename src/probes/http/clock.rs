use hyper::header::DATE;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    model::{Fact, Facts, Trouble},
    net::HttpRequest,
    probes::{Probe, Scope},
};

/// How far a server's clock is from ours, by the `Date` header of an answer.
///
/// The header counts whole seconds, so the middle of its second is compared with the middle of the answer's way.
/// Source: RFC 9110, section 6.6.1.
pub(in crate::probes) struct ServerClock;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// A path that answers quickly; the status does not matter.
    path: String,
}

impl Probe for ServerClock {
    const NAME: &'static str = "http.clock";
    const ABOUT: &'static str = "compares a server's clock with ours";
    const FACTS: &'static [Fact] = &[
        Fact { name: "offset_s", about: "the server's clock less ours, in seconds, ±0.5 for the header's grain" },
        Fact { name: "date", about: "the header" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let request = HttpRequest::get(&with.path);
        let before = Timestamp::now().as_millisecond();
        let answer = request.send(&scope.dialler, &scope.clock, &target.address, target.tls.as_ref()).await?;
        let after = Timestamp::now().as_millisecond();
        let date = answer.headers.get(DATE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let none = || Trouble::fault("response", "proto.malformed", "the answer has no `Date` header that can be read");
        let theirs = jiff::fmt::rfc2822::parse(&date).map_err(|_| none())?.timestamp().as_millisecond();
        Ok(Facts::from_iter([
            ("offset_s".to_owned(), json!(offset_s(theirs, before, after))),
            ("date".to_owned(), json!(date)),
        ]))
    }
}

/// The offset in seconds, where the header stands for any moment of its second.
fn offset_s(theirs_ms: i64, before_ms: i64, after_ms: i64) -> f64 {
    let ours = i64::midpoint(before_ms, after_ms);
    (theirs_ms + 500 - ours) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::offset_s;

    #[test]
    fn the_offset_is_taken_between_the_middles() {
        for (theirs, before, after, expected) in
            [(10_000, 10_400, 10_600, 0.0), (10_000, 10_999, 10_999, -0.499), (610_000, 10_500, 10_500, 600.0)]
        {
            assert!((offset_s(theirs, before, after) - expected).abs() < 1e-9);
        }
    }
}
