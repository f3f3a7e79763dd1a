use std::collections::BTreeMap;

use crate::model::{CheckId, CheckResult, KUBERNETES, PlannedCheck, Verdict};

/// Checks that may run against one service at once, so that we do not become the load.
pub const PER_TARGET: usize = 8;

/// Who may run when. Pure: it knows no time and starts nothing.
#[derive(Debug)]
pub struct Schedule {
    checks: Vec<PlannedCheck>,
    index: BTreeMap<CheckId, usize>,
    state: Vec<State>,
    weight: Vec<u64>,
    jobs: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Finished { verdict: Verdict, root: Option<CheckId>, undecided: bool },
}

/// Whether a result says nothing of the servers, only that it could not be decided from where we stand.
fn is_of_the_vantage(result: &CheckResult) -> bool {
    let class = result.trouble.as_ref().map_or("", |trouble| &trouble.class);
    result.verdict == Verdict::Error && (class.starts_with("kube.") || class.starts_with("vantage."))
}

impl Schedule {
    /// A schedule for checks in an order where needs come first; at most `jobs` run at once.
    #[must_use]
    pub fn new(checks: Vec<PlannedCheck>, jobs: usize) -> Self {
        let index: BTreeMap<CheckId, usize> =
            checks.iter().enumerate().map(|(index, check)| (check.id.clone(), index)).collect();
        // The weight of a check is the time its longest chain of dependants may take: the longest chain starts first.
        let mut weight: Vec<u64> = checks.iter().map(|check| check.deadline_ms).collect();
        for at in (0..checks.len()).rev() {
            for need in checks[at].needs.iter().filter_map(|need| index.get(need)) {
                weight[*need] = weight[*need].max(checks[*need].deadline_ms + weight[at]);
            }
        }
        let state = vec![State::Waiting; checks.len()];
        Self { checks, index, state, weight, jobs: jobs.max(1) }
    }

    /// The check at a position.
    #[must_use]
    pub fn check(&self, at: usize) -> &PlannedCheck {
        &self.checks[at]
    }

    /// Whether every check is finished.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state.iter().all(|state| matches!(state, State::Finished { .. }))
    }

    /// How many checks run now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.state.iter().filter(|state| **state == State::Running).count()
    }

    /// Finishes every waiting check that can no longer run or need not: declared skips and blocked ones.
    pub fn settle(&mut self) -> Vec<(usize, CheckResult)> {
        let mut settled = Vec::new();
        // Needs come first in the order, so one pass carries a root through a whole chain.
        for at in 0..self.checks.len() {
            if self.state[at] != State::Waiting {
                continue;
            }
            if let Some(result) = self.decided_without_run(at) {
                self.finish(at, &result);
                settled.push((at, result));
            }
        }
        settled
    }

    fn decided_without_run(&self, at: usize) -> Option<CheckResult> {
        let check = &self.checks[at];
        if let Some(reason) = &check.skip {
            return Some(CheckResult::without_run(Verdict::Skip, reason.clone()));
        }
        for need in &check.needs {
            // One outside the plan was left out on purpose and says nothing; the others still count.
            let Some(index) = self.index.get(need) else { continue };
            let State::Finished { verdict, root, .. } = &self.state[*index] else { continue };
            if *verdict == Verdict::Skip && check.control.contains(need) {
                let reason =
                    format!("its positive control `{need}` was skipped, and without it a refusal proves nothing");
                return Some(CheckResult::without_run(Verdict::Skip, reason));
            }
            if !verdict.satisfies() && !self.is_excused(at, need) {
                let root = root.clone().unwrap_or_else(|| need.clone());
                let mut result = CheckResult::without_run(Verdict::Blocked, format!("blocked by {root}"));
                result.root = Some(root);
                return Some(result);
            }
        }
        None
    }

    /// The check to start next, if one may: its needs are satisfied, its service has room, and of several it carries the
    /// longest chain.
    #[must_use]
    pub fn next(&self) -> Option<usize> {
        let running = self.running();
        let is_quiet_now =
            self.checks.iter().zip(&self.state).any(|(check, state)| check.quiet && *state == State::Running);
        if running >= self.jobs || is_quiet_now {
            return None;
        }
        let others_done = self
            .checks
            .iter()
            .zip(&self.state)
            .all(|(check, state)| check.last || matches!(state, State::Finished { .. }));
        let may_start = |at: &usize| {
            self.state[*at] == State::Waiting
                && (!self.checks[*at].last || others_done)
                && self.needs_are_satisfied(*at)
                && self.target_has_room(*at)
        };
        let heaviest = |quiet: bool| {
            (0..self.checks.len())
                .filter(|at| self.checks[*at].quiet == quiet)
                .filter(may_start)
                .max_by_key(|at| (self.weight[*at], std::cmp::Reverse(*at)))
        };
        // A check that measures time starts when nothing else runs or could.
        heaviest(false).or_else(|| heaviest(true).filter(|_| running == 0))
    }

    /// Marks a check as running.
    pub fn start(&mut self, at: usize) {
        self.state[at] = State::Running;
    }

    /// Records the result of a check. Returns whether it is the first one.
    pub fn finish(&mut self, at: usize, result: &CheckResult) -> bool {
        if matches!(self.state[at], State::Finished { .. }) {
            return false;
        }
        self.state[at] = State::Finished {
            verdict: result.verdict,
            root: result.root.clone(),
            undecided: is_of_the_vantage(result),
        };
        true
    }

    fn needs_are_satisfied(&self, at: usize) -> bool {
        self.checks[at].needs.iter().all(|need| {
            // A need outside the plan was left out on purpose when the plan was made.
            self.index.get(need).is_none_or(|index| match &self.state[*index] {
                State::Finished { verdict, .. } => verdict.satisfies() || self.is_excused(at, need),
                State::Waiting | State::Running => false,
            })
        })
    }

    /// Whether a need that did not pass holds a check of a server back all the same: not when it was undecided from where we
    /// stand, because the Kubernetes API could not be asked (a missing right, one that throttles or is gone), or because a
    /// port-forward cannot show what an application reaches. The check's own look decides then, and the undecided need keeps
    /// the run from being READY. A positive control is never excused.
    fn is_excused(&self, at: usize, need: &CheckId) -> bool {
        let check = &self.checks[at];
        let asks_a_server = check.target.as_deref() != Some(KUBERNETES) && !check.control.contains(need);
        asks_a_server && self.index.get(need).is_some_and(|index| self.is_undecided(*index))
    }

    /// Whether a finished check says nothing of the servers, only of where we stand; a blocked one is as its root is.
    fn is_undecided(&self, at: usize) -> bool {
        match &self.state[at] {
            State::Finished { verdict: Verdict::Blocked, root: Some(root), .. } => {
                self.index.get(root).filter(|root| **root != at).is_some_and(|root| self.is_undecided(*root))
            }
            State::Finished { undecided, .. } => *undecided,
            State::Waiting | State::Running => false,
        }
    }

    fn target_has_room(&self, at: usize) -> bool {
        let Some(target) = &self.checks[at].target else { return true };
        let busy = self
            .checks
            .iter()
            .zip(&self.state)
            .filter(|(check, state)| **state == State::Running && check.target.as_ref() == Some(target))
            .count();
        busy < PER_TARGET
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Trouble;

    fn check(id: &str, needs: &[&str]) -> PlannedCheck {
        let mut check = PlannedCheck::sample(id);
        check.needs = needs.iter().map(|need| need.parse().expect("id")).collect();
        check
    }

    fn result(verdict: Verdict) -> CheckResult {
        CheckResult::without_run(verdict, "")
    }

    fn run_all(
        schedule: &mut Schedule,
        verdict_of: impl Fn(&str) -> Verdict,
    ) -> Vec<(String, Verdict, Option<String>)> {
        let mut done = Vec::new();
        loop {
            for (at, result) in schedule.settle() {
                done.push((
                    schedule.check(at).id.to_string(),
                    result.verdict,
                    result.root.map(|root| root.to_string()),
                ));
            }
            let Some(at) = schedule.next() else { break };
            schedule.start(at);
            let id = schedule.check(at).id.to_string();
            let verdict = verdict_of(&id);
            schedule.finish(at, &result(verdict));
            done.push((id, verdict, None));
        }
        done
    }

    #[test]
    fn one_red_root_blocks_its_whole_chain_and_nothing_else() {
        let checks = vec![check("a/1", &[]), check("a/2", &["a/1"]), check("a/3", &["a/2"]), check("b/1", &[])];
        let mut schedule = Schedule::new(checks, 4);
        let done = run_all(&mut schedule, |id| if id == "a/1" { Verdict::Fail } else { Verdict::Pass });
        assert!(schedule.is_done());
        for (id, verdict, root) in done {
            let expected = match id.as_str() {
                "a/1" => (Verdict::Fail, None),
                "b/1" => (Verdict::Pass, None),
                _ => (Verdict::Blocked, Some("a/1".to_owned())),
            };
            assert_eq!((verdict, root), expected, "{id}");
        }
    }

    #[test]
    fn a_warning_an_error_and_a_check_that_did_not_run_block_too() {
        for verdict in [Verdict::Warn, Verdict::Error, Verdict::NotRun, Verdict::Fail] {
            let mut schedule = Schedule::new(vec![check("a/1", &[]), check("a/2", &["a/1"])], 1);
            let done = run_all(&mut schedule, |_| verdict);
            assert_eq!(done[1].1, Verdict::Blocked, "{verdict:?}");
        }
    }

    #[test]
    fn what_cannot_be_decided_from_where_we_stand_does_not_keep_us_from_asking_the_servers_themselves() {
        let of = |id: &str, needs: &[&str], target: &str| {
            let mut check = check(id, needs);
            check.target = Some(target.to_owned());
            check
        };
        let plan = || {
            let mut negative = of("redis/refused", &["service/ready"], "redis");
            negative.control = vec!["service/ready".parse().expect("id")];
            vec![
                of("service/exists", &[], "kubernetes"),
                of("service/ready", &["service/exists"], "kubernetes"),
                of("redis/tcp", &["service/ready"], "redis"),
                of("redis/ping", &["redis/tcp"], "redis"),
                negative,
            ]
        };
        let with = |verdict: Verdict, class: &str| {
            let mut result = result(verdict);
            result.trouble = Some(Trouble::unable("op", class, ""));
            result
        };
        let (blocked, pass) = (Verdict::Blocked, Verdict::Pass);
        for (root, ends, ready, ping) in [
            ("service/exists", with(Verdict::Error, "kube.forbidden"), blocked, pass),
            ("service/exists", with(Verdict::Error, "harness.panic"), blocked, blocked),
            ("service/exists", with(Verdict::Fail, "kube.forbidden"), blocked, blocked),
            ("service/exists", with(Verdict::NotRun, "kube.timeout"), blocked, blocked),
            ("redis/tcp", with(Verdict::Error, "vantage.port_forward"), pass, pass),
            ("redis/tcp", with(Verdict::Error, "kube.forbidden"), pass, pass),
            ("redis/tcp", with(Verdict::Error, "harness.fd_limit"), pass, blocked),
        ] {
            let mut schedule = Schedule::new(plan(), 4);
            let mut verdicts = BTreeMap::new();
            loop {
                for (at, result) in schedule.settle() {
                    verdicts.insert(schedule.check(at).id.to_string(), result.verdict);
                }
                let Some(at) = schedule.next() else { break };
                let id = schedule.check(at).id.to_string();
                let result = if id == root { ends.clone() } else { result(pass) };
                schedule.finish(at, &result);
                verdicts.insert(id, result.verdict);
            }
            assert!(schedule.is_done(), "{root} {ends:?}: everything has a verdict");
            assert_eq!((verdicts["service/ready"], verdicts["redis/ping"]), (ready, ping), "{root} {ends:?}");
            let control = if root == "redis/tcp" { pass } else { blocked };
            assert_eq!(verdicts["redis/refused"], control, "{root} {ends:?}: a control is never excused");
        }
    }

    #[test]
    fn a_skipped_need_holds_nobody_back_but_a_skipped_control_does() {
        let mut skipped = check("a/1", &[]);
        skipped.skip = Some("declared".to_owned());
        let mut negative = check("a/3", &["a/1"]);
        negative.control = vec!["a/1".parse().expect("id")];
        let mut schedule = Schedule::new(vec![skipped, check("a/2", &["a/1"]), negative], 1);
        let done = run_all(&mut schedule, |_| Verdict::Pass);
        let verdicts: BTreeMap<_, _> = done.into_iter().map(|(id, verdict, _)| (id, verdict)).collect();
        assert_eq!(verdicts["a/2"], Verdict::Pass);
        assert_eq!(verdicts["a/3"], Verdict::Skip);
    }

    #[test]
    fn the_longest_chain_starts_first_and_the_suites_own_checks_last() {
        let mut last = check("suite/end", &[]);
        last.last = true;
        let checks = vec![last, check("b/1", &[]), check("a/1", &[]), check("a/2", &["a/1"])];
        let mut schedule = Schedule::new(checks, 1);
        let order: Vec<_> = run_all(&mut schedule, |_| Verdict::Pass).into_iter().map(|(id, _, _)| id).collect();
        assert_eq!(order, ["a/1", "b/1", "a/2", "suite/end"]);
    }

    #[test]
    fn a_check_that_measures_time_runs_alone() {
        let mut quiet = check("opa/latency", &[]);
        quiet.quiet = true;
        let mut schedule = Schedule::new(vec![quiet, check("a/1", &[]), check("a/2", &["opa/latency"])], 4);
        let first = schedule.next().expect("one may start");
        assert_eq!(schedule.check(first).id.as_str(), "a/1");
        schedule.start(first);
        assert_eq!(schedule.next(), None, "not beside another check");
        schedule.finish(first, &result(Verdict::Pass));
        let second = schedule.next().expect("now alone");
        assert_eq!(schedule.check(second).id.as_str(), "opa/latency");
        schedule.start(second);
        assert_eq!(schedule.next(), None, "and nothing beside it");
        schedule.finish(second, &result(Verdict::Pass));
        assert_eq!(schedule.next().map(|at| schedule.check(at).id.to_string()).as_deref(), Some("a/2"));
    }

    #[test]
    fn neither_the_jobs_nor_one_target_are_exceeded() {
        let mut checks: Vec<_> = (0..20).map(|number| check(&format!("a/{number}"), &[])).collect();
        for check in &mut checks {
            check.target = Some("a".to_owned());
        }
        checks.push(check("b/1", &[]));
        let mut schedule = Schedule::new(checks, 30);
        let mut started = Vec::new();
        while let Some(at) = schedule.next() {
            schedule.start(at);
            started.push(schedule.check(at).id.service().to_owned());
        }
        assert_eq!(started.iter().filter(|service| *service == "a").count(), PER_TARGET);
        assert!(started.contains(&"b".to_owned()));
    }

    #[test]
    fn a_need_outside_of_the_plan_holds_nobody_back_and_hides_no_other() {
        for (verdict, of_the_last) in [(Verdict::Pass, Verdict::Pass), (Verdict::Fail, Verdict::Blocked)] {
            let checks = vec![check("a/1", &[]), check("a/2", &["x/elsewhere", "a/1"])];
            let mut schedule = Schedule::new(checks, 4);
            let done = run_all(&mut schedule, |id| if id == "a/1" { verdict } else { Verdict::Pass });
            assert!(schedule.is_done(), "{verdict}: everything has a verdict");
            assert_eq!(done[1].1, of_the_last, "{verdict}");
        }
    }

    #[test]
    fn of_several_results_of_a_check_the_first_counts() {
        let mut schedule = Schedule::new(vec![check("a/1", &[]), check("a/2", &["a/1"])], 4);
        assert!(!schedule.is_done());
        let first = schedule.next().expect("one may start");
        schedule.start(first);
        assert_eq!((schedule.running(), schedule.is_done(), schedule.next()), (1, false, None));
        assert!(schedule.finish(first, &result(Verdict::Fail)));
        assert!(!schedule.finish(first, &result(Verdict::Pass)));
        assert_eq!(schedule.running(), 0);
        let settled = schedule.settle();
        assert_eq!(settled.iter().map(|(at, one)| (*at, one.verdict)).collect::<Vec<_>>(), [(1, Verdict::Blocked)]);
        assert!(schedule.settle().is_empty() && schedule.is_done());
    }

    #[test]
    fn the_weight_of_a_chain_is_the_time_that_it_may_take() {
        let with = |id: &str, needs: &[&str], deadline_ms: u64| {
            let mut check = check(id, needs);
            check.deadline_ms = deadline_ms;
            check
        };
        let order = |checks: Vec<PlannedCheck>| -> Vec<String> {
            let mut schedule = Schedule::new(checks, 0);
            run_all(&mut schedule, |_| Verdict::Pass).into_iter().map(|(id, _, _)| id).collect()
        };
        // A single long one before a chain of short ones; a longer chain before it; of equals the first of the plan.
        let chain = |last: u64| {
            vec![with("a/1", &[], 10), with("a/2", &["a/1"], 10), with("a/3", &["a/2"], last), with("b/1", &[], 35)]
        };
        assert_eq!(order(chain(10)), ["b/1", "a/1", "a/2", "a/3"]);
        assert_eq!(order(chain(20)), ["a/1", "b/1", "a/2", "a/3"]);
        assert_eq!(order(vec![with("a/1", &[], 5), with("b/1", &[], 5)]), ["a/1", "b/1"]);
        // What two checks need weighs as the heavier of them.
        let shared =
            vec![with("c/1", &[], 10), with("c/2", &["c/1"], 50), with("c/3", &["c/1"], 1), with("b/1", &[], 40)];
        assert_eq!(order(shared), ["c/1", "c/2", "b/1", "c/3"]);
    }

    #[test]
    fn never_more_than_the_jobs_run_at_once() {
        for jobs in 0..4 {
            let mut schedule = Schedule::new((0..9).map(|number| check(&format!("a/{number}"), &[])).collect(), jobs);
            while let Some(at) = schedule.next() {
                schedule.start(at);
            }
            assert_eq!(schedule.running(), jobs.max(1));
        }
    }

    #[test]
    fn the_suites_own_checks_wait_for_every_other_one_but_not_for_each_other() {
        let own = |id: &str| {
            let mut check = check(id, &[]);
            check.last = true;
            check
        };
        let mut schedule = Schedule::new(vec![own("suite/1"), own("suite/2"), check("a/1", &[])], 4);
        let first = schedule.next().expect("one may start");
        assert_eq!(schedule.check(first).id.as_str(), "a/1");
        schedule.start(first);
        assert_eq!(schedule.next(), None, "it still runs");
        schedule.finish(first, &result(Verdict::Fail));
        for expected in [0, 1] {
            assert_eq!(schedule.next(), Some(expected));
            schedule.start(expected);
        }
    }
}
