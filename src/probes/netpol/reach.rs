use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::vantages::vantages;
use crate::{
    cluster::vantage::{Outcome, Sample, Source, Vantages, rights},
    model::{Fact, Facts, HostPort, Right, Trouble},
    probes::{Probe, Scope},
};

/// How long a path may take to settle: a policy engine learns new pods late.
const WITHIN: Duration = Duration::from_secs(10);
/// How many attempts of the judged source are looked at.
const ATTEMPTS: usize = 3;

/// Whether a source reaches a Service, by its own address or by those of its pods.
///
/// A denial is a fact only beside its twin: the permitted source must have connected to the same address in the same
/// second. Where it did not, the service may just be down, and nobody can tell. Each attempt keeps its class.
/// Sources: Kubernetes, "Network Policies"; agnhost `connect` for the classes; cyclonus, whose count of every failure as
/// "blocked" is the trap avoided here.
pub(in crate::probes) struct Reach;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Where the bytes start from.
    from: From,
    /// The service's declared address, `NAME.NAMESPACE.svc…:PORT`.
    to: String,
    /// By which addresses.
    by: By,
    /// What is expected; it decides only how long is waited, and whether a twin is needed.
    #[serde(default)]
    denied: bool,
}

/// Where the bytes start from.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum From {
    Labelled,
    Unlabelled,
    PodLabelled,
    LabelledFalse,
    OtherCase,
    Application,
}

/// By which of its addresses a Service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum By {
    /// The Service's own.
    Service,
    /// Those of its ready endpoints.
    Pod,
}

impl Probe for Reach {
    const NAME: &'static str = "netpol.reach";
    const ABOUT: &'static str = "connects from a probe pod to a Service or its pods, beside a permitted twin";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether any attempt to any of the addresses connected" },
        Fact { name: "all_connected", about: "whether the attempts to every address connected" },
        Fact {
            name: "outcomes",
            about: "the classes of the attempts, each once: connected, timed_out, refused, unreachable",
        },
        Fact {
            name: "twin_connected",
            about: "whether the permitted twin connected to each address in the same second",
        },
        Fact { name: "from", about: "the source, in a word" },
        Fact { name: "rows", about: "per address: {to, outcomes, twin, after_s}" },
    ];
    const WRITES: bool = true;
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        rights(namespace)
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let vantages = vantages(&scope).await?;
        let source = source_of(&scope, with.from)?;
        let addresses = addresses_of(&vantages, &with)?;
        let look = addresses.iter().map(|to| row(&scope, &vantages, &source, to, with.denied));
        let rows = futures::future::try_join_all(look).await?;
        Ok(facts_of(&source, &rows))
    }
}

/// What was seen of one address.
#[derive(Debug, Clone)]
pub(super) struct Row {
    to: String,
    attempts: Vec<Sample>,
    twins: Vec<Option<Outcome>>,
}

fn source_of(scope: &Scope, from: From) -> Result<Source, Trouble> {
    Ok(match from {
        From::Labelled => Source::Labelled,
        From::Unlabelled => Source::Unlabelled,
        From::PodLabelled => Source::PodLabelled,
        From::LabelledFalse => Source::LabelledFalse,
        From::OtherCase => Source::OtherCase,
        From::Application => {
            let cluster = scope.targets.get("kubernetes").and_then(|target| target.cluster.as_ref());
            let namespace = cluster.and_then(|cluster| cluster.application.clone());
            Source::Application(namespace.ok_or_else(|| {
                Trouble::unable("plan", "harness.no_application", "the run is made for no application's namespace")
            })?)
        }
    })
}

fn addresses_of(vantages: &Vantages, with: &With) -> Result<Vec<String>, Trouble> {
    let address: HostPort = with.to.parse().map_err(|error| Trouble::unable("plan", "harness.parameters", error))?;
    let name = address.host.split('.').next().unwrap_or_default();
    let none = |what: &str| Trouble::unable("vantage", "vantage.no_address", format!("Service `{name}` has no {what}"));
    let service = vantages.directory.services.get(name).ok_or_else(|| none("entry in the namespace"))?;
    let own: Vec<String> =
        service.cluster.iter().filter(|to| to.ends_with(&format!(":{}", address.port))).cloned().collect();
    // A Service's other ports, of metrics or peers, are not promised to applications.
    let found = if with.by == By::Service { own } else { service.behind(address.port) };
    let what = if with.by == By::Service { "address with that port" } else { "ready endpoint behind that port" };
    if found.is_empty() { Err(none(what)) } else { Ok(found) }
}

/// Looks at one address until the attempts say what is expected of them, or the time for that is over.
pub(super) async fn row(
    scope: &Scope,
    vantages: &Vantages,
    source: &Source,
    to: &str,
    denied: bool,
) -> Result<Row, Trouble> {
    let since = vantages.from_now(source);
    let waiting = vantages.becomes(source, to, !denied, since, WITHIN);
    let settled = scope.clock.phase("reach", waiting).await?;
    let attempts = match settled {
        // Of a denial every attempt counts: one that got through is a hole, however short.
        Some(settled) if !denied => settled.attempts.into_iter().take(ATTEMPTS).collect(),
        _ => vantages.attempts(source, to, since),
    };
    let twins = attempts.iter().map(|attempt| vantages.twin(&Source::Labelled, attempt)).collect();
    let row = Row { to: to.to_owned(), attempts, twins };
    if denied && *source != Source::Labelled && !row.is_accepted() && !row.twin_connected() {
        let text = format!(
            "{to} did not answer {}, but the permitted twin did not connect in the same second either: that is no \
             denial, the service may just be down",
            source.word()
        );
        return Err(Trouble::unable("reach", "netpol.no_twin", text));
    }
    Ok(row)
}

impl Row {
    fn is_accepted(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.outcome == Outcome::Connected)
    }

    fn all_connected(&self) -> bool {
        !self.attempts.is_empty() && self.attempts.iter().all(|attempt| attempt.outcome == Outcome::Connected)
    }

    /// Whether the twin connected at least once, and never failed, beside the attempts.
    fn twin_connected(&self) -> bool {
        let seen: Vec<Outcome> = self.twins.iter().flatten().copied().collect();
        !seen.is_empty() && seen.iter().all(|outcome| *outcome == Outcome::Connected)
    }

    pub(super) fn outcomes(&self) -> BTreeMap<&'static str, usize> {
        let mut outcomes = BTreeMap::new();
        for attempt in &self.attempts {
            *outcomes.entry(attempt.outcome.word()).or_insert(0) += 1;
        }
        outcomes
    }
}

pub(super) fn facts_of(source: &Source, rows: &[Row]) -> Facts {
    let mut classes: Vec<&str> = rows.iter().flat_map(|row| row.outcomes().into_keys()).collect();
    classes.sort_unstable();
    classes.dedup();
    let listed: Vec<Value> = rows
        .iter()
        .map(|row| {
            let twins: BTreeMap<&str, usize> = row.twins.iter().flatten().fold(BTreeMap::new(), |mut all, outcome| {
                *all.entry(outcome.word()).or_insert(0) += 1;
                all
            });
            json!({"to": row.to, "outcomes": row.outcomes(), "twin": twins})
        })
        .collect();
    Facts::from_iter([
        ("accepted".to_owned(), json!(rows.iter().any(Row::is_accepted))),
        ("all_connected".to_owned(), json!(!rows.is_empty() && rows.iter().all(Row::all_connected))),
        ("outcomes".to_owned(), json!(classes)),
        ("twin_connected".to_owned(), json!(!rows.is_empty() && rows.iter().all(Row::twin_connected))),
        ("from".to_owned(), json!(source.word())),
        ("rows".to_owned(), Value::Array(listed)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(outcomes: &[Outcome], twins: &[Option<Outcome>]) -> Row {
        let sample = |(at, outcome): (usize, &Outcome)| Sample {
            seq: at as u64,
            to: "10.0.0.1:1".to_owned(),
            at_ms: 0,
            outcome: *outcome,
            took_us: 1,
        };
        Row {
            to: "10.0.0.1:1".to_owned(),
            attempts: outcomes.iter().enumerate().map(sample).collect(),
            twins: twins.to_vec(),
        }
    }

    #[test]
    fn one_attempt_that_got_through_is_an_open_door() {
        use Outcome::{Connected, TimedOut};
        let facts = facts_of(&Source::Unlabelled, &[row(&[TimedOut, Connected, TimedOut], &[Some(Connected)])]);
        assert_eq!(facts["accepted"], json!(true));
        assert_eq!(facts["all_connected"], json!(false));
    }

    #[test]
    fn a_twin_that_failed_once_is_no_twin() {
        use Outcome::{Connected, Refused, TimedOut};
        for (twins, expected) in [
            (vec![Some(Connected), None, Some(Connected)], true),
            (vec![Some(Connected), Some(Refused), Some(Connected)], false),
            (vec![None, None, None], false),
        ] {
            assert_eq!(row(&[TimedOut, TimedOut, TimedOut], &twins).twin_connected(), expected, "{twins:?}");
        }
    }

    #[test]
    fn nothing_looked_at_is_nothing_reached_and_nothing_denied() {
        let facts = facts_of(&Source::Labelled, &[]);
        assert_eq!((&facts["all_connected"], &facts["twin_connected"]), (&json!(false), &json!(false)));
    }
}
