//! Probe pods: this program in another namespace, connecting again and again to the same addresses and telling how
//! each attempt ended.
//!
//! They sample all the time, so that what two of them saw can be compared within the same second, and so that the
//! moment in which a policy takes hold is seen. Every attempt is a new socket: a policy judges the first packet, and a
//! connection that is open outlives it.

mod claim;
mod directory;
mod manifest;
mod pod;
mod program;
mod sample;
mod samples;
mod set;
mod sweep;
mod volume;
mod wish;

pub use claim::{Bound, ClaimedVolume};
pub use directory::{Directory, ServiceAddresses};
pub use program::run_vantage;
pub use sample::{Outcome, Sample};
pub use set::{Settled, Vantages, remove, rights};
pub use sweep::{scratch_namespaces, sweep};
pub use wish::{Source, Wish};
