//! Runs a plan: the supervisor owns the journal and links no driver's fate to its own, the worker does the probing.
//!
//! Reading order: [`Schedule`] (pure), `attempt` (one check), [`run_worker`], [`Journal`], [`supervise`].

mod attempt;
mod evidence;
mod isolation;
mod journal;
mod schedule;
mod supervisor;
mod wire;
mod worker;

pub use journal::{Journal, JournalFailure};
pub use schedule::{PER_TARGET, Schedule};
pub use supervisor::{Supervision, SupervisorError, supervise};
pub use wire::WorkerInput;
pub use worker::run_worker;
