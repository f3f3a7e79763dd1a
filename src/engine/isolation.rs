use std::{thread, time::Duration};

use serde_json::Value;
use tokio::{runtime, sync::oneshot};

use crate::{
    model::{Facts, Trouble, one_line},
    probes::{RegisteredProbe, Scope},
};

/// How long the connections of a finished probe may take to say goodbye. Nobody waits for it.
const FAREWELL: Duration = Duration::from_millis(100);

/// The stack of a probe's thread; touched only as far as it is used. Futures of several clients inside each other take most of
/// the usual 2 MiB in an unoptimised build, and an overflow would cost the whole worker.
const STACK: usize = 16 << 20;

/// Runs a probe on a thread and a runtime of its own.
///
/// On threads shared with others, one that spins or blocks would keep tasks of others that wait in the queue of its
/// thread, and with them the watch over all sockets: healthy servers would then be reported as silent.
pub(super) async fn isolated(probe: &'static RegisteredProbe, scope: Scope, with: Value) -> Result<Facts, Trouble> {
    let (tell, told) = oneshot::channel();
    let name = scope.check.to_string();
    let start = thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = tell.send(Err(Trouble::unable("plan", "harness.runtime", error)));
                return;
            }
        };
        // A task, so that a panic is this check's error and nobody else's.
        let outcome = runtime.block_on(async { tokio::spawn(probe.run(scope, with)).await });
        // Whoever asked may have given up.
        let _ = tell.send(outcome.unwrap_or_else(|join| Err(trouble_of(join))));
        // The timer is made inside the runtime: outside there is none to make it in.
        runtime.block_on(async { tokio::time::sleep(FAREWELL).await });
        runtime.shutdown_background();
    });
    if let Err(error) = start {
        return Err(Trouble::unable("plan", "harness.thread", error));
    }
    told.await.unwrap_or_else(|_| Err(Trouble::unable("op", "harness.panic", "the probe ended without an answer")))
}

fn trouble_of(join: tokio::task::JoinError) -> Trouble {
    let what = if join.is_panic() { panic_text(join.into_panic().as_ref()) } else { "cancelled".to_owned() };
    Trouble::unable("op", "harness.panic", format!("the probe panicked: {what}"))
}

/// What a panic says, in one line.
pub(super) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text =
        payload.downcast_ref::<&str>().map(ToString::to_string).or_else(|| payload.downcast_ref::<String>().cloned());
    one_line(&text.unwrap_or_else(|| "without a message".to_owned()))
}
