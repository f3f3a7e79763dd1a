use serde_json::json;

use super::{
    arguments::{ListArguments, ListFormat},
    environment,
    failure::Failure,
    output::say,
    settings, shard,
};
use crate::{
    catalogue,
    model::{ExitCode, Plan, Severity},
    probes,
};

pub(super) fn main(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let request = settings::request(&arguments.selection, None)?;
    let environment = environment::read(&arguments.selection.environment)?;
    let plan = catalogue::make_plan(
        &environment.catalogue,
        &environment.configuration,
        &probes::descriptors(),
        &request,
        environment.diagnostics,
    )?;
    let plan = shard::cut(plan, &arguments.shard, "")?;
    let text = match arguments.format {
        ListFormat::Ids => plan.checks.iter().map(|check| format!("{}\n", check.id)).collect(),
        ListFormat::Json => format!("{:#}\n", json!({"profile": plan.profile, "checks": plan.checks})),
        ListFormat::Table => table(&plan),
    };
    say(&text);
    Ok(ExitCode::Ready)
}

fn table(plan: &Plan) -> String {
    let width = plan.checks.iter().map(|check| check.id.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in &plan.checks {
        let severity = if check.severity == Severity::Required { "required" } else { "advisory" };
        let proof = if check.proven_by.is_empty() { "unproven" } else { "proven" };
        let owner = plan.shard().and_then(|shard| shard.owner(&check.id).filter(|owner| *owner != shard.number));
        let along = owner.map(|owner| format!("  (run along; belongs to shard {owner})")).unwrap_or_default();
        let note = check.skip.as_ref().map(|reason| format!("  (skipped: {reason})")).unwrap_or_default();
        text.push_str(&format!("{:width$}  {severity}  {proof:8}  {}{note}{along}\n", check.id.as_str(), check.title));
    }
    let skipped = plan.checks.iter().filter(|check| check.skip.is_some()).count();
    text.push_str(&format!(
        "\n{} checks of profile {}, {skipped} of them skipped as declared; {} more apply to other profiles\n",
        plan.checks.len(),
        plan.profile,
        plan.not_applicable.len()
    ));
    text
}
