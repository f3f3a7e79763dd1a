use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::Sessions;
use crate::{
    model::{CheckId, Right, RunId, Target, Trouble, Verdict},
    net::{Clock, Dialler},
};

/// The services of the configuration, by name.
pub type Targets = BTreeMap<String, Arc<Target>>;

/// How long a probe may take to remove what it wrote, after its own time is used up.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// Everything a probe may use: where to go, how long, with which name.
#[derive(Clone)]
pub struct Scope {
    /// The run.
    pub run: RunId,
    /// The check that is being probed for.
    pub check: CheckId,
    /// The time of this probe run; every wait stands inside one of its phases.
    pub clock: Arc<Clock>,
    /// The way to every server.
    pub dialler: Arc<Dialler>,
    /// Connections shared by the checks of a service.
    pub sessions: Arc<Sessions>,
    /// The services of the configuration.
    pub targets: Arc<Targets>,
    /// The run so far, for the checks of the suite on itself.
    pub view: Arc<dyn RunView>,
    service: Option<String>,
}

/// What a check of the suite on itself may see of the run.
pub trait RunView: Send + Sync {
    /// Every check that is finished, with what it relied on.
    fn finished(&self) -> Vec<FinishedCheck>;

    /// Every right of the Kubernetes API that the checks of the run need, each once.
    fn rights(&self) -> Vec<Right> {
        Vec::new()
    }
}

/// A finished check.
#[derive(Debug, Clone)]
pub struct FinishedCheck {
    /// Which.
    pub id: CheckId,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its positive controls; empty unless it asks for a refusal.
    pub control: Vec<CheckId>,
}

impl Scope {
    /// A scope for one probe run.
    #[expect(clippy::too_many_arguments, reason = "built in one place, from the engine's own state")]
    #[must_use]
    pub fn new(
        run: RunId,
        check: CheckId,
        service: Option<String>,
        clock: Arc<Clock>,
        dialler: Arc<Dialler>,
        sessions: Arc<Sessions>,
        targets: Arc<Targets>,
        view: Arc<dyn RunView>,
    ) -> Self {
        Self { run, check, clock, dialler, sessions, targets, view, service }
    }

    /// The service this check looks at.
    ///
    /// # Errors
    /// Unable, when the configuration has no such service; the plan rules that out.
    pub fn target(&self) -> Result<Arc<Target>, Trouble> {
        let service = self.service.as_deref().unwrap_or_else(|| self.check.service());
        self.targets.get(service).cloned().ok_or_else(|| {
            Trouble::unable("plan", "harness.no_target", format!("the configuration has no service `{service}`"))
        })
    }

    /// The same scope with a short clock of its own, to remove what was written also when the time is used up.
    #[must_use]
    pub fn for_clean_up(&self) -> Self {
        Self { clock: Arc::new(Clock::new(CLEAN_UP)), ..self.clone() }
    }
}
