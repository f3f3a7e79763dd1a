use super::{arguments::LintArguments, environment, failure::Failure, output::say, settings};
use crate::{
    catalogue::{self, Catalogue, Configuration, Diagnostics, PlanError},
    model::{ExitCode, Profile},
    probes,
};

/// Plans every profile: a fault that only one of them shows is a fault all the same.
pub(super) fn main(arguments: &LintArguments) -> Result<ExitCode, Failure> {
    let request = settings::request(&settings::everything(&arguments.environment), None)?;
    let user_file = environment::configuration_file(&arguments.environment);
    let mut all = Diagnostics::default();
    let mut checks = 0;
    // The user's file speaks of one environment; without one every profile is looked at.
    let profiles: Vec<Option<Profile>> = match (&user_file, arguments.environment.profile) {
        (_, Some(profile)) => vec![Some(profile)],
        (Some(_), None) => vec![None],
        (None, None) => Profile::ALL.into_iter().map(Some).collect(),
    };
    for profile in profiles {
        let mut diagnostics = Diagnostics::default();
        let catalogue = Catalogue::load(arguments.environment.checks.as_deref(), &mut diagnostics);
        let Some(configuration) = Configuration::load(profile, user_file.as_deref(), &mut diagnostics) else {
            all.merge(diagnostics);
            continue;
        };
        match catalogue::make_plan(&catalogue, &configuration, &probes::descriptors(), &request, diagnostics) {
            Ok(plan) => {
                checks = checks.max(plan.checks.len() + plan.not_applicable.len());
                for waiver in &plan.unmatched_waivers {
                    let file = configuration.files.first().map_or("", String::as_str);
                    let title = format!("the waiver of `{}` is for no check", waiver.check);
                    all.add(file, (0, 0), title, "`soma-conformance list --format ids` prints the known ones");
                }
            }
            Err(PlanError::Faults(diagnostics)) => all.merge(diagnostics),
            Err(other) => return Err(other.into()),
        }
    }
    if !all.is_empty() {
        return Err(Failure::Faults(all));
    }
    say(&format!("{checks} checks, no fault found\n"));
    Ok(ExitCode::Ready)
}
