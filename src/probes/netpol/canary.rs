use std::time::Duration;

use serde_json::{Value, json};

use super::vantages::vantages;
use crate::{
    cluster::vantage::{Outcome, Settled, Source, Vantages, rights},
    model::{Fact, Facts, Right, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// How long a policy may take to hold. The API promises only that it will, some time.
const WITHIN: Duration = Duration::from_secs(30);

/// Whether the cluster enforces `NetworkPolicies` at all, proved on a server of our own in a scratch namespace.
///
/// Open, closed by a deny policy, opened to one namespace by an allow policy and to no other, closed again, open again.
/// Without the first and the third a dead server would look like perfect enforcement; without this probe every policy
/// object is decoration, because the API server takes them whether somebody enforces them or not.
/// Sources: Kubernetes, "Network Policies"; kubernetes e2e `test/e2e/network/netpol`.
pub(in crate::probes) struct Canary;

impl Probe for Canary {
    const NAME: &'static str = "netpol.canary";
    const ABOUT: &'static str =
        "opens and closes a server of our own by NetworkPolicies and watches from two namespaces";
    const FACTS: &'static [Fact] = &[
        Fact { name: "open_first", about: "whether it was reachable before any policy" },
        Fact { name: "closed", about: "whether a deny policy closed it" },
        Fact { name: "opened_to_one", about: "whether an allow policy opened it to the namespace it names" },
        Fact { name: "closed_to_others", about: "whether it stayed closed to the other namespace meanwhile" },
        Fact { name: "closed_again", about: "whether it closed when the allow policy was withdrawn" },
        Fact { name: "open_last", about: "whether it was reachable again without policies" },
        Fact {
            name: "refusal",
            about: "how a denied source fares: timed_out where packets are dropped, refused where they are rejected",
        },
        Fact { name: "seconds", about: "how long each state took to come: {closed, opened, closed_again, open}" },
    ];
    const WRITES: bool = true;
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = NoParameters;

    fn rights(_: &NoParameters, namespace: &str) -> Vec<Right> {
        rights(namespace)
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let vantages = vantages(&scope).await?;
        let course = Course { scope: &scope, vantages: &vantages };
        let outcome = course.run().await;
        // The check may be made again; a policy left from this time would be its first state.
        let clean = scope.for_clean_up();
        let _ = vantages.withdraw(&clean.clock, "allow").await;
        let _ = vantages.withdraw(&clean.clock, "deny").await;
        outcome
    }
}

struct Course<'a> {
    scope: &'a Scope,
    vantages: &'a Vantages,
}

impl Course<'_> {
    async fn run(&self) -> Result<Facts, Trouble> {
        let (clock, vantages) = (&self.scope.clock, self.vantages);
        let mut facts = Facts::new();
        let mut tell = |name: &str, value: bool| {
            facts.insert(name.to_owned(), json!(value));
            value
        };
        let mut seconds = serde_json::Map::new();
        let mut refusal = Value::Null;
        // Each state is looked for only when the one before came: otherwise it says nothing.
        'course: {
            let open = self.state("open", &Source::Labelled, true).await?.is_some()
                && self.state("open", &Source::Unlabelled, true).await?.is_some();
            if !tell("open_first", open) {
                break 'course;
            }
            vantages.close_canary(clock).await?;
            let closed = self.state("closed", &Source::Labelled, false).await?;
            if let Some(settled) = &closed {
                seconds.insert("closed".to_owned(), json!(settled.after_ms as f64 / 1_000.0));
                refusal = json!(class_of(settled).word());
            }
            if !tell("closed", closed.is_some()) {
                break 'course;
            }
            vantages.open_canary_to(clock, &Source::Labelled).await?;
            let opened = self.state("opened", &Source::Labelled, true).await?;
            if let Some(settled) = &opened {
                seconds.insert("opened".to_owned(), json!(settled.after_ms as f64 / 1_000.0));
            }
            if !tell("opened_to_one", opened.is_some()) {
                break 'course;
            }
            tell("closed_to_others", self.state("closed_to_others", &Source::Unlabelled, false).await?.is_some());
            vantages.withdraw(clock, "allow").await?;
            let closed = self.state("closed_again", &Source::Labelled, false).await?;
            if let Some(settled) = &closed {
                seconds.insert("closed_again".to_owned(), json!(settled.after_ms as f64 / 1_000.0));
            }
            tell("closed_again", closed.is_some());
            vantages.withdraw(clock, "deny").await?;
            let open = self.state("open_again", &Source::Labelled, true).await?;
            if let Some(settled) = &open {
                seconds.insert("open".to_owned(), json!(settled.after_ms as f64 / 1_000.0));
            }
            tell("open_last", open.is_some());
        }
        facts.insert("refusal".to_owned(), refusal);
        facts.insert("seconds".to_owned(), Value::Object(seconds));
        Ok(facts)
    }

    async fn state(&self, phase: &str, source: &Source, connected: bool) -> Result<Option<Settled>, Trouble> {
        let since = self.vantages.from_now(source);
        let waiting = self.vantages.becomes(source, self.vantages.canary(), connected, since, WITHIN);
        self.scope.clock.phase(phase, waiting).await
    }
}

/// The class that most attempts ended in.
pub(super) fn class_of(settled: &Settled) -> Outcome {
    settled.outcomes.iter().max_by_key(|(_, count)| **count).map_or(Outcome::NotRun, |(outcome, _)| *outcome)
}
