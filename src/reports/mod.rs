//! The reports: each a pure function of the folded journal, and one place that writes them all.
//!
//! Nothing is decided here: verdicts, causes and counts come from [`crate::model::Report`]. Reading order:
//! `finding` (what every report says about one check), `wording` (the sentences of the answer), then the writers
//! [`terminal()`], [`markdown()`], [`junit()`], [`results`], [`annotations`], and [`write_all`] with [`verify`]. Over several
//! runs: [`snapshot`] reads one, [`difference_terminal`] and its siblings tell two apart, [`History`] keeps many.

mod difference_json;
mod difference_terminal;
mod difference_view;
mod finding;
mod github;
mod history;
mod json;
mod junit;
mod log_safe;
mod markdown;
mod progress;
mod results_shape;
mod service_table;
mod slowest_chain;
mod snapshot_source;
mod terminal;
mod timeline;
mod verify;
mod wording;
mod write;
mod xml;

pub use difference_json::{difference_json, timeline_json};
pub use difference_terminal::difference_terminal;
pub use github::{annotations, job_summary};
pub use history::{History, HistoryEntries, HistoryEntry, HistoryError};
pub use json::{results, results_schema};
pub use junit::junit;
pub use markdown::{JOB_SUMMARY_BYTES, difference_markdown, markdown};
pub use progress::{plain_line, verdict_style, verdict_word};
pub use results_shape::{Results, SCHEMA_VERSION};
pub use snapshot_source::{SnapshotError, snapshot};
pub use terminal::{TerminalOptions, terminal};
pub use timeline::timeline;
pub use verify::verify;
pub use write::{JUNIT, READINESS, RESULTS, WriteError, write_all};
