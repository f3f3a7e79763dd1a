use std::{io::IsTerminal as _, time::Duration};

use super::{
    arguments::{Colour, EnvironmentArguments, RunArguments, RunFormat, SelectionArguments},
    environment,
    failure::Failure,
};
use crate::{
    catalogue::{Configuration, PlanRequest, Selector},
    model::{Provenance, Via},
};

/// What the user asked for, as the plan wants it.
pub(super) fn request(selection: &SelectionArguments, run: Option<&RunArguments>) -> Result<PlanRequest, Failure> {
    let selectors =
        |patterns: &[String]| {
            patterns.iter().map(|pattern| Selector::parse(pattern)).collect::<Result<Vec<_>, _>>().map_err(|error| {
                Failure::usage(error, "a pattern is such as `redis`, `redis/ping`, `kafka/**` or `*/tcp`")
            })
        };
    Ok(PlanRequest {
        only: selectors(&selection.only)?,
        without: selectors(&selection.skip)?,
        severity: selection.severity,
        tags: selection.tag.clone(),
        read_only: run.is_some_and(|run| run.read_only),
        strict: run.is_some_and(|run| run.strict),
        deadline: run.map_or(Duration::from_secs(300), |run| run.deadline.0),
        jobs: run.map_or(16, |run| run.jobs),
        wait: run.and_then(|run| run.wait).map_or(Duration::ZERO, |wait| wait.0),
    })
}

/// Which program makes the run, where, and how to repeat it.
pub(super) fn provenance(command: &str, selection: &SelectionArguments, configuration: &Configuration) -> Provenance {
    let mut words = vec!["soma-conformance".to_owned(), command.to_owned()];
    words.extend(selection.only.iter().map(|pattern| quoted(pattern)));
    words.extend(selection.skip.iter().map(|pattern| format!("--skip {}", quoted(pattern))));
    words.extend(environment::repeat(&selection.environment).iter().map(|word| quoted(word)));
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host_name(),
        vantage: vantage(configuration.via()),
        command: words.join(" "),
        configuration: configuration.files.clone(),
    }
}

/// The arguments of an environment alone, as a selection of everything.
pub(super) fn everything(environment: &EnvironmentArguments) -> SelectionArguments {
    SelectionArguments { environment: environment.clone(), ..SelectionArguments::default() }
}

/// Whether to print colours to standard output.
pub(super) fn colour(wanted: Colour) -> bool {
    match wanted {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            std::io::stdout().is_terminal() && !plain
        }
    }
}

/// Whether to show live progress: only a person at a terminal has use for it.
pub(super) fn is_live(format: RunFormat) -> bool {
    format == RunFormat::Auto
        && std::io::stdout().is_terminal()
        && std::env::var_os("CI").is_none()
        && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// From where the bytes start: directly from here, which may be a pod, or through the API server.
fn vantage(via: Via) -> String {
    if via == Via::PortForward {
        return "port-forward through the API server, degraded: that applications reach the servers is not shown"
            .to_owned();
    }
    let namespace = std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/namespace");
    match namespace {
        Ok(namespace) => format!("direct, a pod in namespace {}", namespace.trim()),
        Err(_) if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => "direct, a pod".to_owned(),
        Err(_) => "direct".to_owned(),
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// A word as a shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:@,".contains(&byte));
    if plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
