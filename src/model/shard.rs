use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckId, Plan, PlannedCheck};

/// What a plan is of a run that several machines share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharding {
    /// One machine's part.
    Part(Shard),
    /// The whole again, joined from its parts.
    Whole(Vec<MergedShard>),
}

/// One machine's part of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
    /// The name that all parts of one run share, given by whoever starts them.
    pub group: String,
    /// Every check of the whole run in its order, with the part it belongs to.
    pub whole: Vec<Assigned>,
    /// The checks of other parts that do not run here: what a missing part would have told must still be reported.
    pub elsewhere: Vec<PlannedCheck>,
}

/// A check and the part it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The check.
    pub id: CheckId,
    /// The number of its part.
    pub shard: usize,
}

/// What a joined run knows of one of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedShard {
    /// Which part, from 1.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
    /// How many checks belong to it.
    pub checks: usize,
    /// Where and how it ran; nothing when its journal was not given.
    pub ran: Option<RanShard>,
}

/// Where and how one part of a run ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RanShard {
    /// The id of the run that it was by itself: in the name of everything it wrote to a server.
    pub run: String,
    /// Name of the host or pod it ran on.
    pub host: String,
    /// From where the bytes started.
    pub vantage: String,
    /// When its plan was fixed (UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: jiff::Timestamp,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// Whether it came to its own end.
    pub complete: bool,
    /// The signal that interrupted it.
    pub interrupted: Option<i32>,
}

/// A plan that cannot be cut as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// No such part.
    #[error("there is no shard {number} of {of}: shards are counted from 1 to {of}")]
    NoSuchShard {
        /// As asked.
        number: usize,
        /// As asked.
        of: usize,
    },
    /// Some parts would be empty, and an empty part shows nothing.
    #[error("the plan has {checks} checks, which is too few for {of} shards: one of them would have nothing to show")]
    TooMany {
        /// Checks of the plan that can be given out.
        checks: usize,
        /// As asked.
        of: usize,
    },
}

impl Shard {
    /// The part of a plan that one of `of` machines runs. The same plan is cut in the same way on each of them.
    ///
    /// Each check belongs to exactly one part. A part holds its own checks and, along with them, everything they need, so
    /// that it can judge alone; and what looks at the run itself wherever there is something to look at: the suite's own
    /// checks in every part, a search for leftovers in every part that writes to that server.
    ///
    /// # Errors
    /// When there is no such part, or not enough checks for so many parts.
    pub fn cut(plan: Plan, number: usize, of: usize, group: &str) -> Result<Plan, ShardError> {
        if number == 0 || number > of {
            return Err(ShardError::NoSuchShard { number, of });
        }
        let owners = assign(&plan.checks, of)?;
        let own = |check: &PlannedCheck| owners[&check.id] == number;
        let mut here = closure(plan.checks.iter().filter(|check| own(check)), &plan.checks);
        let looks_here = |check: &&PlannedCheck, here: &BTreeSet<CheckId>| {
            check.last && (check.target.is_none() || writes_to(check.target.as_deref(), here, &plan.checks))
        };
        let looking: Vec<&PlannedCheck> = plan.checks.iter().filter(|check| looks_here(check, &here)).collect();
        here.extend(closure(looking.into_iter(), &plan.checks));
        let whole =
            plan.checks.iter().map(|check| Assigned { id: check.id.clone(), shard: owners[&check.id] }).collect();
        let (checks, elsewhere) = plan.checks.into_iter().partition(|check| here.contains(&check.id));
        let shard = Self { number, of, group: group.to_owned(), whole, elsewhere };
        Ok(Plan { checks, sharding: Some(Box::new(Sharding::Part(shard))), ..plan })
    }

    /// The number of the part a check belongs to.
    #[must_use]
    pub fn owner(&self, id: &CheckId) -> Option<usize> {
        self.whole.iter().find(|assigned| assigned.id == *id).map(|assigned| assigned.shard)
    }

    /// How many checks belong to a part.
    #[must_use]
    pub fn count(&self, number: usize) -> usize {
        self.whole.iter().filter(|assigned| assigned.shard == number).count()
    }
}

impl Plan {
    /// The part this plan is, if it is one.
    #[must_use]
    pub fn shard(&self) -> Option<&Shard> {
        match self.sharding.as_deref() {
            Some(Sharding::Part(shard)) => Some(shard),
            _ => None,
        }
    }

    /// The parts this plan was joined from; empty for a run of one machine.
    #[must_use]
    pub fn merged(&self) -> &[MergedShard] {
        match self.sharding.as_deref() {
            Some(Sharding::Whole(shards)) => shards,
            _ => &[],
        }
    }
}

fn writes_to(target: Option<&str>, here: &BTreeSet<CheckId>, checks: &[PlannedCheck]) -> bool {
    checks.iter().any(|check| check.writes && check.target.as_deref() == target && here.contains(&check.id))
}

fn closure<'a>(wanted: impl Iterator<Item = &'a PlannedCheck>, checks: &[PlannedCheck]) -> BTreeSet<CheckId> {
    let mut here: BTreeSet<CheckId> = wanted.map(|check| check.id.clone()).collect();
    // Needs come before their dependants, so one pass backwards finds them all.
    for check in checks.iter().rev() {
        if here.contains(&check.id) {
            here.extend(check.needs.iter().cloned());
        }
    }
    here
}

/// The part of each check. Checks of one server stay together where that keeps the parts even; a server with more than its
/// share is cut along the order of the plan, in which a chain stands together. What looks at the run alone belongs to part 1.
fn assign(checks: &[PlannedCheck], of: usize) -> Result<BTreeMap<CheckId, usize>, ShardError> {
    let (suite, rest): (Vec<&PlannedCheck>, Vec<&PlannedCheck>) =
        checks.iter().partition(|check| check.last && check.target.is_none());
    if rest.len() < of {
        return Err(ShardError::TooMany { checks: rest.len(), of });
    }
    let mut units = units(&rest, of);
    // The heaviest first, each to the part with the least so far; the order of the plan breaks every tie.
    units.sort_by_key(|unit| std::cmp::Reverse(weight_of(unit)));
    let mut load = vec![0; of];
    let mut owners = BTreeMap::new();
    for unit in units {
        let lightest = (0..of).min_by_key(|at| load[*at]).unwrap_or(0);
        load[lightest] += weight_of(&unit);
        owners.extend(unit.iter().map(|check| (check.id.clone(), lightest + 1)));
    }
    owners.extend(suite.iter().map(|check| (check.id.clone(), 1)));
    Ok(owners)
}

fn units<'a>(checks: &[&'a PlannedCheck], of: usize) -> Vec<Vec<&'a PlannedCheck>> {
    let share = checks.iter().map(|check| weight(check)).sum::<u64>().div_ceil(of as u64);
    let mut by_server: Vec<(&str, Vec<&PlannedCheck>)> = Vec::new();
    for check in checks {
        let server = check.target.as_deref().unwrap_or_else(|| check.id.service());
        match by_server.iter_mut().find(|(other, _)| *other == server) {
            Some((_, unit)) => unit.push(check),
            None => by_server.push((server, vec![check])),
        }
    }
    let mut units: Vec<Vec<&PlannedCheck>> = Vec::new();
    for (_, unit) in by_server {
        let mut slice: Vec<&PlannedCheck> = Vec::new();
        for check in unit {
            if !slice.is_empty() && weight_of(&slice) + weight(check) > share {
                units.push(std::mem::take(&mut slice));
            }
            slice.push(check);
        }
        units.push(slice);
    }
    // Every part gets something: the largest unit is halved until there are enough.
    while units.len() < of {
        let Some(largest) = (0..units.len()).max_by_key(|at| (units[*at].len(), std::cmp::Reverse(*at))) else { break };
        let half = units[largest].len() / 2;
        let rest = units[largest].split_off(half);
        units.push(rest);
    }
    units
}

fn weight_of(unit: &[&PlannedCheck]) -> u64 {
    unit.iter().map(|check| weight(check)).sum()
}

/// How long a check may take; one that is declared not to run takes nothing, but is still somebody's.
fn weight(check: &PlannedCheck) -> u64 {
    let converges = check.eventually.map_or(0, |eventually| eventually.within_ms);
    if check.skip.is_some() { 1 } else { (check.deadline_ms + converges).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, needs: &[&str]) -> PlannedCheck {
        let mut check = PlannedCheck::sample(id);
        check.needs = needs.iter().map(|need| need.parse().expect("id")).collect();
        check.target = Some(check.id.service().to_owned());
        check
    }

    /// Four servers, one of them with more checks than the others together, and the suite's own checks.
    fn plan() -> Plan {
        let mut checks = Vec::new();
        for (service, count) in [("kafka", 12), ("redis", 4), ("opa", 3), ("etcd", 3)] {
            checks.push(check(&format!("{service}/tcp"), &[]));
            for number in 1..count {
                checks.push(check(&format!("{service}/check-{number}"), &[&format!("{service}/tcp")]));
            }
        }
        let mut refusal = check("etcd/refusal", &["redis/check-1", "etcd/tcp"]);
        refusal.control = vec!["redis/check-1".parse().expect("id")];
        checks.push(refusal);
        checks.iter_mut().filter(|check| check.id.as_str().ends_with("check-2")).for_each(|check| check.writes = true);
        for service in ["kafka", "redis"] {
            let mut leftovers = check(&format!("suite/no-leftovers/{service}"), &[&format!("{service}/check-2")]);
            (leftovers.last, leftovers.target) = (true, Some(service.to_owned()));
            checks.push(leftovers);
        }
        for name in ["negative-controls", "report-complete"] {
            let mut own = check(&format!("suite/{name}"), &[]);
            (own.last, own.target) = (true, None);
            checks.push(own);
        }
        Plan::sample(checks)
    }

    fn ids(checks: &[PlannedCheck]) -> BTreeSet<String> {
        checks.iter().map(|check| check.id.to_string()).collect()
    }

    #[test]
    fn every_check_belongs_to_exactly_one_part_and_every_part_can_judge_alone() {
        let whole = ids(&plan().checks);
        for of in 1..=24 {
            let mut owned: Vec<String> = Vec::new();
            for number in 1..=of {
                let part = Shard::cut(plan(), number, of, "g").expect("a part");
                let shard = part.shard().expect("a shard");
                let own = |id: &CheckId| shard.owner(id) == Some(number);
                let of_part: Vec<_> = part.checks.iter().filter(|check| own(&check.id)).collect();
                assert!(!of_part.is_empty(), "{number}/{of} is empty");
                assert_eq!(of_part.len(), shard.count(number), "its own checks all run in it: {number}/{of}");
                owned.extend(of_part.iter().map(|check| check.id.to_string()));
                let here = ids(&part.checks);
                for check in &part.checks {
                    assert!(check.needs.iter().all(|need| here.contains(need.as_str())), "{number}/{of}: {}", check.id);
                }
                assert!(here.contains("suite/report-complete") && here.contains("suite/negative-controls"));
                // What it judges itself, with everything that needs; nothing else runs here but what looks at the run.
                let mut judged: BTreeSet<String> = of_part.iter().map(|check| check.id.to_string()).collect();
                for check in part.checks.iter().rev() {
                    if judged.contains(check.id.as_str()) {
                        judged.extend(check.needs.iter().map(ToString::to_string));
                    }
                }
                let looks_at_the_run: Vec<_> =
                    part.checks.iter().filter(|check| check.last).map(|check| check.id.to_string()).collect();
                let along: Vec<_> = here.iter().filter(|id| !judged.contains(*id)).collect();
                assert!(along.iter().all(|id| looks_at_the_run.contains(id)), "{number}/{of}: {along:?}");
                for service in ["kafka", "redis"] {
                    let looks = here.contains(&format!("suite/no-leftovers/{service}"));
                    assert_eq!(looks, judged.contains(&format!("{service}/check-2")), "{number}/{of}: {service}");
                }
                let elsewhere = ids(&shard.elsewhere);
                assert!(here.is_disjoint(&elsewhere));
                assert_eq!(here.union(&elsewhere).cloned().collect::<BTreeSet<_>>(), whole);
            }
            assert_eq!(owned.len(), whole.len(), "of {of}");
            assert_eq!(owned.into_iter().collect::<BTreeSet<_>>(), whole, "of {of}");
        }
    }

    #[test]
    fn parts_are_even_and_a_small_server_is_not_torn() {
        for number in 1..=3 {
            let part = Shard::cut(plan(), number, 3, "g").expect("a part");
            let shard = part.shard().expect("a shard");
            let count = shard.count(number);
            assert!((6..=12).contains(&count), "{number}: {count}");
        }
        let part = Shard::cut(plan(), 1, 3, "g").expect("a part");
        for service in ["redis", "opa"] {
            let of_service = part.shard().expect("a shard").whole.iter().filter(|one| one.id.service() == service);
            assert_eq!(of_service.map(|one| one.shard).collect::<BTreeSet<_>>().len(), 1, "{service}");
        }
    }

    #[test]
    fn a_cut_into_empty_parts_is_refused() {
        let refused = |number, of| Shard::cut(plan(), number, of, "g").expect_err("refused");
        assert_eq!(refused(0, 3), ShardError::NoSuchShard { number: 0, of: 3 });
        assert_eq!(refused(4, 3), ShardError::NoSuchShard { number: 4, of: 3 });
        // The two checks of the suite on itself are given to nobody else, so they do not count.
        assert_eq!(refused(1, 26), ShardError::TooMany { checks: 25, of: 26 });
        assert!(Shard::cut(plan(), 25, 25, "g").is_ok());
    }

    #[test]
    fn a_server_with_more_than_its_share_is_cut_and_a_light_rest_is_halved() {
        let sizes = |deadlines: &[u64], of: usize| {
            let checks: Vec<PlannedCheck> = deadlines
                .iter()
                .enumerate()
                .map(|(number, deadline_ms)| {
                    let mut check = check(&format!("kafka/{number}"), &[]);
                    check.deadline_ms = *deadline_ms;
                    check
                })
                .collect();
            let refs: Vec<&PlannedCheck> = checks.iter().collect();
            units(&refs, of).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[10; 12], 3), [4, 4, 4]);
        assert_eq!(sizes(&[10; 12], 1), [12]);
        assert_eq!(sizes(&[100, 1, 1, 1, 1, 1], 2), [1, 5]);
        assert_eq!(sizes(&[100, 1, 1, 1, 1, 1], 3), [1, 2, 3]);
        assert_eq!(sizes(&[100, 1, 1, 1, 1, 1], 6), [1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn a_check_weighs_as_long_as_it_may_take() {
        let mut one = check("kafka/1", &[]);
        one.deadline_ms = 300;
        assert_eq!(weight(&one), 300);
        one.eventually = Some(crate::model::Eventually { within_ms: 50, every_ms: 7 });
        assert_eq!(weight(&one), 350);
        one.skip = Some("declared".to_owned());
        assert_eq!(weight(&one), 1);
    }
}
