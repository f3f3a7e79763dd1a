//! Probes that need no client: they dial.

mod resolve;
mod tcp;
mod tls;

pub(super) use resolve::{Resolve, first_server};
pub(super) use tcp::Tcp;
pub(super) use tls::{FACTS as TLS_FACTS, Tls, facts_of as tls_facts};
