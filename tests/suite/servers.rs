//! The real servers that the tests of this binary share.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use soma_stack::{Mode, Server, Stack};

static PLAIN: OnceLock<Mutex<Stack>> = OnceLock::new();

/// The whole plain stack, for one test at a time: they stop and kill its servers.
///
/// It is started by the first test that asks and stopped by its guardian when this process ends, however it ends.
pub(crate) fn plain() -> MutexGuard<'static, Stack> {
    let stack =
        PLAIN.get_or_init(|| Mutex::new(Stack::builder().mode(Mode::Plain).all().start().expect("the stack starts")));
    // A test that failed leaves its server as it was; the next one says what it finds.
    stack.lock().unwrap_or_else(PoisonError::into_inner)
}

static HARDENED: OnceLock<Mutex<Stack>> = OnceLock::new();

/// The whole hardened stack, for one test at a time: TLS, authentication, and passwords that break naive quoting.
///
/// Its profile is that of single servers, so that a healthy run is READY and does not wait for a third broker.
pub(crate) fn hardened() -> MutexGuard<'static, Stack> {
    let stack = HARDENED.get_or_init(|| {
        Mutex::new(Stack::builder().mode(Mode::Hardened).profile("dev").all().start().expect("the stack starts"))
    });
    awake(stack)
}

static REDIS: OnceLock<Mutex<Stack>> = OnceLock::new();

/// A Redis with its replica, for one test at a time: for what needs a server, and no certain one.
pub(crate) fn redis() -> MutexGuard<'static, Stack> {
    let servers = [Server::Redis, Server::RedisReplica];
    let start = || Mutex::new(Stack::builder().mode(Mode::Plain).servers(&servers).start().expect("Redis starts"));
    awake(REDIS.get_or_init(start))
}

/// The stack with every server running: a test that failed may have left one stopped, and its successors must not fail
/// for that.
fn awake(stack: &'static Mutex<Stack>) -> MutexGuard<'static, Stack> {
    let stack = stack.lock().unwrap_or_else(PoisonError::into_inner);
    let servers: Vec<Server> = stack.servers().collect();
    for server in servers {
        stack.resume(server).expect("resumed");
    }
    stack
}
