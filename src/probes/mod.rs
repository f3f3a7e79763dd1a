//! Probes look at a real server and return facts; they never judge.
//!
//! One folder per service, one file per probe; [`registry`] lists them all. A new probe is one file and one line there.

mod contract;
mod etcd;
#[cfg(feature = "faults")]
mod fault;
#[cfg(test)]
mod faulty_server;
mod host;
mod http;
mod jwt;
mod kafka;
mod kubernetes;
mod net;
mod netpol;
mod no_parameters;
mod openfga;
mod postgres;
mod probe;
mod prometheus;
mod random;
mod redis;
mod registry;
mod scope;
mod sessions;
mod suite;
mod tunnel;
mod vault;

use no_parameters::NoParameters;
use random::random_text;

#[cfg(feature = "faults")]
pub use fault::enable_faults;
pub use probe::{Probe, RegisteredProbe};
pub use registry::{descriptors, find, registry};
pub use scope::{FinishedCheck, RunView, Scope, Targets};
pub use sessions::Sessions;
pub use tunnel::tunnel_to;
