//! Probes of the Kubernetes API. An API server that does not tell leaves every one of them *unable*.

mod admit;
mod connection;
mod get;
mod list;
mod permissions;
mod raw;

pub(super) use admit::Admit;
pub(in crate::probes) use connection::{Connection, connect};
pub(super) use get::Get;
pub(super) use list::List;
pub(super) use permissions::Permissions;
pub(super) use raw::Raw;
