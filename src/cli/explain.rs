use super::{arguments::ExplainArguments, environment, failure::Failure, output::say, settings};
use crate::{
    catalogue::{self, suggestion},
    model::{ExitCode, PlannedCheck, ProbeDescriptor},
    probes,
};

pub(super) fn main(arguments: &ExplainArguments) -> Result<ExitCode, Failure> {
    if let Some(probe) = probes::find(&arguments.name) {
        say(&explain_probe(&probe.descriptor));
        return Ok(ExitCode::Ready);
    }
    let environment = environment::read(&arguments.environment)?;
    let request = settings::request(&settings::everything(&arguments.environment), None)?;
    let plan = catalogue::make_plan(
        &environment.catalogue,
        &environment.configuration,
        &probes::descriptors(),
        &request,
        environment.diagnostics,
    )?;
    let rows: Vec<&PlannedCheck> = plan
        .checks
        .iter()
        .filter(|check| check.id.as_str() == arguments.name || check.id.family() == arguments.name)
        .collect();
    let Some(first) = rows.first() else {
        if let Some((_, profiles)) =
            plan.not_applicable.iter().find(|(id, _)| id.as_str() == arguments.name || id.family() == arguments.name)
        {
            let words: Vec<&str> = profiles.iter().map(|profile| profile.word()).collect();
            let hint = format!("it applies to {}: add `--profile {}`", words.join(", "), words.first().unwrap_or(&""));
            return Err(Failure::usage(
                format!("`{}` does not apply to profile `{}`", arguments.name, plan.profile),
                hint,
            ));
        }
        let known = plan
            .checks
            .iter()
            .map(|check| check.id.as_str())
            .chain(probes::registry().iter().map(|probe| probe.descriptor.name));
        let hint = suggestion(&arguments.name, known).map_or_else(
            || "`soma-conformance list` shows every check".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::usage(format!("there is no check or probe `{}`", arguments.name), hint));
    };
    let values = environment.catalogue.values_of(first, &environment.configuration);
    say(&explain_check(first, &rows, &values));
    Ok(ExitCode::Ready)
}

fn explain_check(check: &PlannedCheck, rows: &[&PlannedCheck], values: &[String]) -> String {
    let name = if rows.len() > 1 { check.id.family() } else { check.id.as_str() };
    let mut lines =
        vec![name.to_owned(), format!("  {}", check.title), String::new(), format!("  {}", check.why), String::new()];
    let mut add = |label: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("  {label:12} {text}"));
        }
    };
    add("severity", check.severity.to_string());
    add("probe", format!("{} (`soma-conformance explain {}`)", check.probe, check.probe));
    if !check.with.is_null() {
        add("with", check.with.to_string());
    }
    add("expects", check.expect.describe());
    add("set by", values.join("; "));
    let names = |ids: &[crate::model::CheckId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    add("needs", names(&check.needs));
    add("control", names(&check.control));
    add("deadline", format!("{} ms", check.deadline_ms));
    if let Some(eventually) = check.eventually {
        add("eventually", format!("within {} ms, every {} ms", eventually.within_ms, eventually.every_ms));
    }
    add("writes", if check.writes { "yes; removed again".to_owned() } else { String::new() });
    add("if it is red", check.likely_cause.clone());
    add("do next", check.remedy.clone());
    add(
        "proven by",
        if check.proven_by.is_empty() { "nothing yet: unproven".to_owned() } else { check.proven_by.join("; ") },
    );
    add("covers", check.covers.join(", "));
    add("written in", check.source.to_string());
    add("skipped", check.skip.clone().unwrap_or_default());
    if rows.len() > 1 {
        add("rows", String::from("one check each:"));
        for row in rows {
            let place = row.vector.as_ref().map(|place| format!("  ({place})")).unwrap_or_default();
            lines.push(format!("    {}{place}", row.id));
        }
    }
    lines.join("\n") + "\n"
}

fn explain_probe(probe: &ProbeDescriptor) -> String {
    let mut lines = vec![format!("{}: {}", probe.name, probe.about), String::new(), "  facts".to_owned()];
    lines.extend(probe.facts.iter().map(|fact| format!("    {:20} {}", fact.name, fact.about)));
    let parameters = (probe.parameters)();
    if let Some(properties) =
        parameters.get("properties").and_then(serde_json::Value::as_object).filter(|map| !map.is_empty())
    {
        lines.push(String::new());
        lines.push("  with".to_owned());
        for (name, property) in properties {
            let about =
                property.get("description").and_then(serde_json::Value::as_str).unwrap_or_default().replace('\n', " ");
            lines.push(format!("    {name:20} {about}"));
        }
    }
    if probe.writes {
        lines.push(String::new());
        lines.push("  It writes to the server and removes what it wrote; --read-only skips it.".to_owned());
    }
    lines.join("\n") + "\n"
}
