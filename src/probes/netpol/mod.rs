//! Probes of what NetworkPolicies let through, seen by probe pods in several namespaces.

mod canary;
mod flip;
mod leftovers;
mod port_scope;
mod reach;
mod vantages;

pub(super) use canary::Canary;
pub(super) use flip::Flip;
pub(super) use leftovers::Leftovers;
pub(super) use port_scope::PortScope;
pub(super) use reach::Reach;
