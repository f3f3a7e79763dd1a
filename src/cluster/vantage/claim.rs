use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Wish, manifest};
use crate::{
    cluster::{Api, collection},
    model::{Cluster, Right, RunId, Trouble},
    net::Clock,
};

/// Where the claim is mounted.
const FOLDER: &str = "/volume";
/// The name of the claim and of its pod.
const NAME: &str = "volume";
/// How often the pod is asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// What is left of the time for removing what was made.
const FAREWELL: Duration = Duration::from_secs(5);

/// A claim of the default class in a scratch namespace of its own, with a pod that uses it.
///
/// Most classes begin only when a pod uses the claim, so a claim alone would wait for ever.
pub struct ClaimedVolume;

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bound {
    /// The volume that the claim got.
    pub volume: Option<String>,
    /// The class that it is of.
    pub class: Option<String>,
    /// Whether the pod read back what it had written.
    pub read_back: bool,
    /// How long the pod took to end, in milliseconds.
    pub took_ms: u64,
    /// What the pod or the claim waited for, where it did not end.
    pub waits_for: Option<String>,
}

impl ClaimedVolume {
    /// Makes one, waits for its pod until the time is over, and removes everything again.
    ///
    /// # Errors
    /// Unable, when it cannot be made.
    pub async fn try_out(api: &Api, clock: &Clock, cluster: &Cluster, run: &RunId) -> Result<Bound, Trouble> {
        let image = cluster.image.clone().ok_or_else(|| {
            let text = "no image is known for probe pods; name one with `services: {kubernetes: {image: IMAGE}}`";
            Trouble::unable("vantage", "vantage.no_image", text)
        })?;
        let namespace = format!("{}-{NAME}", run.scratch_name());
        let outcome = make(api, clock, &namespace, run, &image).await;
        let outcome = match outcome {
            Ok(()) => wait(api, clock, &namespace).await,
            Err(trouble) => Err(trouble),
        };
        let path = format!("{}/{namespace}", collection("v1", "namespaces", None));
        let right = Right::everywhere("", "namespaces", "delete");
        api.delete(&Clock::new(FAREWELL), &path, &right).await?;
        outcome
    }

    /// The rights that this needs.
    #[must_use]
    pub fn rights() -> Vec<Right> {
        let of = |resource: &str, verbs: &[&str]| -> Vec<Right> {
            verbs.iter().map(|verb| Right::everywhere("", resource, verb)).collect()
        };
        [
            of("namespaces", &["create", "delete"]),
            of("pods", &["create", "get"]),
            of("persistentvolumeclaims", &["create", "get"]),
        ]
        .concat()
    }
}

async fn make(api: &Api, clock: &Clock, namespace: &str, run: &RunId, image: &str) -> Result<(), Trouble> {
    let create = async |resource: &str, within: Option<&str>, object: Value| {
        let right = Right::everywhere("", resource, "create");
        api.create(clock, &collection("v1", resource, within), object, &right).await.map(drop)
    };
    create("namespaces", None, manifest::namespace(namespace, run, None)).await?;
    create("persistentvolumeclaims", Some(namespace), manifest::claim(NAME, run)).await?;
    let wish = Wish {
        folder: Some((FOLDER.to_owned(), run.as_str().to_owned())),
        ends_after_s: clock.left().as_secs().max(1),
        ..Wish::default()
    };
    create("pods", Some(namespace), manifest::pod_with_claim(NAME, run, image, &wish, FOLDER)).await
}

/// Waits until the pod has ended, or so long that there is time left to say what it waits for.
async fn wait(api: &Api, clock: &Clock, namespace: &str) -> Result<Bound, Trouble> {
    let begun = Instant::now();
    let get = async |resource: &str| {
        let path = format!("{}/{NAME}", collection("v1", resource, Some(namespace)));
        api.get(clock, &path, &Right::everywhere("", resource, "get")).await.map(Option::unwrap_or_default)
    };
    loop {
        let pod = get("pods").await?;
        let has_ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        if has_ended || clock.left() < FAREWELL {
            let claim = get("persistentvolumeclaims").await?;
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Ok(bound(&claim, &pod, took_ms));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn bound(claim: &Value, pod: &Value, took_ms: u64) -> Bound {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let is_bound = claim["status"]["phase"] == "Bound";
    let phase = pod["status"]["phase"].as_str().unwrap_or("unknown");
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let told = conditions.find_map(|one| one["message"].as_str());
    let waits_for = (phase != "Succeeded").then(|| {
        let claim = if is_bound { "bound" } else { "pending" };
        format!("the claim is {claim}, its pod {phase}{}", told.map(|told| format!(": {told}")).unwrap_or_default())
    });
    Bound {
        volume: text(&claim["spec"]["volumeName"]).filter(|_| is_bound),
        class: text(&claim["spec"]["storageClassName"]),
        read_back: phase == "Succeeded",
        took_ms,
        waits_for,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_that_waits_says_for_what() {
        let claim = json!({"spec": {"storageClassName": "standard"}, "status": {"phase": "Pending"}});
        let pod =
            json!({"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "message": "no node"}]}});
        let found = bound(&claim, &pod, 1);
        assert_eq!(found.waits_for.as_deref(), Some("the claim is pending, its pod Pending: no node"));
        assert!(found.volume.is_none() && !found.read_back);
        let claim = json!({"spec": {"volumeName": "pvc-1"}, "status": {"phase": "Bound"}});
        let found = bound(&claim, &json!({"status": {"phase": "Succeeded"}}), 1);
        assert_eq!((found.volume.as_deref(), found.read_back, found.waits_for), (Some("pvc-1"), true, None));
    }
}
