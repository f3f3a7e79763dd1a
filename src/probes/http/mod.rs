//! The generic HTTP probe.

mod api;
mod clock;
mod latency;
mod place;
mod placeholders;
mod pooled;
mod request;
mod sequence;

pub(super) use api::{Api, ApiAnswer};
pub(super) use clock::ServerClock;
pub(super) use latency::Latency;
pub(super) use place::Place;
pub(super) use pooled::{base_url, pooled_client};
pub(super) use request::Request;
pub(super) use sequence::{Sequence, WritingSequence};
