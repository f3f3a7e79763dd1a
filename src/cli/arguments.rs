use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{
    catalogue::HumanDuration,
    model::{Profile, Severity},
};

const EXIT_CODES: &str = "\
Exit codes:
  0    READY
  1    NOT READY: a required check failed
  2    INCOMPLETE: nothing failed, but something could not be decided
  3    wrong usage, configuration or data files; nothing was sent
  4    the selection matches no check
  5    a report could not be written
  130, 143  interrupted; the reports are complete all the same

Examples:
  soma-conformance run                                  everything of the profile, by the contract's addresses
  soma-conformance run --config soma-conformance.yaml   against the servers named in a file
  soma-conformance run postgres 'kafka/**' --wait 5m    two services, after waiting for them
  soma-conformance explain kafka/advertised-reachable   what a check looks at, and what to do when it is red";

/// Says whether shared infrastructure is really ready for applications: real servers, real protocols, one verdict.
#[derive(Debug, Parser)]
#[command(name = "soma-conformance", version, about, after_help = EXIT_CODES, propagate_version = true, disable_help_subcommand = true, max_term_width = 110)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the servers and write the readiness reports
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// List the checks that a run would make
    List(ListArguments),
    /// Show what a check or a probe looks at, why, and what to do when it is red
    Explain(ExplainArguments),
    /// Find every fault in check files, vectors and configuration; sends nothing
    Lint(LintArguments),
    /// Print a JSON Schema, for editors and for readers of the results
    Schema(SchemaArguments),
    /// Make the reports again from the journal of a run, also of one that was killed
    Report(ReportArguments),
    /// Print the contract that applications need: addresses, JWKS URL, OPA decision path
    Contract(ContractArguments),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
}

/// Which environment, and which checks of it.
#[derive(Debug, Clone, Default, Args)]
pub struct SelectionArguments {
    /// Checks to run: a service (`redis`), a check (`redis/ping`) or a pattern (`kafka/**`, `*/tcp`); what they need comes along
    #[arg(value_name = "CHECK")]
    pub only: Vec<String>,
    /// Checks to leave out, by the same patterns
    #[arg(long, value_name = "CHECK")]
    pub skip: Vec<String>,
    /// Only checks of this severity
    #[arg(long, value_parser = severity, value_name = "required|advisory")]
    pub severity: Option<Severity>,
    /// Only checks with this label (repeatable)
    #[arg(long)]
    pub tag: Vec<String>,
    #[command(flatten)]
    pub environment: EnvironmentArguments,
}

/// Which environment.
#[derive(Debug, Clone, Default, Args)]
pub struct EnvironmentArguments {
    /// The kind of environment [default: the file's, or `dev` without a file]
    #[arg(long, value_parser = clap::builder::ValueParser::new(profile), value_name = "local|dev|staging|prod")]
    pub profile: Option<Profile>,
    /// The configuration file [default: ./soma-conformance.yaml, if it is there]
    #[arg(long, value_name = "FILE", env = "SOMA_CONFORMANCE_CONFIG")]
    pub config: Option<PathBuf>,
    /// A folder with checks of your own: added to the built-in ones, or replacing those of the same id
    #[arg(long, value_name = "DIR", env = "SOMA_CONFORMANCE_CHECKS")]
    pub checks: Option<PathBuf>,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// Wait up to this long for conditions to come true before judging them (`5m`)
    #[arg(long, value_name = "DURATION")]
    pub wait: Option<HumanDuration>,
    /// The whole run may take this long; what has not run by then is reported as such
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub deadline: HumanDuration,
    /// Checks at once; never more than 8 against one service
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub jobs: usize,
    /// Skip every check that writes to a server, and say so
    #[arg(long)]
    pub read_only: bool,
    /// Let advisory checks decide as well
    #[arg(long)]
    pub strict: bool,
    /// Where the reports and the journal go; created if missing
    #[arg(long, value_name = "DIR", default_value = "soma-conformance-report", env = "SOMA_CONFORMANCE_REPORT_DIR")]
    pub report_dir: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value_t = RunFormat::Auto)]
    pub format: RunFormat,
    /// When to use colours; `auto` honours `NO_COLOR` and needs a terminal
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// What `run` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// Live progress on a terminal, plain lines elsewhere; the summary at the end
    Auto,
    /// One line a check, as it finishes; the summary at the end
    Plain,
    /// Only results.json, at the end
    Json,
    /// Only readiness.md, at the end
    Markdown,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

/// `list`.
#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// How `list` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Id, severity, proof and title
    Table,
    /// Ids alone
    Ids,
    /// Everything, as JSON
    Json,
}

/// `explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArguments {
    /// A check (`postgres/select-1`) or a probe (`http.request`)
    #[arg(value_name = "CHECK|PROBE")]
    pub name: String,
    #[command(flatten)]
    pub environment: EnvironmentArguments,
}

/// `lint`.
#[derive(Debug, Clone, Args)]
pub struct LintArguments {
    #[command(flatten)]
    pub environment: EnvironmentArguments,
}

/// `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArguments {
    /// Of what
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Files under checks/
    Checks,
    /// soma-conformance.yaml
    Config,
    /// results.json
    Results,
}

/// `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArguments {
    /// The journal of the run
    #[arg(long, value_name = "JOURNAL")]
    pub from: PathBuf,
    /// Where the reports go [default: beside the journal]
    #[arg(long, value_name = "DIR")]
    pub report_dir: Option<PathBuf>,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// `contract`.
#[derive(Debug, Clone, Args)]
pub struct ContractArguments {
    /// How to print
    #[arg(long, value_enum, default_value_t = ContractFormat::Env)]
    pub format: ContractFormat,
    #[command(flatten)]
    pub environment: EnvironmentArguments,
}

/// How `contract` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ContractFormat {
    /// `NAME=value` lines
    Env,
    /// A JSON object
    Json,
    /// A Kubernetes `ConfigMap`, to be applied in the namespace of the services
    Configmap,
}

/// `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArguments {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

fn profile(text: &str) -> Result<Profile, String> {
    text.parse()
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "required" => Ok(Severity::Required),
        "advisory" => Ok(Severity::Advisory),
        other => Err(format!("`{other}` is not a severity; known are required, advisory")),
    }
}
