//! `OpenFGA`: relationship-based authorization.

mod api;
mod check;
mod leftovers;
mod model;
mod round_trip;

pub(super) use check::Check;
pub(super) use leftovers::Leftovers;
pub(super) use model::Model;
pub(super) use round_trip::RoundTrip;
