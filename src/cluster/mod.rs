//! Kubernetes: which cluster, its API, and pods of our own in it.
//!
//! Every answer that is not the one asked for is *unable*, never a fault: an API server that fails, throttles or
//! forbids says nothing about the shared services. Nothing is retried behind the back of a check.

mod access;
mod api;
mod forward;
pub mod policy;
mod refusal;
pub mod slices;
pub mod vantage;

pub use access::{AccessError, find_access};
pub use api::{Answer, Api, Lines, collection};
pub use forward::PortForward;
