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
