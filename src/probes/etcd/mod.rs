//! etcd: its gRPC interface over connections of our own, one member at a time.

mod alarms;
mod connection;
mod endpoint_health;
mod lease;
mod leftovers;
mod login;
mod members;
mod range;
mod round_trip;
mod scratch_key;
mod status;
mod trouble;
mod watch;

pub(super) use alarms::Alarms;
pub(super) use endpoint_health::EndpointHealth;
pub(super) use lease::Lease;
pub(super) use leftovers::Leftovers;
pub(super) use login::Login;
pub(super) use members::Members;
pub(super) use range::Range;
pub(super) use round_trip::RoundTrip;
pub(super) use status::Status;
pub(super) use watch::Watch;
