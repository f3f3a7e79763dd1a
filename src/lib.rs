//! Says whether shared infrastructure is really ready for applications.

pub mod catalogue;
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod model;
pub mod net;
pub mod probes;
pub mod reports;
