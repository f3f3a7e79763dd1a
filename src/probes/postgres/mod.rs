//! Probes of PostgreSQL, over `tokio-postgres` on connections of the dialler.

mod archive;
mod frames;
mod greeting;
mod leftovers;
mod login;
mod patroni;
mod query;
mod replicas;
mod roundtrip;
mod scratch;
mod session;
mod startup;
mod tls;
mod trouble;
mod wire;

pub(super) use archive::ArchiveSwitch;
pub(super) use leftovers::Leftovers;
pub(super) use login::LogIn;
pub(super) use patroni::Patroni;
pub(super) use query::Query;
pub(super) use replicas::Replicas;
pub(super) use roundtrip::Roundtrip;
pub(super) use startup::Startup;
pub(super) use tls::Tls;
