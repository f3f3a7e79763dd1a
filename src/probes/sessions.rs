use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use tokio::{runtime::Handle, sync::OnceCell};

use crate::model::Trouble;

type Slot = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Connections shared by the checks of one service and identity within a run.
///
/// A connection that could not be made is not remembered: the next check tries again, so each has its own evidence.
/// Where the connection itself is the subject, a probe dials its own instead.
pub struct Sessions {
    /// Where shared connections live: the runtime of a probe ends with it. None: wherever they are made.
    home: Option<Handle>,
    slots: Mutex<HashMap<String, Slot>>,
    endings: Mutex<BTreeMap<String, Ending>>,
}

/// What removes something that was made for the whole run.
type Ending = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

impl std::fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Default for Sessions {
    /// Of the runtime that this is called in.
    fn default() -> Self {
        Self { home: Handle::try_current().ok(), slots: Mutex::default(), endings: Mutex::default() }
    }
}

impl Sessions {
    /// The shared connection under `key`, made now if there is none. Checks that ask at the same time wait for one.
    ///
    /// # Errors
    /// The trouble of making it, or unable when `key` is used for connections of two types.
    pub async fn shared<T, F>(&self, key: &str, connect: F) -> Result<Arc<T>, Trouble>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(key.to_owned()).or_default())
        };
        let session = slot
            .get_or_try_init(|| async {
                let session = match &self.home {
                    Some(home) => home.spawn(connect).await.map_err(|_| {
                        Trouble::unable("op", "harness.panic", format!("making the session `{key}` panicked"))
                    })?,
                    None => connect.await,
                };
                session.map(|session| Arc::new(session) as Arc<dyn Any + Send + Sync>)
            })
            .await?;
        Arc::clone(session)
            .downcast::<T>()
            .map_err(|_| Trouble::unable("plan", "harness.session", format!("two kinds of session under `{key}`")))
    }

    /// Remembers how to remove what is made for the whole run under `key`. The first to say it is remembered.
    pub fn at_end(&self, key: &str, ending: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static) {
        let mut endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        endings.entry(key.to_owned()).or_insert_with(|| Box::new(ending));
    }

    /// Removes everything that was made for the whole run.
    pub async fn end(&self) {
        let endings = std::mem::take(&mut *self.endings.lock().unwrap_or_else(PoisonError::into_inner));
        futures::future::join_all(endings.into_values().map(|ending| ending())).await;
    }

    /// Forgets the connection under `key`, after it broke.
    pub fn forget(&self, key: &str) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
