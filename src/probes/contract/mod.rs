//! The contract that the infrastructure publishes to applications.

mod endpoints;
mod fetch;
mod file;
mod published;

pub(super) use endpoints::Endpoints;
pub(super) use fetch::Fetch;
pub(super) use file::Contract;
pub(super) use published::Published;
