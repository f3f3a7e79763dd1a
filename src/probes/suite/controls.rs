use serde_json::json;

use crate::{
    model::{Fact, Facts, Trouble, Verdict},
    probes::{FinishedCheck, NoParameters, Probe, Scope},
};

/// Whether every refusal of this run was seen beside its positive control.
///
/// A server that refuses everybody passes every "must be refused" check; only a control that was let in by the same
/// server in the same run gives a refusal its meaning.
pub(in crate::probes) struct Controls;

impl Probe for Controls {
    const NAME: &'static str = "suite.controls";
    const ABOUT: &'static str = "looks at this run: every passed refusal beside its positive controls";
    const FACTS: &'static [Fact] = &[
        Fact { name: "refusals", about: "checks of this run that asked for a refusal and passed" },
        Fact { name: "without_control", about: "those of them without a control that passed" },
    ];
    const NEEDS_TARGET: bool = false;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let finished = scope.view.finished();
        let refusals: Vec<&FinishedCheck> =
            finished.iter().filter(|check| !check.control.is_empty() && check.verdict == Verdict::Pass).collect();
        let without: Vec<&str> =
            refusals.iter().filter(|check| !is_controlled(check, &finished)).map(|check| check.id.as_str()).collect();
        Ok(Facts::from_iter([
            ("refusals".to_owned(), json!(refusals.len())),
            ("without_control".to_owned(), json!(without)),
        ]))
    }
}

fn is_controlled(check: &FinishedCheck, finished: &[FinishedCheck]) -> bool {
    check
        .control
        .iter()
        .all(|control| finished.iter().any(|other| other.id == *control && other.verdict == Verdict::Pass))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(id: &str, verdict: Verdict, control: &[&str]) -> FinishedCheck {
        let control = control.iter().map(|id| id.parse().expect("id")).collect();
        FinishedCheck { id: id.parse().expect("id"), verdict, control }
    }

    #[test]
    fn a_refusal_counts_only_beside_a_control_that_passed() {
        let refusal = finished("redis/wrong-password", Verdict::Pass, &["redis/login"]);
        for (verdict, expected) in [(Verdict::Pass, true), (Verdict::Fail, false), (Verdict::Skip, false)] {
            assert_eq!(is_controlled(&refusal, &[finished("redis/login", verdict, &[])]), expected, "{verdict}");
        }
        assert!(!is_controlled(&refusal, &[]));
    }
}
