use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    cluster::{Api, collection},
    model::{Cluster, Right, RunId, Trouble},
    net::Clock,
};

/// Everything of ours carries this.
const OURS: &str = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dsoma-conformance";

/// The scratch namespaces in the cluster, each with its age; of one run, or of all.
///
/// # Errors
/// Unable, when the API server does not tell.
pub async fn scratch_namespaces(
    api: &Api,
    clock: &Clock,
    run: Option<&RunId>,
) -> Result<Vec<(String, Duration)>, Trouble> {
    let right = Right::everywhere("", "namespaces", "list");
    let path = format!("{}?{OURS}", collection("v1", "namespaces", None));
    let now = Timestamp::now();
    let found = api.list(clock, &path, &right).await?;
    let of_run = |name: &str| run.is_none_or(|run| name.starts_with(&run.scratch_name()));
    Ok(found
        .iter()
        .filter_map(|namespace: &Value| {
            let name = namespace["metadata"]["name"].as_str()?;
            // The name alone decides: a label can be put on anybody's namespace.
            let age = RunId::age_of(name, now)?;
            of_run(name).then(|| (name.to_owned(), age))
        })
        .collect())
}

/// Removes what runs that began longer ago than `older_than` left: their scratch namespaces, and their pods among the
/// infrastructure's. What it was, in words. In applications' namespaces we may not look for pods; those end by themselves.
///
/// # Errors
/// Unable, when the API server does not let us.
pub async fn sweep(api: &Api, clock: &Clock, cluster: &Cluster, older_than: Duration) -> Result<Vec<String>, Trouble> {
    let right = Right::everywhere("", "namespaces", "delete");
    let mut swept = Vec::new();
    for (name, age) in scratch_namespaces(api, clock, None).await? {
        if age >= older_than {
            api.delete(clock, &format!("{}/{name}", collection("v1", "namespaces", None)), &right).await?;
            swept.push(format!("namespace {name}"));
        }
    }
    let right = Right::everywhere("", "pods", "delete");
    for (name, age) in guests(api, clock, &cluster.namespace).await? {
        if age >= older_than {
            let path = format!("{}/{name}", collection("v1", "pods", Some(&cluster.namespace)));
            api.delete(clock, &path, &right).await?;
            swept.push(format!("pod {}/{name}", cluster.namespace));
        }
    }
    Ok(swept)
}

/// The probe pods of our runs in somebody else's namespace, each with the age of its run.
async fn guests(api: &Api, clock: &Clock, namespace: &str) -> Result<Vec<(String, Duration)>, Trouble> {
    let right = Right::within(namespace, "", "pods", "list");
    let path = format!("{}?{OURS}", collection("v1", "pods", Some(namespace)));
    let now = Timestamp::now();
    let found = api.list(clock, &path, &right).await?;
    let names = found.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    Ok(names.filter_map(|name| Some((name.to_owned(), RunId::age_of(name, now)?))).collect())
}
