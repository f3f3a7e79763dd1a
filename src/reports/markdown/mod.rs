//! The report for a pull request, a job summary or a ticket.

mod difference;
mod escape;
mod inventory;
mod limits;
mod page;
mod provenance;
mod reachability;
mod view;

pub use difference::difference_markdown;
pub(in crate::reports) use escape::Prose;
pub(in crate::reports) use inventory::INVENTORY_HEADING;
pub use page::{JOB_SUMMARY_BYTES, markdown};
