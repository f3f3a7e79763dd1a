use std::{future::Future, time::Duration};

use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Client, Config,
    api::Portforwarder as Forwarded,
    client::{Body, UpgradeConnectionError},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::refusal::{failure, ours, refusal};
use crate::{
    model::{Cluster, ClusterAccess, Right, Trouble},
    net::Clock,
};

/// How long a connection to the API server may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the API server may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(15);
/// The most bytes of one answer.
const LARGEST: usize = 32 << 20;
/// The most bytes of one line of a text that grows.
const LONGEST_LINE: usize = 1 << 20;
/// Objects of one page of a list.
const PAGE: usize = 500;
/// The most pages of a list; far more objects than any namespace of this purpose holds.
const MOST_PAGES: usize = 40;
/// How often we come back when the API server asks to come later.
const RETURNS: usize = 3;

/// The API of a cluster. Cheap to clone; one connection for all.
#[derive(Clone)]
pub struct Api {
    calls: Client,
    /// Without a bound on silence: a stream of a healthy server may be silent for long.
    streams: Client,
    /// Where the connection lives: the runtime of a probe ends with it.
    home: Handle,
}

/// An answer of the API server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON; a body that is none is a text.
    pub body: Value,
    /// The `Warning` headers: what admission would have refused.
    pub warnings: Vec<String>,
    /// The `Date` header.
    pub date: Option<String>,
    retry_after: Option<Duration>,
}

impl Answer {
    /// Whether it is a success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Api {
    /// A client for the cluster; nothing is sent yet. Its connection lives in the runtime this is called in.
    ///
    /// # Errors
    /// Unable, when what we know of the cluster makes no client.
    pub async fn new(cluster: &Cluster) -> Result<Self, Trouble> {
        let unusable = |error: &dyn std::fmt::Display| Trouble::unable("api", "kube.access", error);
        let mut config = match &cluster.access {
            ClusterAccess::InCluster => Config::incluster().map_err(|error| unusable(&error))?,
            ClusterAccess::Kubeconfig { document, .. } => {
                // The text of an error may quote the document, which holds credentials.
                let document: Kubeconfig =
                    serde_json::from_str(document.expose()).map_err(|_| unusable(&"the kubeconfig is not readable"))?;
                Config::from_custom_kubeconfig(document, &KubeConfigOptions::default())
                    .await
                    .map_err(|error| unusable(&error))?
            }
        };
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(SILENCE);
        // Attempts behind our back would turn a failing API server into minutes of silence.
        config.default_retry = false;
        config.accept_invalid_certs = false;
        let mut quiet = config.clone();
        quiet.read_timeout = None;
        let calls = Client::try_from(config).map_err(|error| failure(&error))?;
        let streams = Client::try_from(quiet).map_err(|error| failure(&error))?;
        Ok(Self { calls, streams, home: Handle::current() })
    }

    /// Asks once, and again only when the API server itself names a time to come back within the clock's.
    ///
    /// # Errors
    /// Unable, when there is no answer. A refusal is an answer.
    pub async fn ask(
        &self,
        clock: &Clock,
        method: Method,
        path: &str,
        body: Option<(&'static str, Value)>,
    ) -> Result<Answer, Trouble> {
        let mut returns = 0;
        loop {
            let answer =
                clock.phase("api", self.once(method.clone(), path.to_owned(), body.clone())).await.map_err(ours)?;
            let pause = answer.retry_after.filter(|pause| *pause < clock.left() && returns < RETURNS);
            match pause.filter(|_| matches!(answer.status, 429 | 503)) {
                None => return Ok(answer),
                Some(pause) => {
                    returns += 1;
                    let waiting = async {
                        tokio::time::sleep(pause).await;
                        Ok(())
                    };
                    clock.phase("throttled", waiting).await.map_err(ours)?;
                }
            }
        }
    }

    fn once(
        &self,
        method: Method,
        path: String,
        body: Option<(&'static str, Value)>,
    ) -> impl Future<Output = Result<Answer, Trouble>> + use<> {
        let client = self.calls.clone();
        let task = self.home.spawn(async move {
            let mut request = Request::builder().method(method).uri(path);
            let body = match body {
                None => Body::empty(),
                Some((content_type, value)) => {
                    request = request.header(header::CONTENT_TYPE, content_type);
                    Body::from(value.to_string().into_bytes())
                }
            };
            let request = request.body(body).map_err(|error| Trouble::unable("api", "kube.client", error))?;
            let answer = client.send(request).await.map_err(|error| failure(&error))?;
            let (head, body) = answer.into_parts();
            let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let warnings = head.headers.get_all(header::WARNING).iter();
            let warnings = warnings.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
            let retry_after = text(header::RETRY_AFTER).and_then(|value| value.parse().ok()).map(Duration::from_secs);
            let date = text(header::DATE);
            let bytes = Limited::new(body, LARGEST).collect().await;
            let bytes = bytes.map_err(|error| Trouble::unable("api", "kube.unreachable", error))?.to_bytes();
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            Ok(Answer { status: head.status.as_u16(), body, warnings, date, retry_after })
        });
        AbortOnDrop(task)
    }

    /// Follows a text that grows, such as a pod's log, line by line.
    ///
    /// # Errors
    /// Unable, when the API server does not show it.
    pub async fn lines(&self, path: &str) -> Result<Lines, Trouble> {
        let request = Request::get(path).body(Body::empty());
        let request = request.map_err(|error| Trouble::unable("api", "kube.client", error))?;
        let answer = self.calls.send(request).await.map_err(|error| failure(&error))?;
        let status = answer.status().as_u16();
        if !(200..300).contains(&status) {
            return Err(refusal(status, &Value::Null, None));
        }
        Ok(Lines { body: answer.into_body(), rest: Vec::new() })
    }

    /// A stream to a port of a pod, on the pod's own loopback. It lives in the runtime that this was made in.
    ///
    /// # Errors
    /// Unable, when the API server does not lead there. Whether something listens shows only when the stream is used.
    pub async fn forward(&self, clock: &Clock, namespace: &str, pod: &str, port: u16) -> Result<Forwarded, Trouble> {
        let pods = kube::Api::<Pod>::namespaced(self.streams.clone(), namespace);
        let right = Right::within(namespace, "", "pods/portforward", "create");
        let asking = async {
            pods.portforward(pod, &[port]).await.map_err(|error| match &error {
                kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => {
                    refusal(status.as_u16(), &Value::Null, Some(&right))
                }
                _ => failure(&error),
            })
        };
        clock.phase("forward", asking).await.map_err(ours)
    }

    /// The object at `path`, or nothing where there is none.
    ///
    /// # Errors
    /// Unable, when the API server does not show it.
    pub async fn get(&self, clock: &Clock, path: &str, right: &Right) -> Result<Option<Value>, Trouble> {
        let answer = self.ask(clock, Method::GET, path, None).await?;
        match answer.status {
            404 => Ok(None),
            _ if answer.is_success() && answer.body.is_object() => Ok(Some(answer.body)),
            _ if answer.is_success() => Err(no_object(path)),
            status => Err(refusal(status, &answer.body, Some(right))),
        }
    }

    /// Every object of the list at `path` (which may hold a query), all its pages, without their managed fields.
    ///
    /// # Errors
    /// Unable, when the API server does not show the whole list: half of one must never look like all of it.
    pub async fn list(&self, clock: &Clock, path: &str, right: &Right) -> Result<Vec<Value>, Trouble> {
        let (mut items, mut token) = (Vec::new(), String::new());
        let joint = if path.contains('?') { '&' } else { '?' };
        for _ in 0..MOST_PAGES {
            let page = format!("{path}{joint}limit={PAGE}&continue={token}");
            let answer = self.ask(clock, Method::GET, &page, None).await?;
            if !answer.is_success() {
                return Err(refusal(answer.status, &answer.body, Some(right)));
            }
            let Some(Value::Array(page)) = answer.body.get("items") else { return Err(no_object(path)) };
            items.extend(page.iter().cloned().map(without_bookkeeping));
            let next = answer.body["metadata"]["continue"].as_str().unwrap_or_default();
            if next.is_empty() {
                return Ok(items);
            }
            token = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        }
        Err(Trouble::unable("api", "kube.too_many", format!("`{path}` has more than {} objects", PAGE * MOST_PAGES)))
    }

    /// Creates an object; what is answered is the object.
    ///
    /// # Errors
    /// Unable, when the API server does not.
    pub async fn create(&self, clock: &Clock, path: &str, object: Value, right: &Right) -> Result<Value, Trouble> {
        self.change(clock, Method::POST, path, Some(("application/json", object)), right).await
    }

    /// Merges `change` into the object at `path`.
    ///
    /// # Errors
    /// Unable, when the API server does not.
    pub async fn merge(&self, clock: &Clock, path: &str, change: Value, right: &Right) -> Result<Value, Trouble> {
        self.change(clock, Method::PATCH, path, Some(("application/merge-patch+json", change)), right).await
    }

    /// Deletes the object at `path`; one that is gone already is as good.
    ///
    /// # Errors
    /// Unable, when the API server does not.
    pub async fn delete(&self, clock: &Clock, path: &str, right: &Right) -> Result<(), Trouble> {
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "propagationPolicy": "Background"});
        let answer = self.ask(clock, Method::DELETE, path, Some(("application/json", options))).await?;
        if answer.is_success() || answer.status == 404 || answer.status == 409 {
            return Ok(());
        }
        Err(refusal(answer.status, &answer.body, Some(right)))
    }

    async fn change(
        &self,
        clock: &Clock,
        method: Method,
        path: &str,
        body: Option<(&'static str, Value)>,
        right: &Right,
    ) -> Result<Value, Trouble> {
        let answer = self.ask(clock, method, path, body).await?;
        if answer.is_success() { Ok(answer.body) } else { Err(refusal(answer.status, &answer.body, Some(right))) }
    }

    /// Whether our account has this right.
    ///
    /// # Errors
    /// Unable, when the API server does not say.
    pub async fn may(&self, clock: &Clock, right: &Right) -> Result<bool, Trouble> {
        let (resource, subresource) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": right.namespace, "group": right.group, "resource": resource, "subresource": subresource,
                "name": right.name, "verb": right.verb,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.ask(clock, Method::POST, path, Some(("application/json", review))).await?;
        match answer.body["status"]["allowed"].as_bool() {
            Some(allowed) if answer.is_success() => Ok(allowed),
            _ if answer.is_success() => Err(no_object(path)),
            _ => Err(refusal(answer.status, &answer.body, None)),
        }
    }
}

/// A text that grows, by its lines.
pub struct Lines {
    body: Body,
    rest: Vec<u8>,
}

impl Lines {
    /// The next line; `None` when the text has ended or broke off.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.rest.len() > LONGEST_LINE {
                return None;
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.rest.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                // A last line without its end is still a line.
                _ if self.rest.is_empty() => return None,
                _ => self.rest.push(b'\n'),
            }
        }
    }
}

/// The path of a collection: `/api/v1/namespaces/NS/pods`, `/apis/apps/v1/deployments`.
#[must_use]
pub fn collection(api: &str, resource: &str, namespace: Option<&str>) -> String {
    let root = if api.contains('/') { "apis" } else { "api" };
    match namespace {
        Some(namespace) => format!("/{root}/{api}/namespaces/{namespace}/{resource}"),
        None => format!("/{root}/{api}/{resource}"),
    }
}

fn no_object(path: &str) -> Trouble {
    Trouble::unable("api", "kube.garbage", format!("what answers at `{path}` is not a Kubernetes API server"))
}

/// Who wrote which field tells nothing about readiness, and fills more than half of every object.
fn without_bookkeeping(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// A task that ends when nobody waits for it any more.
struct AbortOnDrop(tokio::task::JoinHandle<Result<Answer, Trouble>>);

impl Future for AbortOnDrop {
    type Output = Result<Answer, Trouble>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0)
            .poll(context)
            .map(|joined| joined.unwrap_or_else(|error| Err(Trouble::unable("api", "harness.panic", error))))
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_group_has_a_root_of_its_own() {
        assert_eq!(collection("v1", "pods", Some("a")), "/api/v1/namespaces/a/pods");
        assert_eq!(collection("v1", "nodes", None), "/api/v1/nodes");
        assert_eq!(collection("apps/v1", "deployments", Some("a")), "/apis/apps/v1/namespaces/a/deployments");
    }
}
