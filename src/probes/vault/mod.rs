//! The Vault API: tokens and the key-value engine.

mod client;
mod kv_round_trip;
mod leftovers;
mod lookup_self;

pub(super) use kv_round_trip::KvRoundTrip;
pub(super) use leftovers::Leftovers;
pub(super) use lookup_self::LookupSelf;
