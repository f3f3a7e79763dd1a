//! One dialler for every probe: resolve, connect, TLS, with phase times, byte caps and a deadline; HTTP on top of it.
//!
//! No driver's own time-out is trusted: every step runs inside [`Clock::phase`], which ends it in time and names it.
//! No proxy, no redirect, verification always on.

mod capped;
mod certificate;
mod clock;
mod dial;
mod http;
mod name_query;
mod patience;
mod resolve;
mod shortage;
mod stream;
mod tls;
mod tls_error;
mod tunnel;

pub use capped::{Capped, LastWords, TooMuch};
pub use certificate::certificate_facts;
pub use clock::Clock;
pub use dial::Dialler;
pub use http::{HttpAnswer, HttpRequest};
pub use name_query::{NameAnswer, NameKind, NameQuery, Transport, name_servers};
pub use patience::Patience;
pub use resolve::Resolver;
pub use stream::Stream;
pub use tls::{client_config, install_provider, server_name, trust_store};
pub use tls_error::tls_trouble;
pub use tunnel::Tunnel;
