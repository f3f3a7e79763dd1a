use std::path::{Path, PathBuf};

use super::{arguments::EnvironmentArguments, failure::Failure};
use crate::{
    catalogue::{Catalogue, Configuration, Diagnostics},
    model::Via,
};

/// The configuration file that is looked for where none is named.
const DEFAULT_FILE: &str = "soma-conformance.yaml";

/// The environment as its files describe it.
pub(super) struct Environment {
    pub(super) catalogue: Catalogue,
    pub(super) configuration: Configuration,
    pub(super) diagnostics: Diagnostics,
}

/// The configuration file in force, if any.
pub(super) fn configuration_file(arguments: &EnvironmentArguments) -> Option<PathBuf> {
    arguments.config.clone().or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.is_file()))
}

/// Reads catalogue and configuration; every fault of both is told at once.
pub(super) fn read(arguments: &EnvironmentArguments) -> Result<Environment, Failure> {
    let mut diagnostics = Diagnostics::default();
    let catalogue = Catalogue::load(arguments.checks.as_deref(), &mut diagnostics);
    let file = configuration_file(arguments);
    let configuration = Configuration::load(arguments.profile, file.as_deref(), &mut diagnostics);
    match configuration {
        Some(configuration) => {
            let configuration = configuration.reached(arguments.via);
            if arguments.via == Some(Via::PortForward) && configuration.via() == Via::Direct {
                let hint = "declare the cluster with `services: {kubernetes: {enabled: true}}`; profile local has none";
                return Err(Failure::usage("--via port-forward goes through a cluster, and there is none", hint));
            }
            Ok(Environment { catalogue, configuration, diagnostics })
        }
        None => Err(Failure::Faults(diagnostics)),
    }
}

/// The arguments that repeat this environment.
pub(super) fn repeat(arguments: &EnvironmentArguments) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |flag: &str, path: Option<&Path>| {
        if let Some(path) = path {
            words.push(flag.to_owned());
            words.push(path.display().to_string());
        }
    };
    add("--config", arguments.config.as_deref());
    add("--checks", arguments.checks.as_deref());
    if let Some(profile) = arguments.profile {
        words.push("--profile".to_owned());
        words.push(profile.to_string());
    }
    if let Some(via) = arguments.via {
        words.push("--via".to_owned());
        words.push(via.word().to_owned());
    }
    words
}
