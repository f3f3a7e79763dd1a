//! The real servers that the tests of this binary share.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use soma_stack::{Mode, Stack};

static PLAIN: OnceLock<Mutex<Stack>> = OnceLock::new();

/// The whole plain stack, for one test at a time: they stop and kill its servers.
///
/// It is started by the first test that asks and stopped by its guardian when this process ends, however it ends.
pub fn plain() -> MutexGuard<'static, Stack> {
    let stack =
        PLAIN.get_or_init(|| Mutex::new(Stack::builder().mode(Mode::Plain).all().start().expect("the stack starts")));
    // A test that failed leaves its server as it was; the next one says what it finds.
    stack.lock().unwrap_or_else(PoisonError::into_inner)
}
