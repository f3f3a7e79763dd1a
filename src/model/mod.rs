//! The words of the program: checks, facts, expectations, verdicts, events, reports.
//!
//! Pure: no runtime, no I/O, no client. Everything that decides whether something is ready is decided here, and
//! can be tested without a server. Reading order: [`CheckId`], [`PlannedCheck`], [`Observation`], [`Expectation`],
//! [`judge`], [`Verdict`], [`Event`], [`Report`].

mod cause;
mod check;
mod check_id;
mod cluster;
mod difference;
mod event;
mod expectation;
mod fact_path;
mod inventory;
mod judgement;
mod matcher;
mod merge;
mod observation;
mod probe;
mod report;
mod right;
mod run_id;
mod run_verdict;
mod secret;
mod shard;
mod snapshot;
mod target;
mod timeline;
mod trouble;
mod untrusted;
mod verdict;
mod waiver;

pub use cause::likely_cause;
pub use check::{Eventually, Plan, PlannedCheck, Profile, Selection, Severity, SourcePlace};
pub use check_id::{CheckId, InvalidCheckId};
pub use cluster::{Cluster, ClusterAccess, KUBERNETES, Via};
pub use difference::{Change, Changed, Difference, Slower, SlowerThan};
pub use event::{CheckResult, Event, JournalError, Level, Provenance, What, read_journal};
pub use expectation::{Expectation, ExpectationError, Mismatch};
pub use fact_path::FactPath;
pub use inventory::{EndpointsLine, INVENTORY, Inventory, PodLine, ServiceEntry};
pub use judgement::{Judgement, judge};
pub use matcher::{Matcher, MatcherError};
pub use merge::{GivenJournal, Joined, MergeError, merge};
pub use observation::{Facts, Observation, Phase};
pub use probe::{Fact, ProbeDescriptor};
pub use report::{Cause, Counts, Report, Row, ServiceSummary, WaiverState, WaiverStatus};
pub use right::Right;
pub use run_id::RunId;
pub use run_verdict::{ExitCode, RunVerdict};
pub use secret::{Redactor, Secret};
pub use shard::{Assigned, MergedShard, RanShard, Shard, ShardError, Sharding};
pub use snapshot::{Point, Side, Snapshot, reach};
pub use target::{HostPort, InvalidHostPort, Target, TlsTarget};
pub use timeline::{Flapping, Timeline};
pub use trouble::{Trouble, TroubleKind};
pub(crate) use untrusted::is_hidden;
pub use untrusted::{clip, one_line, printable};
pub use verdict::Verdict;
pub use waiver::Waiver;
