//! Probes of Redis and Valkey, over the `redis` crate on connections of the dialler.

mod cluster;
mod command;
mod connection;
mod durability;
mod home;
mod info;
mod leftovers;
mod members;
mod permissions;
mod plaintext;
mod reply;
mod roundtrip;
mod trouble;

pub(super) use cluster::Cluster;
pub(super) use command::{Command, Write};
pub(super) use durability::Durability;
pub(super) use info::Info;
pub(super) use leftovers::Leftovers;
pub(super) use members::Members;
pub(super) use permissions::Permissions;
pub(super) use plaintext::Plaintext;
pub(super) use roundtrip::Roundtrip;
