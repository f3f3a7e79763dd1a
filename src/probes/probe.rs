use std::{future::Future, pin::Pin};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Scope;
use crate::model::{Fact, Facts, ProbeDescriptor, Right, Trouble};

/// Code that looks at a real server and returns facts.
///
/// It returns [`Trouble`] when there are no facts: a *fault* when the server did not answer as a healthy one does,
/// *unable* when we could not ask. It never decides whether the facts are good. A refusal that a check may ask for is a
/// fact (`accepted: false` with its reason), not a trouble.
pub trait Probe: 'static {
    /// `service.operation`.
    const NAME: &'static str;
    /// One line: what it does.
    const ABOUT: &'static str;
    /// The facts it returns.
    const FACTS: &'static [Fact];
    /// Whether it writes to the server.
    const WRITES: bool = false;
    /// Whether it needs the address of a service.
    const NEEDS_TARGET: bool = true;
    /// The service it looks at, where that is not the first segment of the check's id.
    const TARGET: Option<&'static str> = None;
    /// The parameters a stanza gives in `with`.
    type With: DeserializeOwned + JsonSchema + Send;

    /// What it needs to be allowed by the Kubernetes API, where `namespace` is that of the infrastructure.
    fn rights(_with: &Self::With, _namespace: &str) -> Vec<Right> {
        Vec::new()
    }

    /// Looks once. Every wait stands inside a phase of the scope's clock.
    fn run(scope: Scope, with: Self::With) -> impl Future<Output = Result<Facts, Trouble>> + Send;
}

type Running = Pin<Box<dyn Future<Output = Result<Facts, Trouble>> + Send>>;

/// A probe with its types erased.
#[derive(Clone, Copy)]
pub struct RegisteredProbe {
    /// What the catalogue knows of it.
    pub descriptor: ProbeDescriptor,
    run: fn(Scope, Value) -> Running,
}

impl RegisteredProbe {
    /// Registers a probe.
    #[must_use]
    pub const fn of<P: Probe>() -> Self {
        let descriptor = ProbeDescriptor {
            name: P::NAME,
            about: P::ABOUT,
            facts: P::FACTS,
            writes: P::WRITES,
            needs_target: P::NEEDS_TARGET,
            target: P::TARGET,
            rights: rights::<P>,
            validate: validate::<P>,
            parameters: parameters::<P>,
        };
        Self { descriptor, run: run::<P> }
    }

    /// Looks once.
    ///
    /// # Errors
    /// The probe's trouble.
    pub async fn run(&self, scope: Scope, with: Value) -> Result<Facts, Trouble> {
        (self.run)(scope, with).await
    }
}

impl std::fmt::Debug for RegisteredProbe {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.descriptor.fmt(formatter)
    }
}

fn parameters_of<P: Probe>(with: &Value) -> Result<P::With, String> {
    // A stanza without `with` gives no parameters, which is an empty map to the parser.
    let with = if with.is_null() { Value::Object(serde_json::Map::new()) } else { with.clone() };
    serde_path_to_error::deserialize(with).map_err(|error| {
        let path = error.path().to_string();
        if path == "." { error.inner().to_string() } else { format!("{path}: {}", error.inner()) }
    })
}

fn validate<P: Probe>(with: &Value) -> Result<(), String> {
    parameters_of::<P>(with).map(drop)
}

fn rights<P: Probe>(with: &Value, namespace: &str) -> Vec<Right> {
    parameters_of::<P>(with).map(|with| P::rights(&with, namespace)).unwrap_or_default()
}

fn parameters<P: Probe>() -> Value {
    schemars::schema_for!(P::With).to_value()
}

fn run<P: Probe>(scope: Scope, with: Value) -> Running {
    Box::pin(async move {
        let with = parameters_of::<P>(&with)
            .map_err(|message| Trouble::unable("plan", "harness.parameters", format!("{}: {message}", P::NAME)))?;
        P::run(scope, with).await
    })
}
