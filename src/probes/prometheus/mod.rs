//! Prometheus: what it scrapes, evaluates and answers.

mod api;
mod query;
mod rules;
mod targets;

pub(super) use query::Query;
pub(super) use rules::Rules;
pub(super) use targets::ScrapeTargets;
