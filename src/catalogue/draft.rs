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
        KnownValues::of(self.catalogue).tell_unknown(&self.configuration.declared_values, &mut self.diagnostics);
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
        self.tell_dangling_names();
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
