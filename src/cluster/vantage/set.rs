use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::{join_all, try_join_all};
use jiff::Timestamp;

use super::{Outcome, Sample, Source, Wish, directory::Directory, manifest, pod, samples::Samples, sweep::sweep};
use crate::{
    cluster::{Api, collection},
    model::{Cluster, Right, RunId, Trouble},
    net::Clock,
};

/// How long the probe pods may take to start, pulling their image included.
const START: Duration = Duration::from_secs(90);
/// From what age on scratch namespaces belong to a run that was killed.
const FORGOTTEN: Duration = Duration::from_secs(3_600);
/// The pause between two attempts to one address.
const EVERY_MS: u64 = 500;
/// How long an attempt may take: longer than the second after which a lost first packet is sent again.
const TIMEOUT_MS: u64 = 1_500;
/// A new pod's first packets may be lost, or let through, until the policy engine knows its address.
const WARM_UP_MS: i64 = 3_000;
/// The most addresses a probe pod connects to.
const MOST_ADDRESSES: usize = 160;
/// The port the canary accepts on.
const CANARY_PORT: u16 = 8080;
/// How many attempts in a row must agree.
pub(super) const IN_A_ROW: usize = 3;

/// The probe pods of a run, and what they told.
pub struct Vantages {
    api: Api,
    run: RunId,
    samples: Arc<Samples>,
    /// From when on a source's attempts count.
    ready_ms: BTreeMap<Source, i64>,
    /// The infrastructure's addresses.
    pub directory: Directory,
    canary: String,
}

/// The last attempts of a source to an address, as long as they agree with what was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// How many attempts ended how.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// The attempts, oldest first.
    pub attempts: Vec<Sample>,
    /// Milliseconds from the question to the first attempt of the last unbroken row.
    pub after_ms: i64,
}

impl Vantages {
    /// Makes the scratch namespaces and starts a probe pod in each, and one in the application's own where one is named.
    /// What was made is removed again when not all of them start.
    ///
    /// # Errors
    /// Unable, when they cannot be started.
    pub async fn start(api: Api, cluster: Cluster, run: RunId, ends_after: Duration) -> Result<Self, Trouble> {
        let image = cluster.image.clone().ok_or_else(|| {
            let text = "no image is known for probe pods; name one with `services: {kubernetes: {image: IMAGE}}`";
            Trouble::unable("vantage", "vantage.no_image", text)
        })?;
        let clock = Clock::new(START);
        sweep(&api, &clock, &cluster, FORGOTTEN).await?;
        let outcome = Self::raise(&api, &clock, &cluster, &run, &image, ends_after).await;
        if outcome.is_err() {
            remove(&api, &cluster, &run).await;
        }
        outcome
    }

    async fn raise(
        api: &Api,
        clock: &Clock,
        cluster: &Cluster,
        run: &RunId,
        image: &str,
        ends_after: Duration,
    ) -> Result<Self, Trouble> {
        make_namespaces(api, clock, cluster, run).await?;
        let ends_after_s = ends_after.as_secs();
        let listen = Wish { listen: Some(CANARY_PORT), ends_after_s, ..Wish::default() };
        let home = canary_namespace(run);
        make_pod(api, clock, &home, manifest::pod("canary", run, image, &listen, None)).await?;
        let directory = Directory::read(api, clock, &cluster.namespace).await?;
        let canary = format!("{}:{CANARY_PORT}", pod::running(api, clock, &home, "canary").await?);
        let samples = Arc::new(Samples::new());
        let started = sources(cluster).into_iter().map(|source| {
            let wish = Wish {
                to: addresses(&source, &directory, &canary, &cluster.outside),
                ask: match source {
                    Source::Infrastructure(_) => directory.name_servers.clone(),
                    _ => Vec::new(),
                },
                listen: None,
                folder: None,
                every_ms: EVERY_MS,
                timeout_ms: TIMEOUT_MS,
                ends_after_s,
            };
            let (api, samples) = (api.clone(), Arc::clone(&samples));
            async move {
                let (namespace, name) = (source.namespace(run), pod_name(&source, run));
                let extra = matches!(source, Source::PodLabelled).then(|| cluster.allow_label.clone());
                make_pod(&api, clock, &namespace, manifest::pod(&name, run, image, &wish, extra)).await?;
                pod::running(&api, clock, &namespace, &name).await?;
                let ready_ms = Timestamp::now().as_millisecond() + WARM_UP_MS;
                tokio::spawn(pod::follow(api.clone(), namespace, name, source.clone(), samples));
                Ok::<_, Trouble>((source, ready_ms))
            }
        });
        let ready_ms = try_join_all(started).await?.into_iter().collect();
        Ok(Self { api: api.clone(), run: run.clone(), samples, ready_ms, directory, canary })
    }

    /// The address of the canary, which accepts everybody.
    #[must_use]
    pub fn canary(&self) -> &str {
        &self.canary
    }

    /// Now, by the clock the samples are compared with, but not before a source's attempts count.
    #[must_use]
    pub fn from_now(&self, source: &Source) -> i64 {
        Timestamp::now().as_millisecond().max(self.ready_ms.get(source).copied().unwrap_or(i64::MAX))
    }

    /// Waits until the last attempts in a row, all begun at or after `since_ms`, agree on whether they connected, as
    /// wanted; for at most `within`. `None` when they never did.
    ///
    /// # Errors
    /// Unable, when the source tells nothing more.
    pub async fn becomes(
        &self,
        source: &Source,
        to: &str,
        connected: bool,
        since_ms: i64,
        within: Duration,
    ) -> Result<Option<Settled>, Trouble> {
        let mut news = self.samples.news();
        let waiting = async {
            loop {
                let attempts = self.samples.since(source, to, since_ms);
                if let Some(settled) = settled(&attempts, connected, since_ms) {
                    return Ok(Some(settled));
                }
                if let Some(why) = self.samples.loss(source) {
                    let text = format!("the probe pod in {} tells nothing more: {why}", source.namespace(&self.run));
                    return Err(Trouble::unable("vantage", "vantage.lost", text));
                }
                if news.changed().await.is_err() {
                    return Ok(None);
                }
            }
        };
        // A source that is not ready yet gets its whole time all the same.
        let early = u64::try_from(since_ms - Timestamp::now().as_millisecond()).unwrap_or(0);
        match tokio::time::timeout(within + Duration::from_millis(early), waiting).await {
            Ok(outcome) => outcome,
            Err(_) if self.samples.since(source, to, since_ms).is_empty() => {
                let text = format!("the probe pod in {} made no attempt to {to}", source.namespace(&self.run));
                Err(Trouble::unable("vantage", "vantage.silent", text))
            }
            Err(_) => Ok(None),
        }
    }

    /// The attempts of a source to an address since a moment.
    #[must_use]
    pub fn attempts(&self, source: &Source, to: &str, since_ms: i64) -> Vec<Sample> {
        self.samples.since(source, to, since_ms)
    }

    /// How another source fared at the same address in the same second.
    #[must_use]
    pub fn twin(&self, source: &Source, attempt: &Sample) -> Option<Outcome> {
        self.samples.at_the_same_time(source, &attempt.to, attempt.at_ms)
    }

    /// Lets nothing into the canary's namespace.
    ///
    /// # Errors
    /// Unable, when the API server does not take the policy.
    pub async fn close_canary(&self, clock: &Clock) -> Result<(), Trouble> {
        self.apply(clock, manifest::deny_policy("deny", &self.run)).await
    }

    /// Lets one source into the canary's namespace.
    ///
    /// # Errors
    /// As [`Vantages::close_canary`].
    pub async fn open_canary_to(&self, clock: &Clock, source: &Source) -> Result<(), Trouble> {
        self.apply(clock, manifest::allow_policy("allow", &self.run, &source.namespace(&self.run))).await
    }

    async fn apply(&self, clock: &Clock, policy: serde_json::Value) -> Result<(), Trouble> {
        let namespace = canary_namespace(&self.run);
        let right = Right::everywhere("networking.k8s.io", "networkpolicies", "create");
        let path = collection("networking.k8s.io/v1", "networkpolicies", Some(&namespace));
        self.api.create(clock, &path, policy, &right).await.map(drop)
    }

    /// Takes a policy of the canary away: `deny` or `allow`.
    ///
    /// # Errors
    /// Unable, when the API server does not.
    pub async fn withdraw(&self, clock: &Clock, name: &str) -> Result<(), Trouble> {
        let namespace = canary_namespace(&self.run);
        let right = Right::everywhere("networking.k8s.io", "networkpolicies", "delete");
        let path = format!("{}/{name}", collection("networking.k8s.io/v1", "networkpolicies", Some(&namespace)));
        self.api.delete(clock, &path, &right).await
    }

    /// Gives the namespace of [`Source::Flipped`] the label, or takes it away.
    ///
    /// # Errors
    /// Unable, when the API server does not.
    pub async fn flip(&self, clock: &Clock, label: &(String, String), on: bool) -> Result<(), Trouble> {
        let path = format!("{}/{}", collection("v1", "namespaces", None), Source::Flipped.namespace(&self.run));
        let value = if on { serde_json::json!(label.1) } else { serde_json::Value::Null };
        let change = serde_json::json!({"metadata": {"labels": {&label.0: value}}});
        self.api.merge(clock, &path, change, &Right::everywhere("", "namespaces", "patch")).await.map(drop)
    }
}

/// The rights that probe pods need. Scratch namespaces have names that nobody can know before, so these are rights in
/// the whole cluster; `app` is the application's namespace, if there is one.
#[must_use]
pub fn rights(namespace: &str) -> Vec<Right> {
    let within = |group, resource| Right::within(namespace, group, resource, "list");
    let everywhere = |group: &str, resource: &str, verbs: &[&str]| -> Vec<Right> {
        verbs.iter().map(|verb| Right::everywhere(group, resource, verb)).collect()
    };
    let mut rights = vec![within("", "services"), within("discovery.k8s.io", "endpointslices"), within("", "pods")];
    rights.push(Right::within("kube-system", "", "services", "list"));
    rights.extend(everywhere("", "namespaces", &["create", "delete", "list", "patch"]));
    rights.extend(everywhere("", "pods", &["create", "get", "delete"]));
    rights.extend(everywhere("", "pods/log", &["get"]));
    rights.extend(everywhere("networking.k8s.io", "networkpolicies", &["create", "delete"]));
    rights
}

/// Removes every scratch namespace of a run, and its pod in the application's. Nothing that was never made is missed.
pub async fn remove(api: &Api, cluster: &Cluster, run: &RunId) {
    let clock = Clock::new(Duration::from_secs(5));
    let right = Right::everywhere("", "namespaces", "delete");
    let root = collection("v1", "namespaces", None);
    let paths = namespaces(cluster, run).into_keys().map(|name| format!("{root}/{name}"));
    let guests = cluster.application.iter().chain([&cluster.namespace]);
    let pods = guests.map(|namespace| format!("{}/{}", collection("v1", "pods", Some(namespace)), run.scratch_name()));
    let deletions = paths.chain(pods).map(|path| {
        let (right, clock) = (&right, &clock);
        async move { api.delete(clock, &path, right).await }
    });
    for trouble in join_all(deletions).await.into_iter().filter_map(Result::err) {
        // Becomes a note in the journal: whoever reads it knows what to remove.
        eprintln!("a scratch object of the run was not removed: {trouble}");
    }
}

fn sources(cluster: &Cluster) -> Vec<Source> {
    use Source::{Application, Flipped, Infrastructure, Labelled, LabelledFalse, OtherCase, PodLabelled, Unlabelled};
    let mut sources = vec![Labelled, Unlabelled, PodLabelled, LabelledFalse, OtherCase, Flipped];
    sources.push(Infrastructure(cluster.namespace.clone()));
    sources.extend(cluster.application.clone().map(Application));
    sources
}

/// The scratch namespaces with the label that each gets.
fn namespaces(cluster: &Cluster, run: &RunId) -> BTreeMap<String, Option<(String, String)>> {
    let (key, value) = &cluster.allow_label;
    let own = sources(cluster)
        .into_iter()
        .filter(|source| !matches!(source, Source::Application(_) | Source::Infrastructure(_) | Source::PodLabelled));
    let mut all: BTreeMap<_, _> =
        own.map(|source| (source.namespace(run), source.namespace_label(key, value))).collect();
    all.insert(canary_namespace(run), None);
    all
}

fn canary_namespace(run: &RunId) -> String {
    format!("{}-canary", run.scratch_name())
}

fn pod_name(source: &Source, run: &RunId) -> String {
    match source {
        Source::Application(_) | Source::Infrastructure(_) => run.scratch_name(),
        scratch => scratch.word().to_owned(),
    }
}

async fn make_namespaces(api: &Api, clock: &Clock, cluster: &Cluster, run: &RunId) -> Result<(), Trouble> {
    let right = Right::everywhere("", "namespaces", "create");
    let path = collection("v1", "namespaces", None);
    let made = namespaces(cluster, run).into_iter().map(|(name, label)| {
        let (right, path) = (&right, &path);
        async move { api.create(clock, path, manifest::namespace(&name, run, label), right).await }
    });
    try_join_all(made).await.map(drop)
}

async fn make_pod(api: &Api, clock: &Clock, namespace: &str, pod: serde_json::Value) -> Result<(), Trouble> {
    let right = Right::everywhere("", "pods", "create");
    api.create(clock, &collection("v1", "pods", Some(namespace)), pod, &right).await.map(drop)
}

/// Where a source connects to: the two that are compared with each other go everywhere, the others to the Services.
fn addresses(source: &Source, directory: &Directory, canary: &str, outside: &[String]) -> Vec<String> {
    let services = directory.services.values();
    let mut all: BTreeSet<String> = match source {
        Source::Labelled | Source::Unlabelled => {
            let declared = directory.declared.keys().cloned();
            services.flat_map(|service| service.all().cloned()).chain(declared).collect()
        }
        Source::Infrastructure(_) => directory.name_servers.iter().chain(outside).cloned().collect(),
        _ => services.flat_map(|service| service.cluster.iter().cloned()).collect(),
    };
    if matches!(source, Source::Labelled | Source::Unlabelled) {
        all.insert(canary.to_owned());
        all.extend(outside.iter().cloned());
    }
    all.into_iter().take(MOST_ADDRESSES).collect()
}

/// The unbroken row of attempts at the end that ended as wanted, when it is long enough.
fn settled(attempts: &[Sample], connected: bool, since_ms: i64) -> Option<Settled> {
    let is_wanted = |attempt: &&Sample| match attempt.outcome {
        Outcome::Connected => connected,
        Outcome::NotRun => false,
        Outcome::Refused | Outcome::TimedOut | Outcome::Unreachable => !connected,
    };
    let row = attempts.iter().rev().take_while(is_wanted).count();
    let row = &attempts[attempts.len() - row..];
    if row.len() < IN_A_ROW {
        return None;
    }
    let mut outcomes = BTreeMap::new();
    for attempt in row {
        *outcomes.entry(attempt.outcome).or_insert(0) += 1;
    }
    Some(Settled { outcomes, attempts: row.to_vec(), after_ms: row[0].at_ms - since_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(outcomes: &[Outcome]) -> Vec<Sample> {
        let sample = |(at, outcome): (usize, &Outcome)| Sample {
            seq: at as u64,
            to: "10.0.0.1:1".to_owned(),
            at_ms: 1_000 + i64::try_from(at).unwrap_or(0) * 500,
            outcome: *outcome,
            took_us: 1,
        };
        outcomes.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn only_an_unbroken_row_of_the_wanted_kind_counts() {
        use Outcome::{Connected, NotRun, Refused, TimedOut};
        for (outcomes, connected, after_ms) in [
            (vec![Connected, Connected, Connected], true, Some(0)),
            (vec![TimedOut, Connected, Connected, Connected], true, Some(500)),
            (vec![Connected, Connected, TimedOut], true, None),
            (vec![TimedOut, Refused, TimedOut], false, Some(0)),
            (vec![Connected, TimedOut, TimedOut, TimedOut], false, Some(500)),
            (vec![TimedOut, Connected, TimedOut, TimedOut], false, None),
            // What was not tried denies nothing.
            (vec![NotRun, NotRun, NotRun], false, None),
            (vec![], false, None),
        ] {
            let found = settled(&attempts(&outcomes), connected, 1_000);
            assert_eq!(found.map(|settled| settled.after_ms), after_ms, "{outcomes:?}");
        }
    }
}
