use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Facts, Mismatch, PlannedCheck, Severity, Trouble, TroubleKind, Verdict, likely_cause};

/// The verdict on one check and the words that explain it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence: what was observed. Empty for a pass.
    pub observed: String,
    /// Everything that was not as expected.
    pub mismatches: Vec<Mismatch>,
    /// Why it is likely so, where the kind of trouble tells.
    pub likely_cause: String,
}

/// Judges what a probe brought back. Pure: the same input gives the same verdict, always.
///
/// A *negative* check (one that names positive controls) asks for a refusal, and for the right reason of it: acceptance
/// is a failure, but a refusal for another reason, or a server that did not answer at all, tells nothing and is an error.
#[must_use]
pub fn judge(check: &PlannedCheck, outcome: &Result<Facts, Trouble>) -> Judgement {
    match outcome {
        Ok(facts) => judge_facts(check, facts),
        Err(trouble) => {
            let verdict = match trouble.kind {
                TroubleKind::Fault if check.is_negative() => Verdict::Error,
                TroubleKind::Fault => failed(check),
                TroubleKind::Unable => Verdict::Error,
            };
            let likely_cause = likely_cause(&trouble.class).to_owned();
            Judgement { verdict, observed: trouble.to_string(), mismatches: Vec::new(), likely_cause }
        }
    }
}

fn judge_facts(check: &PlannedCheck, facts: &Facts) -> Judgement {
    let mismatches = check.expect.mismatches(&Value::Object(facts.clone()));
    if mismatches.is_empty() {
        return Judgement { verdict: Verdict::Pass, observed: String::new(), mismatches, likely_cause: String::new() };
    }
    let was_accepted = mismatches.iter().any(|mismatch| mismatch.path == "accepted");
    let verdict = if check.is_negative() && !was_accepted { Verdict::Error } else { failed(check) };
    let sentences: Vec<_> = mismatches
        .iter()
        .take(4)
        .map(|one| format!("{} is {}, expected {}", one.path, one.observed, one.expected))
        .collect();
    let more = mismatches.len().saturating_sub(sentences.len());
    let mut observed = sentences.join("; ");
    if more > 0 {
        observed.push_str(&format!("; and {more} more"));
    }
    if verdict == Verdict::Error {
        observed = format!("refused, but not for the expected reason: {observed}");
    }
    Judgement { verdict, observed, mismatches, likely_cause: check.likely_cause.clone() }
}

fn failed(check: &PlannedCheck) -> Verdict {
    match check.severity {
        Severity::Required => Verdict::Fail,
        Severity::Advisory => Verdict::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PlannedCheck;
    use serde_json::json;

    fn check(severity: Severity, control: bool) -> PlannedCheck {
        let mut check = PlannedCheck::sample("redis/wrong-password-refused");
        check.severity = severity;
        check.expect =
            crate::model::Expectation::parse(&json!({"accepted": false, "code": "WRONGPASS"})).expect("valid");
        check.control = if control { vec!["redis/login".parse().expect("id")] } else { Vec::new() };
        check
    }

    fn facts(value: &Value) -> Facts {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn the_verdict_follows_severity_facts_and_trouble() {
        use Severity::{Advisory, Required};
        let refused_right = Ok(facts(&json!({"accepted": false, "code": "WRONGPASS"})));
        let refused_wrong = Ok(facts(&json!({"accepted": false, "code": "LOADING"})));
        let accepted = Ok(facts(&json!({"accepted": true, "code": null})));
        let fault = Err(Trouble::fault("tcp", "tcp.refused", "connection refused"));
        let unable = Err(Trouble::unable("dns", "harness.fd_limit", "too many open files"));
        let cases = [
            (Required, false, &refused_right, Verdict::Pass),
            (Required, false, &refused_wrong, Verdict::Fail),
            (Advisory, false, &refused_wrong, Verdict::Warn),
            (Required, false, &fault, Verdict::Fail),
            (Advisory, false, &fault, Verdict::Warn),
            (Required, false, &unable, Verdict::Error),
            (Advisory, false, &unable, Verdict::Error),
            (Required, true, &refused_right, Verdict::Pass),
            (Required, true, &refused_wrong, Verdict::Error),
            (Required, true, &accepted, Verdict::Fail),
            (Required, true, &fault, Verdict::Error),
            (Required, true, &unable, Verdict::Error),
        ];
        for (severity, control, outcome, expected) in cases {
            let judged = judge(&check(severity, control), outcome);
            assert_eq!(judged.verdict, expected, "{severity:?} control={control} {outcome:?}");
            assert_eq!(judged.observed.is_empty(), expected == Verdict::Pass);
        }
    }

    #[test]
    fn the_sentence_tells_four_mismatches_and_how_many_more_there_are() {
        for (count, more) in [(1, ""), (4, ""), (5, "; and 1 more"), (7, "; and 3 more")] {
            let mut check = check(Severity::Required, false);
            let wanted: Facts = (0..count).map(|number| (format!("fact-{number}"), json!(1))).collect();
            check.expect = crate::model::Expectation::parse(&Value::Object(wanted)).expect("valid");
            check.likely_cause = "somebody changed it".to_owned();
            let judged = judge(&check, &Ok(Facts::new()));
            let told: Vec<_> =
                (0..count.min(4)).map(|number| format!("fact-{number} is nothing, expected 1")).collect();
            assert_eq!(judged.observed, told.join("; ") + more);
            assert_eq!((judged.mismatches.len(), judged.likely_cause.as_str()), (count, "somebody changed it"));
        }
    }

    #[test]
    fn only_a_refusal_for_another_reason_is_called_one() {
        let called = |control: bool, outcome: &Result<Facts, Trouble>| {
            judge(&check(Severity::Required, control), outcome).observed.starts_with("refused, but not for")
        };
        let wrong = Ok(facts(&json!({"accepted": false, "code": "LOADING"})));
        let accepted = Ok(facts(&json!({"accepted": true, "code": null})));
        let fault = Err(Trouble::fault("op", "proto.timeout", "no answer"));
        let cases = [(true, &wrong, true), (false, &wrong, false), (true, &accepted, false), (true, &fault, false)];
        for (control, outcome, expected) in cases {
            assert_eq!(called(control, outcome), expected, "{control} {outcome:?}");
        }
    }
}
