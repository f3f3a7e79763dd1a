use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Catalogue, CheckStanza, Configuration, Diagnostics, Stanza,
    context::{fill_context, walk},
    diagnostics::suggestion,
    expand::{Instance, expand},
    known_values::KnownValues,
    needs,
    node::Step,
    stanza,
    typed::typed,
};
use crate::model::{
    CheckId, Eventually, Expectation, KUBERNETES, Matcher, PlannedCheck, ProbeDescriptor, Profile, Right,
};

const DEFAULT_DEADLINE_MS: u64 = 15_000;
const DEFAULT_EVERY_MS: u64 = 250;

/// Turns stanzas into planned checks for one environment, and collects every fault on the way.
pub(super) struct Planner<'a> {
    catalogue: &'a Catalogue,
    configuration: &'a Configuration,
    probes: BTreeMap<&'static str, ProbeDescriptor>,
    families: BTreeSet<String>,
    /// Families of other profiles whose rows are not known here.
    unexpanded: BTreeSet<String>,
    context: Value,
    diagnostics: Diagnostics,
    read: Vec<(&'a CheckStanza, Stanza)>,
}

/// A check with its stanza, before its needs are linked.
type Draft<'a> = (PlannedCheck, &'a CheckStanza, Stanza);

/// The checks of an environment, and those of other profiles with theirs.
type Drafted = (Vec<PlannedCheck>, BTreeMap<CheckId, Vec<Profile>>);

impl<'a> Planner<'a> {
    /// A planner for `context`, the values that placeholders may name.
    pub(super) fn new(
        catalogue: &'a Catalogue,
        configuration: &'a Configuration,
        probes: &[ProbeDescriptor],
        context: Value,
        diagnostics: Diagnostics,
    ) -> Self {
        Self {
            catalogue,
            configuration,
            probes: probes.iter().map(|probe| (probe.name, *probe)).collect(),
            families: BTreeSet::new(),
            unexpanded: BTreeSet::new(),
            context,
            diagnostics,
            read: Vec::new(),
        }
    }

    /// Every check, needs before dependants.
    ///
    /// # Errors
    /// Every fault found, if there is one.
    pub(super) fn plan(mut self) -> Result<Drafted, Diagnostics> {
        let (drafts, not_applicable) = self.checks();
        let checks = self.link(drafts);
        if !self.diagnostics.misses_names() {
            KnownValues::of(self.catalogue).tell_unknown(&self.configuration.declared_values, &mut self.diagnostics);
        }
        if self.diagnostics.is_empty() { Ok((checks, not_applicable)) } else { Err(self.diagnostics) }
    }

    fn checks(&mut self) -> (Vec<Draft<'a>>, BTreeMap<CheckId, Vec<Profile>>) {
        let (mut drafts, mut not_applicable): (Vec<Draft<'a>>, _) = (Vec::new(), BTreeMap::new());
        for stanza in &self.catalogue.stanzas {
            let file = &stanza.place.file;
            let Some(parsed) = typed::<Stanza>(&stanza.node, &stanza.raw, file, stanza::KEYS, &mut self.diagnostics)
            else {
                self.families.insert(stanza.id.clone());
                continue;
            };
            self.read.push((stanza, parsed.clone()));
            let applies = parsed.profiles.contains(&self.configuration.profile);
            if parsed.profiles.is_empty() {
                let place = stanza.node.place_of(&[Step::Key("profiles".into())]);
                self.diagnostics.add(file, place, "a check for no profile never runs", "name at least one profile");
            }
            let context = self.context.clone();
            let instances = if applies || parsed.each.is_empty() {
                expand(stanza, &parsed, self.catalogue, &context, &mut self.diagnostics)
            } else {
                // Its rows depend on values of other profiles; as a family it is known all the same.
                self.families.insert(stanza.id.clone());
                self.unexpanded.insert(stanza.id.clone());
                Vec::new()
            };
            for instance in instances {
                let Ok(id) = instance.id.parse::<CheckId>() else {
                    let title = format!("`{}` is not a check id", instance.id);
                    self.diagnostics.add_at(
                        &stanza.place,
                        title,
                        "expected `service/name` in lower-case letters, digits, `-` and `.`",
                    );
                    continue;
                };
                self.families.insert(id.family().to_owned());
                self.families.insert(id.as_str().to_owned());
                if !applies {
                    self.check_probe(stanza, &parsed);
                    not_applicable.insert(id, parsed.profiles.clone());
                } else if let Some(draft) = self.draft(stanza, instance, id) {
                    drafts.push(draft);
                }
            }
        }
        (drafts, not_applicable)
    }

    /// What the check must be allowed by the Kubernetes API: what its probe asks of it, and the way to its server.
    fn rights(&self, probe: &ProbeDescriptor, parsed: &Stanza, target: Option<&str>) -> Vec<Right> {
        let namespace = self.configuration.namespace();
        let mut rights = (probe.rights)(&parsed.with, namespace);
        if target.is_some_and(|target| target != KUBERNETES) {
            rights.extend(self.configuration.via().rights(namespace));
        }
        rights
    }

    fn check_probe(&mut self, stanza: &CheckStanza, parsed: &Stanza) -> Option<ProbeDescriptor> {
        let found = self.probes.get(parsed.probe.as_str()).copied();
        if found.is_none() {
            let known = || self.probes.keys().copied();
            let hint = suggestion(&parsed.probe, known()).map_or_else(
                || format!("known are {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let place = stanza.node.get("probe").map_or(stanza.node.place, |node| node.place);
            self.diagnostics.add(&stanza.place.file, place, format!("unknown probe `{}`", parsed.probe), hint);
        }
        found
    }

    fn draft(&mut self, stanza: &'a CheckStanza, instance: Instance, id: CheckId) -> Option<Draft<'a>> {
        let file = stanza.place.file.clone();
        let (value, unresolved) = fill_context(&instance.value, &self.context);
        let parsed: Stanza = typed(&stanza.node, &value, &file, stanza::KEYS, &mut self.diagnostics)?;
        let probe = self.check_probe(stanza, &parsed)?;
        let of_probe = || probe.target.map_or_else(|| id.service().to_owned(), str::to_owned);
        let target = probe.needs_target.then(|| parsed.target.clone().unwrap_or_else(of_probe));
        let skip = self.declared_skip(stanza, &parsed, target.as_deref());
        if skip.is_none() {
            for one in unresolved.iter().filter(|one| one.steps.first() != Some(&Step::Key("when".into()))) {
                let hint = "declare it in the configuration, or guard the check with `when`";
                self.diagnostics.add(
                    &file,
                    stanza.node.place_of(&one.steps),
                    format!("`${{{}}}` is not declared", one.name),
                    hint,
                );
            }
            if unresolved.is_empty()
                && let Err(message) = (probe.validate)(&parsed.with)
            {
                let place = stanza.node.place_of(&[Step::Key("with".into())]);
                let hint = format!("see `soma-conformance explain {}`", probe.name);
                self.diagnostics.add(&file, place, format!("{}: {message}", probe.name), hint);
            }
        }
        let expect = if unresolved.is_empty() {
            self.expectation(stanza, &parsed, &probe)?
        } else if skip.is_some() {
            // What a skipped check would have expected cannot be told without the value it compares with.
            Expectation::parse(&json!({probe.facts.first()?.name: {"exists": true}})).ok()?
        } else {
            return None;
        };
        let check = PlannedCheck {
            title: parsed.title.clone(),
            why: parsed.why.clone(),
            severity: parsed.severity,
            needs: Vec::new(),
            control: Vec::new(),
            probe: parsed.probe.clone(),
            with: parsed.with.clone(),
            expect,
            rights: if skip.is_none() { self.rights(&probe, &parsed, target.as_deref()) } else { Vec::new() },
            target,
            deadline_ms: parsed.deadline.map_or(DEFAULT_DEADLINE_MS, super::HumanDuration::millis),
            eventually: parsed.eventually.as_ref().map(|entry| Eventually {
                within_ms: entry.within.millis(),
                every_ms: entry.every.map_or(DEFAULT_EVERY_MS, super::HumanDuration::millis),
            }),
            last: parsed.last,
            quiet: parsed.quiet,
            writes: probe.writes,
            waits: true,
            remedy: parsed.remedy.clone(),
            likely_cause: parsed.likely_cause.clone(),
            tags: parsed.tags.clone(),
            covers: parsed.covers.clone(),
            source: stanza.place.clone(),
            vector: instance.vector,
            proven_by: parsed.proven_by.clone(),
            skip,
            waiver: None,
            id,
        };
        Some((check, stanza, parsed))
    }

    fn expectation(&mut self, stanza: &CheckStanza, parsed: &Stanza, probe: &ProbeDescriptor) -> Option<Expectation> {
        let file = &stanza.place.file;
        let at = |path: Option<&str>| {
            let mut steps = vec![Step::Key("expect".into())];
            steps.extend(path.map(|path| Step::Key(path.to_owned())));
            stanza.node.place_of(&steps)
        };
        let expect = match Expectation::parse(&Value::Object(parsed.expect.clone())) {
            Ok(expect) => expect,
            Err(error) => {
                self.diagnostics.add(file, at(error.path.as_deref()), error.message.clone(), "");
                return None;
            }
        };
        for path in expect.paths() {
            let known = || probe.facts.iter().map(|fact| fact.name);
            if !known().any(|name| name == path.fact()) {
                let hint = suggestion(path.fact(), known()).map_or_else(
                    || format!("it returns {}", known().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.diagnostics.add(
                    file,
                    at(Some(&path.to_string())),
                    format!("probe `{}` returns no fact `{}`", probe.name, path.fact()),
                    hint,
                );
            }
        }
        if !parsed.control.is_empty() && !expect.paths().any(|path| path.fact() == "accepted") {
            let hint = "add `accepted: false` beside the reason of the refusal";
            self.diagnostics.add(
                file,
                at(None),
                "a check with a `control` asks for a refusal, so it must expect `accepted`",
                hint,
            );
        }
        Some(expect)
    }

    /// Why the configuration says that the check does not apply, if it does.
    fn declared_skip(&mut self, stanza: &CheckStanza, parsed: &Stanza, target: Option<&str>) -> Option<String> {
        if let Some(service) = target {
            match self.configuration.services.get(service) {
                Some(declared) if !declared.enabled => {
                    return Some(format!("service `{service}` is not enabled ({})", declared.place));
                }
                Some(_) => {}
                None => {
                    let place = stanza.node.get("target").map_or(stanza.place.clone(), |node| {
                        crate::model::SourcePlace { line: node.place.0, column: node.place.1, ..stanza.place.clone() }
                    });
                    let hint = "add it to checks/profiles, or name another one in `target`";
                    self.diagnostics.add_at(&place, format!("no profile knows a service `{service}`"), hint);
                }
            }
        }
        for (path, condition) in &parsed.when {
            let steps = [Step::Key("when".into()), Step::Key(path.clone())];
            match Matcher::parse(condition) {
                Err(error) => {
                    self.diagnostics.add(&stanza.place.file, stanza.node.place_of(&steps), error.message, "");
                }
                Ok(matcher) => {
                    let found = walk(&self.context, path);
                    if !matcher.mismatches(path, found).is_empty() {
                        return Some(format!("it applies only where {path} is {}", matcher.describe()));
                    }
                }
            }
        }
        None
    }

    /// Tells every name in `needs` and `control` that is no check of any profile.
    fn tell_dangling_names(&mut self) {
        for (stanza, parsed) in std::mem::take(&mut self.read) {
            for (key, names) in [("needs", &parsed.needs), ("control", &parsed.control)] {
                for (index, name) in names.iter().enumerate().filter(|(_, name)| !name.contains('{')) {
                    let is_row = |family: &str| self.unexpanded.contains(family);
                    if self.families.contains(name) || name.rsplit_once('/').is_some_and(|(family, _)| is_row(family)) {
                        continue;
                    }
                    let hint = suggestion(name, self.families.iter().map(String::as_str))
                        .map_or_else(String::new, |near| format!("did you mean `{near}`?"));
                    let place = stanza.node.place_of(&[Step::Key(key.to_owned()), Step::Index(index)]);
                    self.diagnostics.add(
                        &stanza.place.file,
                        place,
                        format!("`{key}` names `{name}`, which is no check"),
                        hint,
                    );
                }
            }
        }
    }

    /// Turns the names in `needs` and `control` into ids of the plan, and orders the whole.
    fn link(&mut self, drafts: Vec<Draft<'a>>) -> Vec<PlannedCheck> {
        if !self.diagnostics.misses_names() {
            self.tell_dangling_names();
        }
        let ids: Vec<CheckId> = drafts.iter().map(|(check, _, _)| check.id.clone()).collect();
        let unique: BTreeSet<&CheckId> = ids.iter().collect();
        let mut checks = Vec::with_capacity(drafts.len());
        let mut seen = BTreeSet::new();
        for (mut check, stanza, parsed) in drafts {
            if unique.len() != ids.len() && !seen.insert(check.id.clone()) {
                self.diagnostics.add_at(
                    &check.source,
                    format!("a second check becomes `{}`", check.id),
                    "make the elements of `each` unique",
                );
            }
            check.needs = Self::named(&parsed.needs, &ids);
            check.control = Self::named(&parsed.control, &ids);
            if !parsed.control.is_empty() && check.control.is_empty() && self.diagnostics.is_empty() {
                let place = stanza.node.place_of(&[Step::Key("control".into())]);
                let title =
                    format!("the control of `{}` is no check of profile `{}`", check.id, self.configuration.profile);
                self.diagnostics.add(
                    &stanza.place.file,
                    place,
                    title,
                    "a refusal proves nothing without its positive control",
                );
            }
            for control in check.control.clone() {
                if !check.needs.contains(&control) {
                    check.needs.push(control);
                }
            }
            checks.push(check);
        }
        if !self.diagnostics.is_empty() {
            return checks;
        }
        let places: BTreeMap<CheckId, _> =
            checks.iter().map(|check| (check.id.clone(), check.source.clone())).collect();
        needs::order(checks).unwrap_or_else(|cycle| {
            let path = cycle.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ");
            if let Some(place) = cycle.first().and_then(|id| places.get(id)) {
                self.diagnostics.add_at(
                    place,
                    format!("checks need each other in a cycle: {path}"),
                    "remove one of the needs",
                );
            }
            Vec::new()
        })
    }

    /// The planned checks that the names mean: ids, or families with all their rows.
    fn named(names: &[String], ids: &[CheckId]) -> Vec<CheckId> {
        let means = |name: &String, id: &&CheckId| id.as_str() == name || id.family() == name;
        names.iter().flat_map(|name| ids.iter().filter(move |id| means(name, id))).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{known_values::declared, sample},
        model::{Severity, Via},
    };

    fn drafted(stanzas: &[String], configuration: &Configuration) -> Result<Drafted, Vec<String>> {
        let mut diagnostics = Diagnostics::default();
        let catalogue = sample::catalogue(stanzas, &[], &mut diagnostics);
        let context = configuration.context();
        let planner = Planner::new(&catalogue, configuration, &sample::PROBES, context, diagnostics);
        let told = |faults: Diagnostics| faults.sorted().into_iter().map(|one| one.title).collect();
        planner.plan().map_err(told)
    }

    fn checks(stanzas: &[String]) -> Vec<PlannedCheck> {
        drafted(stanzas, &sample::configuration()).expect("no fault").0
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller writes the value in place")]
    fn stanza(id: &str, more: Value) -> String {
        sample::stanza(id, &more)
    }

    fn plain(id: &str) -> String {
        stanza(id, json!({}))
    }

    fn ids(ids: &[CheckId]) -> Vec<&str> {
        ids.iter().map(CheckId::as_str).collect()
    }

    #[test]
    fn a_check_is_what_its_stanza_and_its_probe_say() {
        let more = json!({
            "severity": "advisory", "deadline": "2s", "eventually": {"within": "3s", "every": "1s"}, "last": true,
            "quiet": true, "tags": ["data"], "target": "etcd", "with": {"brokers": "${values.kafka.brokers}"},
            "probe": "sample.write",
        });
        let own = json!({"probe": "sample.own", "eventually": {"within": "3s"}});
        let found = checks(&[stanza("opa/full", more), stanza("suite/own", own), plain("opa/plain")]);
        let [full, own, plain] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((full.severity, full.deadline_ms, full.last, full.quiet), (Severity::Advisory, 2_000, true, true));
        assert_eq!(full.eventually, Some(Eventually { within_ms: 3_000, every_ms: 1_000 }));
        assert_eq!((full.target.as_deref(), full.writes, &full.with), (Some("etcd"), true, &json!({"brokers": 1})));
        assert_eq!((own.target.as_deref(), own.writes), (None, false));
        assert_eq!(own.eventually, Some(Eventually { within_ms: 3_000, every_ms: DEFAULT_EVERY_MS }));
        assert_eq!((plain.severity, plain.deadline_ms), (Severity::Required, DEFAULT_DEADLINE_MS));
        assert_eq!((plain.target.as_deref(), plain.eventually, plain.waits), (Some("opa"), None, true));
        let written = checks(&[stanza("opa/written", json!({"probe": "sample.write"}))]);
        assert_eq!(written[0].target.as_deref(), Some("redis"), "the probe's own, where the stanza names none");
    }

    #[test]
    fn the_manual_names_the_defaults() {
        let schema = crate::catalogue::checks_schema(&sample::PROBES).to_string();
        for (key, default) in
            [("one attempt may take", DEFAULT_DEADLINE_MS), ("pause between two attempts", DEFAULT_EVERY_MS)]
        {
            let words = match default {
                whole if whole % 1_000 == 0 => format!("{}s", whole / 1_000),
                part => format!("{part}ms"),
            };
            assert!(schema.contains(&format!("{key}; {words} if not given")), "{key}: {words}");
        }
    }

    #[test]
    fn the_rights_are_those_of_the_probe_and_of_the_way_to_the_server() {
        let stanzas = [
            plain("redis/tcp"),
            stanza("redis/exists", json!({"probe": "sample.cluster"})),
            plain("grafana/tcp"),
            stanza("suite/own", json!({"probe": "sample.own"})),
        ];
        for (via, of_the_way) in [(Via::Direct, 0), (Via::PortForward, Via::PortForward.rights("soma-infra").len())] {
            let mut configuration = sample::configuration();
            let kubernetes = configuration.services.get_mut(KUBERNETES).expect("declared");
            (kubernetes.enabled, kubernetes.cluster.via) = (true, Some(via));
            let (checks, _) = drafted(&stanzas, &configuration).expect("no fault");
            let rights: Vec<usize> = checks.iter().map(|check| check.rights.len()).collect();
            // Grafana is declared not to be there, so nothing is asked for it.
            assert_eq!(rights, [1 + of_the_way, 1, 0, 0], "{via:?}");
            assert_eq!(checks[0].rights[0], Right::within("soma-infra", "", "pods", "get"));
        }
    }

    #[test]
    fn every_fault_of_a_stanza_is_told() {
        let refusal = |more: Value| {
            let mut stanza = json!({"control": ["redis/tcp"], "needs": ["redis/tcp"]});
            stanza.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
            self::stanza("redis/refused", stanza)
        };
        let no_check = |names: &str| vec![format!("`{names}` names `redis/nope`, which is no check")];
        let cases: Vec<(String, Vec<String>)> = vec![
            (plain("redis/fine"), vec![]),
            (stanza("redis/x", json!({"profiles": []})), vec!["a check for no profile never runs".into()]),
            (plain("Redis/x"), vec!["`Redis/x` is not a check id".into()]),
            (stanza("redis/x", json!({"probe": "sample.lok"})), vec!["unknown probe `sample.lok`".into()]),
            (
                stanza("redis/x", json!({"probe": "sample.lok", "profiles": ["prod"]})),
                vec!["unknown probe `sample.lok`".into()],
            ),
            (
                stanza("redis/x", json!({"with": {"a": "${values.nope}"}})),
                vec!["`${values.nope}` is not declared".into()],
            ),
            (
                stanza("redis/x", json!({"expect": {"connected": "${values.nope}"}})),
                vec!["`${values.nope}` is not declared".into()],
            ),
            (stanza("redis/x", json!({"with": {"wrong": 1}})), vec!["sample.look: `wrong` is wrong".into()]),
            (
                stanza("redis/x", json!({"expect": {}})),
                vec!["a check without an assertion cannot fail: name at least one fact".into()],
            ),
            (
                stanza("redis/x", json!({"expect": {"conected": true, "reason.inner": 1}})),
                vec!["probe `sample.look` returns no fact `conected`".into()],
            ),
            (refusal(json!({"expect": {"accepted": false, "reason": "WRONGPASS"}})), vec![]),
            (refusal(json!({"expect": {"accepted.inner": false}})), vec![]),
            (
                refusal(json!({})),
                vec!["a check with a `control` asks for a refusal, so it must expect `accepted`".into()],
            ),
            (stanza("redis/x", json!({"target": "nope"})), vec!["no profile knows a service `nope`".into()]),
            (plain("nope/x"), vec!["no profile knows a service `nope`".into()]),
            (stanza("redis/x", json!({"when": {"values.nope": 1, "values.environment": "${values.nope}"}})), vec![]),
            (stanza("redis/x", json!({"needs": ["redis/nope"]})), no_check("needs")),
            (refusal(json!({"control": ["redis/nope"], "expect": {"accepted": false}})), no_check("control")),
            (stanza("redis/x", json!({"needs": ["other/rows/one"], "target": "redis"})), vec![]),
            (
                stanza("redis/{n}", json!({"each": {"n": ["a", "b", "a"]}})),
                vec!["a second check becomes `redis/a`".into()],
            ),
            (
                refusal(json!({"control": ["redis/elsewhere"], "expect": {"accepted": false}})),
                vec!["the control of `redis/refused` is no check of profile `local`".into()],
            ),
            (
                stanza("redis/x", json!({"needs": ["redis/x"]})),
                vec!["checks need each other in a cycle: redis/x → redis/x".into()],
            ),
        ];
        for (stanza, expected) in cases {
            let known = [
                plain("redis/tcp"),
                self::stanza("redis/elsewhere", json!({"profiles": ["prod"]})),
                self::stanza("other/rows", json!({"profiles": ["prod"], "each": {"n": "${values.cluster.nothing}"}})),
            ];
            let stanzas: Vec<String> = known.into_iter().chain([stanza.clone()]).collect();
            let told = drafted(&stanzas, &sample::configuration()).err().unwrap_or_default();
            assert_eq!(told, expected, "{stanza}");
        }
    }

    #[test]
    fn what_is_named_is_not_missed_while_a_file_cannot_be_read() {
        let node = serde_saphyr::from_str("values: {redis: {nobody_reads: 1}}").expect("YAML");
        let mut configuration = sample::configuration();
        configuration.declared_values = declared(&node, "own.yaml");
        let told = |is_readable: bool| {
            let mut diagnostics = Diagnostics::default();
            let stanzas = [stanza("redis/x", json!({"needs": ["redis/nope"]}))];
            let catalogue = sample::catalogue(&stanzas, &[], &mut diagnostics);
            if !is_readable {
                diagnostics.add_unreadable("other.yaml", (1, 1), "not YAML", "");
            }
            let context = configuration.context();
            let planner = Planner::new(&catalogue, &configuration, &sample::PROBES, context, diagnostics);
            let found = planner.plan().expect_err("faults").sorted();
            found.into_iter().map(|one| one.title).collect::<Vec<_>>()
        };
        let both = ["`needs` names `redis/nope`, which is no check", "no check reads a value `redis.nobody_reads`"];
        let mut all = told(true);
        all.sort_by_key(|title| !title.starts_with("`needs`"));
        assert_eq!(all, both);
        assert_eq!(told(false), ["not YAML"]);
    }

    #[test]
    fn an_unknown_service_is_told_where_it_is_named() {
        let mut diagnostics = Diagnostics::default();
        let named = stanza("redis/x", json!({"target": "nope"})).replace("\"target\":", "\n  \"target\": ");
        let catalogue = sample::catalogue(&[plain("redis/tcp"), named, plain("nope/x")], &[], &mut diagnostics);
        let configuration = sample::configuration();
        let context = configuration.context();
        let planner = Planner::new(&catalogue, &configuration, &sample::PROBES, context, diagnostics);
        let found = planner.plan().expect_err("two faults").sorted();
        let places: Vec<_> = found.iter().map(|one| one.place).collect();
        let after = |words: &str| u64::try_from(words.len() + 1).expect("a column");
        assert_eq!(places, [(3, after("  \"target\": ")), (4, after("- {\"id\":"))]);
    }

    #[test]
    fn a_check_is_skipped_exactly_where_that_is_declared() {
        let skip = |more: Value| checks(&[stanza("redis/x", more)]).remove(0).skip;
        assert_eq!(skip(json!({})), None);
        let disabled = skip(json!({"target": "grafana"})).expect("a reason");
        assert!(disabled.starts_with("service `grafana` is not enabled (checks/profiles/local.yaml:"), "{disabled}");
        let when = |condition: Value| skip(json!({"when": {"values.kafka.brokers": condition}}));
        assert_eq!(when(json!({"at_most": 1})), None);
        let reason = "it applies only where values.kafka.brokers is at least 3";
        assert_eq!(when(json!({"at_least": 3})).as_deref(), Some(reason));
        let undeclared =
            json!({"when": {"values.nope": {"exists": true}}, "with": {"a": "${values.nope}", "wrong": 1}});
        assert_eq!(skip(undeclared).as_deref(), Some("it applies only where values.nope is present"));
        // What it would have been compared with is not known, so it says nothing of it.
        let more = json!({"when": {"values.nope": {"exists": true}}, "expect": {"reason": "${values.nope}"}});
        let found = checks(&[stanza("redis/x", more)]);
        assert_eq!(found[0].expect.describe(), "connected is present");
    }

    #[test]
    fn needs_are_of_the_plan_and_a_family_means_all_of_its_rows() {
        let row = |more: Value| stanza("redis/row", more);
        let refusal = json!({
            "control": ["redis/row/b", "redis/tcp"], "needs": ["redis/row/b"], "expect": {"accepted": false},
        });
        let found = checks(&[
            stanza("opa/x", json!({"needs": ["redis/row", "redis/elsewhere", "redis/tcp"]})),
            stanza("redis/refused", refusal),
            row(json!({"each": {"n": ["a", "b"]}})),
            stanza("redis/elsewhere", json!({"profiles": ["prod"]})),
            plain("redis/tcp"),
        ]);
        let told: Vec<_> =
            found.iter().map(|check| (check.id.as_str(), ids(&check.needs), ids(&check.control))).collect();
        let expected = [
            ("redis/row/a", vec![], vec![]),
            ("redis/row/b", vec![], vec![]),
            ("redis/tcp", vec![], vec![]),
            ("opa/x", vec!["redis/row/a", "redis/row/b", "redis/tcp"], vec![]),
            ("redis/refused", vec!["redis/row/b", "redis/tcp"], vec!["redis/row/b", "redis/tcp"]),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_for_other_profiles_is_known_and_not_planned() {
        let prod = |id: &str, more: Value| {
            let mut more = more;
            more["profiles"] = json!(["staging", "prod"]);
            stanza(id, more)
        };
        let stanzas = [
            prod("redis/x", json!({})),
            prod("redis/rows", json!({"each": {"n": "${values.only.there}"}})),
            prod("nope/x", json!({"with": {"wrong": "${values.nope}"}})),
            plain("redis/tcp"),
        ];
        let (checks, not_applicable) = drafted(&stanzas, &sample::configuration()).expect("no fault");
        assert_eq!(checks.iter().map(|check| check.id.as_str()).collect::<Vec<_>>(), ["redis/tcp"]);
        let expected = ["nope/x", "redis/x"].map(|id| (id, vec![Profile::Staging, Profile::Prod]));
        let told: Vec<_> = not_applicable.iter().map(|(id, profiles)| (id.as_str(), profiles.clone())).collect();
        assert_eq!(told, expected);
    }
}
