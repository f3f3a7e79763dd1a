use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::shard::ShardArguments;
use crate::{
    catalogue::HumanDuration,
    model::{Profile, Severity, Via},
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

const RUN_HELP: &str = "\
On several machines (an Indexed Job of Kubernetes, or a matrix of CI jobs), each runs its part and one joins them:
  soma-conformance run --shard auto/3 --run-group \"$JOB_UID\" --report-dir /shared/$JOB_COMPLETION_INDEX
  soma-conformance merge /shared/0 /shared/1 /shared/2 --report-dir /shared/whole

Every night, with what changed since the night before in readiness.md:
  soma-conformance run --history /var/lib/soma-conformance --keep 60";

const MERGE_HELP: &str = "\
Each check has the verdict of the shard it belongs to; where another shard ran it along and saw worse, that counts.
A shard whose journal is not given leaves its checks `not run`: the whole is at best INCOMPLETE (exit code 2).
Journals of another run group, profile, configuration, catalogue or selection are refused (exit code 3).";

const DIFF_HELP: &str = "\
A check that turns from pass to blocked, error or not run is `newly undecided`; one that turns from fail to these, or to a
declared skip, is not fixed. Only a pass is a repair.

Exit codes:
  0    nothing of what --fail-on names (without it: always)
  1    something of what --fail-on names
  3    one of the two is no run

Examples:
  soma-conformance diff last-night/results.json soma-conformance-report
  soma-conformance diff OLD NEW --fail-on new,vanished --format markdown
  soma-conformance diff OLD NEW --fail-on slower --slower-factor 3 --slower-floor 1s";

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
    #[command(after_help = format!("{RUN_HELP}\n\n{EXIT_CODES}"))]
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
    /// Decide whether an application may be let in: every required check, and what its own namespace needs
    #[command(after_help = EXIT_CODES)]
    Gate(GateArguments),
    /// Fetch the reports of a run inside the cluster: follow its Job, also after it was killed
    Collect(CollectArguments),
    /// Print the least Kubernetes Roles with which the selected checks can be made
    Rbac(RbacArguments),
    /// Remove what killed runs left in the cluster
    Sweep(SweepArguments),
    /// Join the journals of the shards of one run, and write the reports of the whole
    #[command(after_help = MERGE_HELP)]
    Merge(MergeArguments),
    /// Tell what changed from one run to another: new reds, repairs, what vanished, what takes longer
    #[command(after_help = DIFF_HELP)]
    Diff(DiffArguments),
    /// Show the runs of a history over time, and the checks that flap
    History(HistoryOfArguments),
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
    /// The kind of environment [default: the file's, or `local` where the file
    /// names none, or `dev` without a file]
    #[arg(long, value_parser = clap::builder::ValueParser::new(profile), value_name = "local|dev|staging|prod")]
    pub profile: Option<Profile>,
    /// The configuration file [default: ./soma-conformance.yaml, if it is there]
    #[arg(long, value_name = "FILE", env = "SOMA_CONFORMANCE_CONFIG")]
    pub config: Option<PathBuf>,
    /// How to reach the servers in a cluster: by their own addresses, as applications do, or from a desk outside of it by
    /// port-forwards, which show that the servers work but not that anybody reaches them: no such run is READY [default: the
    /// file's, or direct]
    #[arg(long, value_parser = clap::builder::ValueParser::new(via), value_name = "direct|port-forward")]
    pub via: Option<Via>,
    /// A folder with checks of your own (DIR/checks and DIR/vectors, or DIR itself): added to the built-in ones, or
    /// replacing those of the same id. Profiles in DIR/profiles are not read: values belong into the configuration file
    #[arg(long, value_name = "DIR", env = "SOMA_CONFORMANCE_CHECKS")]
    pub checks: Option<PathBuf>,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// Wait up to this long for conditions to come true before judging them (`5m`). Waits for what decides readiness: for
    /// required checks and what they need, with --strict for all; an advisory check that warns keeps nobody waiting
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
    #[command(flatten)]
    pub shard: ShardArguments,
    /// The name that all shards of one run share, and no other run: the id of the CI run, the uid of the Job
    #[arg(long, value_name = "NAME", env = "SOMA_CONFORMANCE_RUN_GROUP")]
    pub run_group: Option<String>,
    #[command(flatten)]
    pub history: HistoryArguments,
    /// What to print
    #[arg(long, value_enum, default_value_t = RunFormat::Auto)]
    pub format: RunFormat,
    /// When to use colours; `auto` honours `NO_COLOR` and needs a terminal
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// Where runs are kept.
#[derive(Debug, Clone, Default, Args)]
pub struct HistoryArguments {
    /// Keep the reports of the run in a folder below DIR, and tell in readiness.md what changed since the last run there
    /// that came to its end, of the same profile and selection
    #[arg(long, value_name = "DIR", env = "SOMA_CONFORMANCE_HISTORY")]
    pub history: Option<PathBuf>,
    /// How many runs the history keeps; the last that came to its end always stays
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub keep: usize,
}

/// What `run` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// Live progress on a terminal, plain lines elsewhere; the summary at the end
    Auto,
    /// One line a check, as it finishes; the summary at the end
    Plain,
    /// Every event of the run as one line of JSON, as it happens: for a log that is collected
    Journal,
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
    #[command(flatten)]
    pub shard: ShardArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// `gate`.
#[derive(Debug, Clone, Args)]
pub struct GateArguments {
    /// The namespace of the application that asks to be let in
    #[arg(long, value_name = "NAMESPACE")]
    pub app_namespace: String,
    #[command(flatten)]
    pub run: RunArguments,
}

/// `collect`.
#[derive(Debug, Clone, Args)]
pub struct CollectArguments {
    /// The Job whose pods run `soma-conformance run --format journal`
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Its namespace
    #[arg(long, short, value_name = "NAMESPACE", default_value = "soma-conformance")]
    pub namespace: String,
    /// How many pods it has: the shards of an Indexed Job
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub pods: usize,
    /// How long to wait for its end
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    pub deadline: HumanDuration,
    /// Where the reports go; created if missing
    #[arg(long, value_name = "DIR", default_value = "soma-conformance-report", env = "SOMA_CONFORMANCE_REPORT_DIR")]
    pub report_dir: PathBuf,
    #[command(flatten)]
    pub environment: EnvironmentArguments,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// `rbac`.
#[derive(Debug, Clone, Args)]
pub struct RbacArguments {
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// The `ServiceAccount` to bind the Roles to
    #[arg(long, value_name = "NAME", default_value = "soma-conformance")]
    pub service_account: String,
    /// Its namespace
    #[arg(long, short, value_name = "NAMESPACE", default_value = "soma-conformance")]
    pub namespace: String,
    /// With the rights for the gate of this application's namespace
    #[arg(long, value_name = "NAMESPACE")]
    pub app_namespace: Option<String>,
}

/// `sweep`.
#[derive(Debug, Clone, Args)]
pub struct SweepArguments {
    /// Leave what is younger: a run may still need it; `0s` leaves nothing
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = age)]
    pub older_than: HumanDuration,
    #[command(flatten)]
    pub environment: EnvironmentArguments,
}

/// `merge`.
#[derive(Debug, Clone, Args)]
pub struct MergeArguments {
    /// The journal of each shard, or the folder of its reports
    #[arg(value_name = "JOURNAL", required = true)]
    pub journals: Vec<PathBuf>,
    /// Where the reports and the journal of the whole go; created if missing
    #[arg(long, value_name = "DIR", default_value = "soma-conformance-report", env = "SOMA_CONFORMANCE_REPORT_DIR")]
    pub report_dir: PathBuf,
    #[command(flatten)]
    pub history: HistoryArguments,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArguments {
    /// The earlier run: its results.json, its journal, or the folder of its reports
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The later run, in the same ways
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = DiffFormat::Table)]
    pub format: DiffFormat,
    /// End with exit code 1 when there is any of these (repeatable, or separated by commas)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,
    /// Call a check slower that takes this many times as long, and longer by --slower-floor
    #[arg(long, value_name = "FACTOR", default_value = "2", value_parser = factor)]
    pub slower_factor: u64,
    /// Call a check slower that takes this much longer, and --slower-factor times as long
    #[arg(long, value_name = "DURATION", default_value = "500ms")]
    pub slower_floor: HumanDuration,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// How `diff` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// A line for each change, the summary at the end
    Table,
    /// For a pull request or a ticket
    Markdown,
    /// Everything, for programs
    Json,
}

/// On what `diff` fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A check is red or undecided that was not before, or is new and so
    New,
    /// An advisory check warns that did not before
    Warning,
    /// A check is not in the plan any more, or is skipped by declaration now
    Vanished,
    /// A check takes much longer
    Slower,
    /// Any of the above
    Any,
}

/// `history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryOfArguments {
    /// The folder that `run --history` writes
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Look only at this many of the last runs
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub last: usize,
    /// How to print
    #[arg(long, value_enum, default_value_t = HistoryFormat::Table)]
    pub format: HistoryFormat,
}

/// How `history` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// A line for each run, a strip for each check that flaps
    Table,
    /// Everything, for programs
    Json,
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
    /// The journal of the run; `-` for a log on standard input: `kubectl logs job/NAME | soma-conformance report --from -`
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

fn via(text: &str) -> Result<Via, String> {
    text.parse()
}

/// An age: a duration that may be nothing.
fn age(text: &str) -> Result<HumanDuration, String> {
    if text == "0s" { Ok(HumanDuration(Duration::ZERO)) } else { text.parse() }
}

/// A factor in hundredths.
fn factor(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a factor: expected a number of at least 1, such as `2` or `1.5`");
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole, 6) || !is_digits(part, 2) {
        return Err(wrong());
    }
    let hundredths = format!("{whole}{part:0<2}").parse::<u64>().map_err(|_| wrong())?;
    if hundredths >= 100 { Ok(hundredths) } else { Err(wrong()) }
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "required" => Ok(Severity::Required),
        "advisory" => Ok(Severity::Advisory),
        other => Err(format!("`{other}` is not a severity; known are required, advisory")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_read_in_hundredths() {
        let cases =
            [("2", Some(200)), ("1.5", Some(150)), ("1.05", Some(105)), ("1", Some(100)), ("10.0", Some(1_000))];
        for (text, expected) in cases {
            assert_eq!(factor(text).ok(), expected, "{text}");
        }
        for wrong in ["0", "0.99", "-2", "2.", ".5", "x", "", "1.005", "1e3", "99999999"] {
            assert!(factor(wrong).is_err(), "{wrong}");
        }
    }
}
