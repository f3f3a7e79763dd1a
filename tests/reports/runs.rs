//! Runs to report about, built the way the engine builds them: as events of a journal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use soma_conformance::model::{
    CheckResult, Event, Expectation, Facts, Level, Observation, Phase, Plan, PlannedCheck, Profile, Provenance, Report,
    Selection, Severity, SourcePlace, Trouble, Verdict, Waiver, What, judge,
};

/// Text as a hostile or broken server sends it; [`hostile`] puts it wherever a server's or a user's text can stand.
pub(crate) const POISONS: [&str; 26] = [
    "x </table><h1>All checks passed</h1><script>alert(1)</script>",
    "x ]]></failure></testcase><testcase name=\"forged/pass\" classname=\"soma.forged\"/>",
    "x ]]\u{1b}[0m>]]>",
    "x \u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7} \u{9b}2J",
    "x \0 \u{7} \u{8} \u{c} \u{fffe} \u{ffff} \u{1fffe}",
    "x | forged | row |",
    "x \\| a \\\\| b \\\\\\| c",
    "x \n| `forged/pass` | pass | 1 ms |\n# READY",
    "x \r\n\r\n# READY\r\n---\r\n===",
    "x `code` ``more`` ```\nfence\n```",
    "x ~~~\nfence\n~~~",
    "x [link](https://evil.example) ![image](http://evil.example/x.png) [ref]: http://evil.example",
    "x https://evil.example www.evil.example ftp://evil.example mailto:a@evil.example b.c+d@evil.example",
    "x @team @soma/owners #123 GH-1 soma/main#4",
    "x ::error title=forged::forged",
    "\n::error::forged\n::set-output name=x::y\n::stop-commands::x",
    "x ##[error]forged ###[group] ##vso[task.complete result=Succeeded;]DONE ##teamcity[testFailed]",
    "x section_start:1:forged\r\u{1b}[0K",
    "x \u{202e}gnp.exe\u{202c} \u{2066}\u{2069} \u{61c} \u{200b} \u{feff} \u{e0041}",
    "x &lt;b&gt; &amp; &#124; &#x3c;h1&#x3e; &nbsp;",
    "x *bold* _em_ __strong__ ~~gone~~ $math$ $$more$$ :tada: <https://auto.example> [^1]",
    "x <!-- --> <details> <summary>Every check <![CDATA[ <?php ?> <!DOCTYPE x>",
    "x \n\n    indented\n\n- item\n1. item\n> quote\n> [!NOTE]\n- [ ] task",
    "x \t\ttabs  and   spaces   ",
    "x \u{2028} \u{2029} \u{85} line ends",
    "x { } {{ braces }} {% raw %} %0A %25 ${jndi:ldap://x} \"quoted\" 'single' \\",
];

/// The worst of them in one line or two, for files that people read.
pub(crate) const POISON: &str = "\u{1b}[31mred\u{1b}[0m \0 \u{fffe} ]]> </table><h1>READY</h1> | cell | `code` @team #1\n\
    ::error::forged ##[error]forged \u{202e}gpj.exe";

/// What the engine would have written, event by event.
pub(crate) struct Journal {
    plan: Plan,
    provenance: Provenance,
    steps: Vec<What>,
}

impl Journal {
    pub(crate) fn new(checks: Vec<PlannedCheck>) -> Self {
        let plan = Plan {
            run: serde_json::from_value(json!("019b7d2c5a017a3f8c44d1e0f2a6b9c3")).expect("a run id"),
            profile: Profile::Local,
            checks,
            selection: Selection::default(),
            not_applicable: BTreeMap::new(),
            read_only: false,
            strict: false,
            configuration_digest: "5f3a9c0d1e2b4867".to_owned(),
            catalogue_digest: "c0ffee0123456789".to_owned(),
            deadline_ms: 120_000,
            jobs: 16,
            wait_ms: 0,
            unmatched_waivers: Vec::new(),
            sharding: None,
        };
        let provenance = Provenance {
            version: "0.1.0".to_owned(),
            host: "workstation".to_owned(),
            vantage: "direct".to_owned(),
            command: "soma-conformance run --profile local".to_owned(),
            configuration: vec!["soma-conformance.yaml".to_owned()],
        };
        Self { plan, provenance, steps: vec![What::WorkerStarted { pid: 4711 }] }
    }

    pub(crate) fn plan(mut self, change: impl FnOnce(&mut Plan, &mut Provenance)) -> Self {
        change(&mut self.plan, &mut self.provenance);
        self
    }

    pub(crate) fn step(mut self, what: What) -> Self {
        self.steps.push(what);
        self
    }

    pub(crate) fn finished(self, id: &str, result: CheckResult) -> Self {
        let id = id.parse().expect("an id");
        self.step(What::CheckFinished { id, result: Box::new(result) })
    }

    /// The probe of a planned check came back with this, after so many milliseconds.
    pub(crate) fn came_back(self, id: &str, outcome: Result<Value, Trouble>, ms: u64) -> Self {
        let check = self.plan.checks.iter().find(|check| check.id.as_str() == id).expect("a planned check");
        let result = result_of(check, outcome, ms);
        self.finished(id, result)
    }

    pub(crate) fn note(self, level: Level, text: &str) -> Self {
        self.step(What::Note { level, text: text.to_owned() })
    }

    pub(crate) fn ended(self) -> Self {
        self.step(What::WorkerEnded { how: "exit 0".to_owned(), complete: true }).step(What::RunFinished)
    }

    pub(crate) fn events(self) -> Vec<Event> {
        let start: Timestamp = "2026-01-02T03:04:05.678Z".parse().expect("a time");
        let planned = What::RunPlanned { plan: Box::new(self.plan), provenance: self.provenance };
        let at = |seq: u64| start + std::time::Duration::from_millis(37 * seq);
        std::iter::once(planned)
            .chain(self.steps)
            .zip(0..)
            .map(|(what, seq)| Event { seq, at: at(seq), what })
            .collect()
    }

    pub(crate) fn report(self) -> Report {
        Report::fold(&self.events()).expect("it begins with a plan")
    }
}

/// The text of a journal.
pub(crate) fn text_of(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).expect("JSON") + "\n").collect()
}

fn result_of(check: &PlannedCheck, outcome: Result<Value, Trouble>, ms: u64) -> CheckResult {
    let outcome: Result<Facts, Trouble> = outcome.map(|facts| facts.as_object().cloned().expect("an object"));
    let judgement = judge(check, &outcome);
    let mut result = CheckResult::without_run(judgement.verdict, judgement.observed.clone());
    let step = |name: &str, start_us, took_us, done| Phase { name: name.to_owned(), start_us, took_us, done };
    result.observation = Some(Observation {
        facts: outcome.clone().unwrap_or_default(),
        phases: vec![step("tcp", 0, 300, true), step("op", 300, ms * 1_000 - 300, outcome.is_ok())],
        peer: Some("127.0.0.1:5432".to_owned()),
    });
    result.trouble = outcome.err();
    result.judgement = Some(judgement);
    result.attempts = 1;
    result.start_us = 2_000;
    result.took_us = ms * 1_000;
    result
}

#[expect(clippy::needless_pass_by_value, reason = "every caller writes the value in place")]
pub(crate) fn check(id: &str, needs: &[&str], expect: Value) -> PlannedCheck {
    let mut check = PlannedCheck::sample(id);
    check.needs = needs.iter().map(|id| id.parse().expect("an id")).collect();
    check.expect = Expectation::parse(&expect).expect("an expectation");
    check.source.file = format!("checks/{}/basics.yaml", check.id.service());
    check
}

fn blocked(root: &str) -> CheckResult {
    let mut result = CheckResult::without_run(Verdict::Blocked, format!("blocked by {root}"));
    result.root = Some(root.parse().expect("an id"));
    result
}

pub(crate) fn healthy_journal() -> Journal {
    let mut wrong_password = check(
        "postgres/wrong-password-refused",
        &["postgres/select-1"],
        json!({"accepted": false, "sqlstate": "28P01"}),
    );
    wrong_password.control = vec!["postgres/select-1".parse().expect("an id")];
    let mut round_trip = check("redis/set-get-ttl", &["redis/ping"], json!({"value": "x"}));
    round_trip.writes = true;
    let mut checks = vec![
        check("postgres/tcp", &[], json!({"connected": true})),
        check("postgres/select-1", &["postgres/tcp"], json!({"row.one": 1})),
        wrong_password,
        check("redis/ping", &[], json!({"reply": "PONG"})),
        round_trip,
    ];
    for check in &mut checks {
        check.proven_by = vec!["SIGKILL the server".to_owned()];
    }
    Journal::new(checks)
        .came_back("postgres/tcp", Ok(json!({"connected": true})), 1)
        .came_back("postgres/select-1", Ok(json!({"row": {"one": 1}})), 23)
        .came_back("postgres/wrong-password-refused", Ok(json!({"accepted": false, "sqlstate": "28P01"})), 19)
        .came_back("redis/ping", Ok(json!({"reply": "PONG"})), 2)
        .came_back("redis/set-get-ttl", Ok(json!({"value": "x"})), 4)
}

pub(crate) fn healthy() -> Report {
    healthy_journal().ended().report()
}

/// Everything that can go wrong, once.
pub(crate) fn failing() -> Report {
    failing_journal().report()
}

pub(crate) fn failing_journal() -> Journal {
    let refused = || Trouble::fault("tcp", "tcp.refused", "127.0.0.1:9092: connection refused");
    let journal = Journal::new(failing_checks())
        .plan(|plan, _| {
            plan.selection = Selection {
                only: vec!["kafka/**".to_owned(), "postgres/**".to_owned(), "redis/**".to_owned(), "opa/**".to_owned()],
                left_out: 31,
                ..Selection::default()
            };
            plan.not_applicable = BTreeMap::from([
                ("postgres/standby".parse().expect("an id"), vec![Profile::Staging, Profile::Prod]),
                ("vault/not-dev".parse().expect("an id"), vec![Profile::Prod]),
                ("redis/replica".parse().expect("an id"), vec![Profile::Staging, Profile::Prod]),
            ]);
            plan.unmatched_waivers = vec![waiver("mysql/**", "data team", "moved away", "2027-01-01")];
        })
        .came_back("kafka/tcp", Err(refused()), 2)
        .finished("kafka/api-versions", blocked("kafka/tcp"))
        .finished("kafka/advertised-reachable", blocked("kafka/tcp"))
        .finished("kafka/produce-consume", blocked("kafka/tcp"))
        .came_back("postgres/select-1", Ok(json!({"row": {"one": 1}})), 12)
        .came_back("postgres/fsync", Ok(json!({"row": {"fsync": "off", "full_page_writes": "off"}})), 8)
        .came_back("postgres/version", Ok(json!({"major": 12})), 7)
        .came_back(
            "redis/password-age",
            Err(Trouble::unable("op", "authz.denied", "NOPERM no rights for `acl|log`")),
            3,
        )
        .came_back("opa/allow/own-tenant", Ok(json!({"result": false})), 5)
        .note(Level::Warning, "1 topic named `soma-conf-019b…` was left behind by an earlier run and removed")
        .note(Level::Info, "waited 0 s for readiness");
    let ping = journal.plan.checks.iter().find(|check| check.id.as_str() == "redis/ping").expect("planned");
    let mut late = result_of(ping, Ok(json!({"reply": "PONG"})), 420);
    late.attempts = 3;
    let mut waived = CheckResult::without_run(
        Verdict::Skip,
        "waived until 2026-02-01 (platform team): persistence.appendonly is no, expected yes",
    );
    waived.waived = true;
    journal
        .finished("redis/ping", late)
        .finished("redis/append-only", waived)
        .finished("redis/replica-lag", CheckResult::without_run(Verdict::Skip, "the configuration declares no replica"))
        .ended()
}

fn waiver(pattern: &str, owner: &str, reason: &str, expires: &str) -> Waiver {
    Waiver {
        check: pattern.to_owned(),
        owner: owner.to_owned(),
        reason: reason.to_owned(),
        expires: expires.parse().expect("a date"),
    }
}

fn failing_checks() -> Vec<PlannedCheck> {
    let mut tcp = check("kafka/tcp", &[], json!({"connected": true}));
    tcp.title = "the bootstrap address accepts connections".into();
    tcp.remedy = "start the broker: `kafka-server-start.sh config/kraft/server.properties`,\nthen `soma-conformance run 'kafka/**'`".into();
    tcp.proven_by = vec!["SIGKILL the broker".to_owned()];
    let fsync_expected = json!({"row.fsync": "on", "row.full_page_writes": "on"});
    let mut fsync = check("postgres/fsync", &["postgres/select-1"], fsync_expected);
    fsync.likely_cause = "an override in `postgresql.auto.conf`, usually from a benchmark".into();
    fsync.waiver = Some(waiver("postgres/fsync", "data team", "benchmark week", "2025-12-31"));
    let mut version = check("postgres/version", &["postgres/select-1"], json!({"major": {"at_least": 14}}));
    version.severity = Severity::Advisory;
    version.remedy = "plan the upgrade".into();
    let mut append_only = check("redis/append-only", &["redis/ping"], json!({"persistence.appendonly": "yes"}));
    append_only.waiver = Some(waiver("redis/append-only", "platform team", "cache only until the move", "2026-02-01"));
    let mut replica = check("redis/replica-lag", &["redis/ping"], json!({"lag_bytes": {"at_most": 1024}}));
    replica.skip = Some("the configuration declares no replica".to_owned());
    let mut vector = check("opa/allow/own-tenant", &[], json!({"result": true}));
    vector.with = json!({"input": {"tenant": "acme", "roles": ["reader"], "path": ["v1", "orders"]}});
    vector.vector = Some(SourcePlace { file: "vectors/opa/tenants.yaml".to_owned(), line: 14, column: 3 });
    vec![
        tcp,
        check("kafka/api-versions", &["kafka/tcp"], json!({"produce": {"at_least": 9}})),
        check("kafka/advertised-reachable", &["kafka/api-versions"], json!({"reachable": true})),
        check("kafka/produce-consume", &["kafka/advertised-reachable"], json!({"received": 3})),
        check("postgres/select-1", &[], json!({"row.one": 1})),
        fsync,
        version,
        check("redis/ping", &[], json!({"reply": "PONG"})),
        check("redis/password-age", &["redis/ping"], json!({"days": {"at_most": 90}})),
        append_only,
        replica,
        vector,
    ]
}

/// SIGTERM while a check was under way and others had not begun.
pub(crate) fn interrupted() -> Report {
    healthy_journal_cut()
        .step(What::CheckStarted { id: "redis/ping".parse().expect("an id") })
        .step(What::Interrupted { signal: 15 })
        .step(What::WorkerEnded { how: "killed by signal 15".to_owned(), complete: false })
        .step(What::RunFinished)
        .report()
}

fn healthy_journal_cut() -> Journal {
    let mut journal = healthy_journal();
    journal.steps.truncate(3);
    journal
}

/// A run in which every text that anybody else can choose is `text`.
pub(crate) fn hostile(text: &str) -> Report {
    hostile_journal(text).report()
}

pub(crate) fn hostile_journal(text: &str) -> Journal {
    let mut refused = CheckResult::without_run(Verdict::Error, text);
    refused.attempts = 1;
    Journal::new(hostile_checks(text))
        .plan(|plan, provenance| {
            plan.configuration_digest = text.into();
            plan.catalogue_digest = text.into();
            plan.selection = Selection { only: vec![text.to_owned()], left_out: 1, ..Selection::default() };
            plan.unmatched_waivers = vec![waiver(text, text, text, "2027-01-01")];
            *provenance = Provenance {
                version: text.to_owned(),
                host: text.to_owned(),
                vantage: text.to_owned(),
                command: text.to_owned(),
                configuration: vec![text.to_owned()],
            };
        })
        .came_back("evil/fact", Ok(json!({"text": text, "list": [text, {text: text}]})), 2)
        .came_back("evil/trouble", Err(Trouble::fault("op", "proto.garbage", text)), 3)
        .finished("evil/raw-trouble", raw_trouble(text))
        .came_back("evil/advisory", Ok(json!({"text": text})), 2)
        .finished("evil/error", refused)
        .finished("evil/skip", CheckResult::without_run(Verdict::Skip, text))
        .finished("evil/blocked", blocked("evil/trouble"))
        .finished("evil/rootless", CheckResult::without_run(Verdict::Blocked, text))
        .finished("evil/not-run", CheckResult::without_run(Verdict::NotRun, text))
        .came_back("evil/pass", Ok(json!({"text": "good"})), 1)
        .finished("evil/huge", CheckResult::without_run(Verdict::Fail, "long ".repeat(200_000)))
        .note(Level::Warning, text)
        .note(Level::Info, text)
        .ended()
}

/// As a journal written by another program might hold it: nothing was cleaned when it was made.
fn raw_trouble(text: &str) -> CheckResult {
    let mut result = CheckResult::without_run(Verdict::Fail, text);
    result.trouble =
        serde_json::from_value(json!({"kind": "fault", "phase": text, "class": text, "message": text})).ok();
    result.observation = serde_json::from_value(json!({
        "facts": {"text": text},
        "phases": [{"name": text, "start_us": 0, "took_us": u64::MAX, "done": false}],
        "peer": text,
    }))
    .ok();
    (result.attempts, result.start_us, result.took_us) = (u32::MAX, u64::MAX, u64::MAX);
    result
}

fn hostile_checks(text: &str) -> Vec<PlannedCheck> {
    let ids = [
        "evil/fact",
        "evil/trouble",
        "evil/raw-trouble",
        "evil/advisory",
        "evil/error",
        "evil/skip",
        "evil/blocked",
        "evil/rootless",
        "evil/not-run",
        "evil/pass",
        "evil/huge",
    ];
    let poisoned = |id: &str| {
        let mut check = check(id, &[], json!({"text": "good"}));
        check.title = text.into();
        check.why = text.into();
        check.remedy = text.into();
        check.likely_cause = text.into();
        check.with = json!({"sql": text, text: text});
        check.source.file = text.into();
        check.vector = Some(SourcePlace { file: text.to_owned(), line: 1, column: 1 });
        check.proven_by = vec![text.to_owned()];
        check.waiver = Some(waiver(text, text, text, "2026-12-31"));
        if id == "evil/advisory" {
            check.severity = Severity::Advisory;
        }
        check
    };
    ids.map(poisoned).into()
}
