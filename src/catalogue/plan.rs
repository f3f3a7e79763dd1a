use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::{
    Catalogue, Configuration, Diagnostics, Selector, diagnostics::suggestion, draft::Planner, needs, select::Wanted,
};
use crate::model::{CheckId, Plan, PlannedCheck, ProbeDescriptor, Profile, RunId, Selection, Severity, Waiver};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// Patterns of checks; empty means all of the profile.
    pub only: Vec<Selector>,
    /// Patterns of checks to leave out.
    pub without: Vec<Selector>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only checks with one of these tags.
    pub tags: Vec<String>,
    /// Whether to skip writing checks.
    pub read_only: bool,
    /// Whether advisory checks decide too.
    pub strict: bool,
    /// How long the run may take.
    pub deadline: Duration,
    /// Checks at once.
    pub jobs: usize,
    /// How long to wait for readiness.
    pub wait: Duration,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The data files are faulty.
    #[error("the data files are faulty")]
    Faults(Diagnostics),
    /// A pattern matches no check at all.
    #[error("no check matches `{pattern}`")]
    Unmatched {
        /// The pattern.
        pattern: String,
        /// A known name near it.
        near: Option<String>,
    },
    /// Every pattern is good, but nothing is left.
    #[error("the selection leaves no check of profile `{profile}`")]
    NothingSelected {
        /// The profile.
        profile: Profile,
    },
}

/// Resolves the catalogue for an environment and fixes the exact list of checks.
///
/// # Errors
/// Every fault of the data files at once, a pattern that matches nothing, or an empty selection.
pub fn make_plan(
    catalogue: &Catalogue,
    configuration: &Configuration,
    probes: &[ProbeDescriptor],
    request: &PlanRequest,
    diagnostics: Diagnostics,
) -> Result<Plan, PlanError> {
    let run = RunId::new();
    let mut context = configuration.context();
    context["run"] = json!({"id": run.as_str(), "name": run.scratch_name(), "identifier": run.scratch_identifier()});
    let planner = Planner::new(catalogue, configuration, probes, context, diagnostics);
    let (checks, not_applicable) = planner.plan().map_err(PlanError::Faults)?;
    let everything: Vec<CheckId> =
        checks.iter().map(|check| check.id.clone()).chain(not_applicable.keys().cloned()).collect();
    for selector in request.only.iter().chain(&request.without) {
        if !everything.iter().any(|id| selector.matches(id)) {
            return Err(PlanError::Unmatched {
                pattern: selector.text().to_owned(),
                near: near(selector.text(), &everything),
            });
        }
    }
    let (mut checks, left_out) = select(checks, request);
    if checks.is_empty() {
        return Err(PlanError::NothingSelected { profile: configuration.profile });
    }
    let unmatched_waivers = waive(&mut checks, &configuration.waivers, &everything);
    for check in checks.iter_mut().filter(|check| check.writes && request.read_only && check.skip.is_none()) {
        check.skip = Some("it writes to the server, and --read-only was given".to_owned());
    }
    mark_waiting(&mut checks, request.strict);
    let text = |selectors: &[Selector]| selectors.iter().map(|selector| selector.text().to_owned()).collect();
    Ok(Plan {
        run,
        profile: configuration.profile,
        checks,
        selection: Selection {
            only: text(&request.only),
            without: text(&request.without),
            severity: request.severity,
            tags: request.tags.clone(),
            left_out,
        },
        not_applicable,
        read_only: request.read_only,
        strict: request.strict,
        configuration_digest: configuration.digest(),
        catalogue_digest: catalogue.digest.clone(),
        deadline_ms: u64::try_from(request.deadline.as_millis()).unwrap_or(u64::MAX),
        jobs: request.jobs,
        wait_ms: u64::try_from(request.wait.as_millis()).unwrap_or(u64::MAX),
        unmatched_waivers,
        sharding: None,
    })
}

fn select(checks: Vec<PlannedCheck>, request: &PlanRequest) -> (Vec<PlannedCheck>, usize) {
    let wanted =
        Wanted { only: &request.only, without: &request.without, severity: request.severity, tags: &request.tags };
    let asked = checks
        .iter()
        .filter(|check| wanted.wants(&check.id, check.severity, &check.tags))
        .map(|check| check.id.clone());
    let chosen = needs::closure(asked.collect(), &checks);
    let before = checks.len();
    let kept: Vec<PlannedCheck> =
        checks.into_iter().filter(|check| chosen.contains(&check.id) && !wanted.refuses(&check.id)).collect();
    let ids: BTreeSet<CheckId> = kept.iter().map(|check| check.id.clone()).collect();
    let left_out = before - kept.len();
    let kept = kept
        .into_iter()
        .map(|mut check| {
            // A need that the user left out cannot hold its dependants back; a control is no mere need.
            check.needs.retain(|need| ids.contains(need));
            if check.control.iter().any(|control| !ids.contains(control)) {
                check.skip = Some("its positive control was left out of the selection".to_owned());
            }
            check
        })
        .collect();
    (kept, left_out)
}

/// Marks what `--wait` waits for: the checks that decide, and everything they need.
fn mark_waiting(checks: &mut [PlannedCheck], strict: bool) {
    let decides = |check: &&PlannedCheck| strict || check.severity == Severity::Required;
    let waited = needs::closure(checks.iter().filter(decides).map(|check| check.id.clone()).collect(), checks);
    for check in checks {
        check.waits = waited.contains(&check.id);
    }
}

/// Attaches each waiver to the checks it matches; returns those that match no check at all.
fn waive(checks: &mut [PlannedCheck], waivers: &[Waiver], everything: &[CheckId]) -> Vec<Waiver> {
    let mut unmatched = Vec::new();
    for waiver in waivers {
        let Ok(selector) = Selector::parse(&waiver.check) else {
            unmatched.push(waiver.clone());
            continue;
        };
        if !everything.iter().any(|id| selector.matches(id)) {
            unmatched.push(waiver.clone());
        }
        for check in checks.iter_mut().filter(|check| selector.matches(&check.id)) {
            // Of several, the one that holds longest counts.
            if check.waiver.as_ref().is_none_or(|other| other.expires < waiver.expires) {
                check.waiver = Some(waiver.clone());
            }
        }
    }
    unmatched
}

fn near(pattern: &str, everything: &[CheckId]) -> Option<String> {
    let known: BTreeSet<&str> = everything.iter().flat_map(|id| [id.as_str(), id.family(), id.service()]).collect();
    suggestion(pattern, known.into_iter()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::sample;

    fn request() -> PlanRequest {
        PlanRequest {
            only: Vec::new(),
            without: Vec::new(),
            severity: None,
            tags: Vec::new(),
            read_only: false,
            strict: false,
            deadline: Duration::from_secs(60),
            jobs: 4,
            wait: Duration::from_secs(2),
        }
    }

    fn selectors(texts: &[&str]) -> Vec<Selector> {
        texts.iter().map(|text| Selector::parse(text).expect("a pattern")).collect()
    }

    /// A plan of redis and opa; what is written is skipped where grafana is not there.
    fn planned(request: &PlanRequest, waivers: Vec<Waiver>) -> Result<Plan, PlanError> {
        let stanza = |id: &str, more| sample::stanza(id, &more);
        let stanzas = [
            stanza("redis/tcp", json!({})),
            stanza("redis/login", json!({"needs": ["redis/tcp"], "tags": ["auth"]})),
            stanza(
                "redis/refused",
                json!({"control": ["redis/login"], "expect": {"accepted": false}, "severity": "advisory"}),
            ),
            stanza("redis/written", json!({"probe": "sample.write", "needs": ["redis/login"]})),
            stanza("grafana/written", json!({"probe": "sample.write", "target": "grafana"})),
            stanza("opa/tcp", json!({"with": {"name": "${run.name}"}})),
            stanza("opa/elsewhere", json!({"profiles": ["prod"]})),
        ];
        let mut diagnostics = Diagnostics::default();
        let catalogue = sample::catalogue(&stanzas, &[], &mut diagnostics);
        let mut configuration = sample::configuration();
        configuration.waivers = waivers;
        make_plan(&catalogue, &configuration, &sample::PROBES, request, diagnostics)
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.checks.iter().map(|check| check.id.as_str()).collect()
    }

    #[test]
    fn a_plan_is_what_is_asked_for_with_everything_it_needs() {
        let all = ["redis/tcp", "redis/login", "redis/refused", "redis/written", "grafana/written", "opa/tcp"];
        let plan = planned(&request(), Vec::new()).expect("a plan");
        assert_eq!((ids(&plan), plan.selection.left_out), (all.to_vec(), 0));
        assert_eq!(plan.not_applicable.keys().map(CheckId::as_str).collect::<Vec<_>>(), ["opa/elsewhere"]);
        assert_eq!((plan.deadline_ms, plan.wait_ms, plan.jobs), (60_000, 2_000, 4));
        assert_eq!(plan.checks[5].with, json!({"name": plan.run.scratch_name()}));
        let of = |change: &dyn Fn(&mut PlanRequest)| {
            let mut request = request();
            change(&mut request);
            let plan = planned(&request, Vec::new()).expect("a plan");
            assert_eq!(plan.checks.len() + plan.selection.left_out, all.len());
            ids(&plan).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of(&|one| one.only = selectors(&["redis/login"])), all[..2]);
        assert_eq!(of(&|one| one.tags = vec!["auth".to_owned()]), all[..2]);
        assert_eq!(of(&|one| one.severity = Some(Severity::Advisory)), all[..3]);
        assert_eq!(of(&|one| one.without = selectors(&["redis", "grafana"])), all[5..]);
        assert_eq!(of(&|one| one.only = selectors(&["opa/elsewhere", "opa/tcp"])), all[5..]);
    }

    #[test]
    fn a_need_that_was_left_out_holds_nobody_back_and_a_control_that_was_skips_its_refusal() {
        let mut request = request();
        request.without = selectors(&["redis/login"]);
        let plan = planned(&request, Vec::new()).expect("a plan");
        assert_eq!(ids(&plan), ["redis/tcp", "redis/refused", "redis/written", "grafana/written", "opa/tcp"]);
        let skips: Vec<_> = plan.checks.iter().map(|check| check.skip.is_some()).collect();
        assert_eq!(skips, [false, true, false, true, false]);
        let reason = plan.checks[1].skip.as_deref();
        assert_eq!(reason, Some("its positive control was left out of the selection"));
        assert!(plan.checks.iter().all(|check| check.needs.is_empty()), "{:?}", plan.checks);
    }

    #[test]
    fn read_only_skips_what_writes_and_nothing_else() {
        let mut request = request();
        request.read_only = true;
        let plan = planned(&request, Vec::new()).expect("a plan");
        let skips: Vec<_> = plan.checks.iter().map(|check| check.skip.as_deref().unwrap_or_default()).collect();
        assert_eq!(skips[..3], [""; 3]);
        assert_eq!(skips[3], "it writes to the server, and --read-only was given");
        assert!(skips[4].starts_with("service `grafana` is not enabled"), "what is declared stays: {}", skips[4]);
        assert_eq!(skips[5], "");
        assert!(plan.read_only && !plan.strict);
    }

    #[test]
    fn a_selection_of_nothing_is_refused_by_name() {
        let refused = |change: &dyn Fn(&mut PlanRequest)| {
            let mut request = request();
            change(&mut request);
            match planned(&request, Vec::new()).expect_err("refused") {
                PlanError::Unmatched { pattern, near } => format!("{pattern} near {near:?}"),
                other => other.to_string(),
            }
        };
        assert_eq!(refused(&|one| one.only = selectors(&["opa", "rediss"])), "rediss near Some(\"redis\")");
        assert_eq!(
            refused(&|one| one.without = selectors(&["redis/loginn"])),
            "redis/loginn near Some(\"redis/login\")"
        );
        assert_eq!(refused(&|one| one.only = selectors(&["quite-another"])), "quite-another near None");
        let nothing = "the selection leaves no check of profile `local`";
        assert_eq!(refused(&|one| one.tags = vec!["no-such".to_owned()]), nothing);
        assert_eq!(refused(&|one| one.only = selectors(&["opa/elsewhere"])), nothing);
        let mut diagnostics = Diagnostics::default();
        let catalogue = sample::catalogue(&[sample::stanza("nope/x", &json!({}))], &[], &mut diagnostics);
        let refused = make_plan(&catalogue, &sample::configuration(), &sample::PROBES, &request(), diagnostics);
        assert!(matches!(refused, Err(PlanError::Faults(faults)) if faults.count() == 1));
    }

    #[test]
    fn an_exception_covers_what_it_matches_and_of_several_the_longest_counts() {
        let waiver = |check: &str, expires: &str| Waiver {
            check: check.to_owned(),
            owner: "team".to_owned(),
            reason: "known".to_owned(),
            expires: expires.parse().expect("a day"),
        };
        let mut first = waiver("redis/login", "2027-01-01");
        first.reason = "the first of two that end on one day".to_owned();
        let waivers = vec![
            waiver("redis/tcp", "2027-01-01"),
            waiver("redis/tcp", "2028-01-01"),
            waiver("redis/tcp", "2026-01-01"),
            first.clone(),
            waiver("redis/login", "2027-01-01"),
            waiver("kafka/**", "2027-01-01"),
            waiver("redis/[", "2027-01-01"),
            waiver("opa/elsewhere", "2027-01-01"),
        ];
        let plan = planned(&request(), waivers.clone()).expect("a plan");
        let covered: Vec<_> = plan.checks.iter().map(|check| check.waiver.clone()).collect();
        assert_eq!(covered, [Some(waivers[1].clone()), Some(first), None, None, None, None]);
        assert_eq!(plan.unmatched_waivers, waivers[5..7]);
    }

    #[test]
    fn only_what_readiness_hangs_on_is_waited_for() {
        let mut advisory = PlannedCheck::sample("redis/version");
        advisory.severity = Severity::Advisory;
        let mut needed = PlannedCheck::sample("redis/hello");
        needed.severity = Severity::Advisory;
        let mut required = PlannedCheck::sample("redis/ping");
        required.needs = vec![needed.id.clone()];
        let mut checks = [advisory, needed, required];
        mark_waiting(&mut checks, false);
        assert_eq!(checks.each_ref().map(|check| check.waits), [false, true, true]);
        mark_waiting(&mut checks, true);
        assert_eq!(checks.each_ref().map(|check| check.waits), [true; 3]);
    }
}
