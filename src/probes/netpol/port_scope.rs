use std::time::Duration;

use serde_json::{Value, json};

use super::vantages::vantages;
use crate::{
    cluster::vantage::{Outcome, Source, rights},
    model::{Fact, Facts, Right, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// How long the attempts may take to settle.
const WITHIN: Duration = Duration::from_secs(10);

/// Whether a permitted namespace reaches only the contract's ports of the pods, and none of the others that their
/// containers declare: controllers, peers, metrics.
///
/// Where the enforcer drops packets, a refusal came from the pod itself: the packet got through. Where it rejects them,
/// a refusal may be either, and says nothing; the canary tells which of the two it is.
pub(in crate::probes) struct PortScope;

impl Probe for PortScope {
    const NAME: &'static str = "netpol.port_scope";
    const ABOUT: &'static str =
        "connects from a permitted namespace to every declared port of the pods that is no contract port";
    const FACTS: &'static [Fact] = &[
        Fact { name: "ports", about: "the ports that were tried: {to, port, outcomes}" },
        Fact { name: "tried", about: "how many they are" },
        Fact { name: "open", about: "those that a packet got through to" },
        Fact { name: "undecided", about: "those whose refusal may be the enforcer's or the pod's" },
        Fact { name: "refusal", about: "how this enforcer refuses: timed_out or refused" },
    ];
    const WRITES: bool = true;
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = NoParameters;

    fn rights(_: &NoParameters, namespace: &str) -> Vec<Right> {
        rights(namespace)
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let vantages = vantages(&scope).await?;
        let directory = &vantages.directory;
        let contract: Vec<&String> = directory.services.values().flat_map(|service| &service.endpoints).collect();
        let others: Vec<(&String, &String)> =
            directory.declared.iter().filter(|(to, _)| !contract.contains(to)).collect();
        let mode = refusal_mode(&scope, &vantages).await?;
        let (mut ports, mut open, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
        let since = vantages.from_now(&Source::Labelled);
        for (to, what) in others {
            let waiting = vantages.becomes(&Source::Labelled, to, false, since, WITHIN);
            scope.clock.phase("reach", waiting).await?;
            let attempts = vantages.attempts(&Source::Labelled, to, since);
            let has = |outcome| attempts.iter().any(|attempt| attempt.outcome == outcome);
            if has(Outcome::Connected) || (has(Outcome::Refused) && mode == Outcome::TimedOut) {
                open.push(what.clone());
            } else if has(Outcome::Refused) {
                undecided.push(what.clone());
            }
            let mut outcomes: Vec<&str> = attempts.iter().map(|attempt| attempt.outcome.word()).collect();
            outcomes.sort_unstable();
            outcomes.dedup();
            ports.push(json!({"to": to, "port": what, "outcomes": outcomes}));
        }
        if !undecided.is_empty() && open.is_empty() {
            let text = format!("this enforcer rejects, so a refusal says nothing of: {}", undecided.join("; "));
            return Err(Trouble::unable("reach", "netpol.ambiguous", text));
        }
        Ok(Facts::from_iter([
            ("tried".to_owned(), json!(ports.len())),
            ("ports".to_owned(), Value::Array(ports)),
            ("open".to_owned(), json!(open)),
            ("undecided".to_owned(), json!(undecided)),
            ("refusal".to_owned(), json!(mode.word())),
        ]))
    }
}

/// How an unlabelled source fares at a contract port: that is how this enforcer refuses.
async fn refusal_mode(scope: &Scope, vantages: &crate::cluster::vantage::Vantages) -> Result<Outcome, Trouble> {
    let undecided = || Trouble::unable("reach", "netpol.no_twin", "no refusal was seen to compare with");
    let to =
        vantages.directory.services.values().find_map(|service| service.endpoints.first()).ok_or_else(undecided)?;
    let since = vantages.from_now(&Source::Unlabelled);
    let waiting = vantages.becomes(&Source::Unlabelled, to, false, since, WITHIN);
    let settled = scope.clock.phase("reach", waiting).await?.ok_or_else(undecided)?;
    Ok(super::canary::class_of(&settled))
}
