//! The reports: each a pure function of the folded journal, and one place that writes them all.
//!
//! Nothing is decided here: verdicts, causes and counts come from [`crate::model::Report`]. Reading order:
//! `finding` (what every report says about one check), `wording` (the sentences of the answer), then the writers
//! [`terminal()`], [`markdown()`], [`junit()`], [`results`], [`annotations`], and [`write_all`] with [`verify`].

mod finding;
mod github;
mod json;
mod junit;
mod log_safe;
mod markdown;
mod progress;
mod results_shape;
mod service_table;
mod slowest_chain;
mod terminal;
mod verify;
mod wording;
mod write;
mod xml;

pub use github::{annotations, job_summary};
pub use json::{results, results_schema};
pub use junit::junit;
pub use markdown::{JOB_SUMMARY_BYTES, markdown};
pub use progress::{plain_line, verdict_style, verdict_word};
pub use results_shape::{Results, SCHEMA_VERSION};
pub use terminal::{TerminalOptions, terminal};
pub use verify::verify;
pub use write::{JUNIT, READINESS, RESULTS, WriteError, write_all};
