//! Probes of what `NetworkPolicies` let through, seen by probe pods in several namespaces.

mod canary;
mod egress;
mod flip;
mod leftovers;
mod port_scope;
mod reach;
mod simulation;
mod vantages;

pub(super) use canary::Canary;
pub(super) use egress::Egress;
pub(super) use flip::Flip;
pub(super) use leftovers::Leftovers;
pub(super) use port_scope::PortScope;
pub(super) use reach::Reach;
pub(super) use simulation::Simulation;
