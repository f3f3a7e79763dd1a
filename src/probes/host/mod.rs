//! Probes of the machine that the suite runs on.

mod tools;

pub(super) use tools::Tools;
