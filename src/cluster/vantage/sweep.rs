use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    cluster::{Api, collection},
    model::{Right, RunId, Trouble},
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

/// Removes the scratch namespaces of runs that began longer ago than `older_than`; their names.
///
/// # Errors
/// Unable, when the API server does not let us.
pub async fn sweep(api: &Api, clock: &Clock, older_than: Duration) -> Result<Vec<String>, Trouble> {
    let right = Right::everywhere("", "namespaces", "delete");
    let mut swept = Vec::new();
    for (name, age) in scratch_namespaces(api, clock, None).await? {
        if age >= older_than {
            api.delete(clock, &format!("{}/{name}", collection("v1", "namespaces", None)), &right).await?;
            swept.push(name);
        }
    }
    Ok(swept)
}
