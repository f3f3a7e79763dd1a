//! Probes of the suite on itself.

mod controls;
mod reports;

pub(super) use controls::Controls;
pub(super) use reports::Reports;
