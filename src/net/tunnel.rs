use std::fmt::Debug;

use futures::future::BoxFuture;
use tokio::net::TcpStream;

use super::Clock;
use crate::model::{HostPort, Trouble};

/// A way to addresses that are not reachable from where we stand. What answers through it answers; that an application
/// reaches the same address is not shown by it.
pub trait Tunnel: Debug + Send + Sync {
    /// Whether this address is reached through it.
    fn leads_to(&self, address: &HostPort) -> bool;

    /// A connection to the address.
    ///
    /// # Errors
    /// A fault, when nothing is there to take the connection; unable, when the tunnel itself does not come about.
    fn open<'a>(&'a self, clock: &'a Clock, address: &'a HostPort) -> BoxFuture<'a, Result<TcpStream, Trouble>>;
}
