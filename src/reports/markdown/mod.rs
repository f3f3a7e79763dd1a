//! The report for a pull request, a job summary or a ticket.

mod escape;
mod limits;
mod page;
mod provenance;
mod view;

pub(in crate::reports) use escape::Prose;
pub use page::{JOB_SUMMARY_BYTES, markdown};
