use std::{io::Write as _, path::Path, time::Duration};

use serde_json::Value;

use super::{
    arguments::{CollectArguments, HistoryArguments, MergeArguments},
    cluster_access::ClusterOf,
    environment,
    failure::Failure,
    output::complain,
    rebuild, run, settings,
};
use crate::{
    cluster::{Api, collection},
    model::{Event, ExitCode, Report, Right, Trouble, What, printable},
    net::Clock,
};

/// How often we look whether a pod is there, runs, or has ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Follows the pods of a Job, keeps the journal that each writes to its log, and makes the reports from it here. Also of
/// a pod that was killed: what it had told is kept, and what it had not is reported as not run.
pub(super) fn main(arguments: &CollectArguments) -> Result<ExitCode, Failure> {
    let mut environment = environment::read(&arguments.environment)?;
    let faults = std::mem::take(&mut environment.diagnostics);
    if !faults.is_empty() {
        return Err(Failure::Faults(faults));
    }
    run::prepare(&arguments.report_dir)
        .map_err(|error| Failure::new(ExitCode::Usage, error, "name a folder that can be written with --report-dir"))?;
    let cluster = ClusterOf::new(&environment.configuration);
    let budget = Duration::from_millis(arguments.deadline.millis());
    let collected = cluster
        .with_api(budget, async |api, _, clock| collect(api, clock, arguments).await)
        .map_err(|text| Failure::new(ExitCode::Incomplete, anyhow::anyhow!(text), "name the Job and its namespace"))?;
    let folders: Vec<_> = collected.iter().map(|pod| arguments.report_dir.join(pod)).collect();
    match folders.as_slice() {
        [one] => {
            let events = rebuild::read(&one.join("journal.ndjson"))?;
            let report = Report::fold(&events).ok_or_else(|| Failure::usage("the journal has no plan", ""))?;
            run::write_reports(&report, &arguments.report_dir).map_err(|error| {
                Failure::new(ExitCode::ReportNotWritten, error, "name another folder with --report-dir")
            })?;
            run::print_summary(&report, &arguments.report_dir, settings::colour(arguments.color));
            Ok(ExitCode::of(&report))
        }
        _ => super::merge::main(&MergeArguments {
            journals: folders,
            report_dir: arguments.report_dir.clone(),
            history: HistoryArguments::default(),
            color: arguments.color,
        }),
    }
}

/// The names of the Job's pods, each with its journal kept in a folder of its name.
async fn collect(api: &Api, clock: &Clock, arguments: &CollectArguments) -> Result<Vec<String>, Trouble> {
    let namespace = &arguments.namespace;
    let pods = loop {
        let pods = pods_of(api, clock, arguments).await?;
        if pods.len() >= arguments.pods {
            break pods;
        }
        if clock.left() < LOOK_EVERY * 2 {
            let text = format!("Job {namespace}/{} has {} pods, not {}", arguments.job, pods.len(), arguments.pods);
            return Err(Trouble::unable("collect", "collect.no_pod", text));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let followed = pods.iter().map(|pod| follow(api, clock, namespace, pod, &arguments.report_dir));
    futures::future::try_join_all(followed).await?;
    Ok(pods)
}

async fn pods_of(api: &Api, clock: &Clock, arguments: &CollectArguments) -> Result<Vec<String>, Trouble> {
    let right = Right::within(&arguments.namespace, "", "pods", "list");
    let selector: String =
        url::form_urlencoded::byte_serialize(format!("batch.kubernetes.io/job-name={}", arguments.job).as_bytes())
            .collect();
    let path = format!("{}?labelSelector={selector}", collection("v1", "pods", Some(&arguments.namespace)));
    let pods = api.list(clock, &path, &right).await?;
    Ok(pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).collect())
}

/// Follows one pod until it has ended and its journal is complete, or nothing more can come.
async fn follow(api: &Api, clock: &Clock, namespace: &str, pod: &str, folder: &Path) -> Result<(), Trouble> {
    let unwritable = |error: std::io::Error| Trouble::unable("collect", "collect.unwritable", error);
    let folder = folder.join(pod);
    std::fs::create_dir_all(&folder).map_err(unwritable)?;
    let mut journal = std::fs::File::create(folder.join("journal.ndjson")).map_err(unwritable)?;
    let right = Right::within(namespace, "", "pods", "get");
    let path = format!("{}/{pod}", collection("v1", "pods", Some(namespace)));
    let (mut next, mut finished) = (0, false);
    while !finished && !clock.left().is_zero() {
        let state = state_of(api.get(clock, &path, &right).await?.as_ref());
        if state == State::Waiting {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        match api.lines(&format!("{path}/log?follow=true")).await {
            Ok(mut lines) => {
                while let Some(line) = lines.next().await {
                    // What is no event is a last word of the program, for a person.
                    let Ok(event) = serde_json::from_str::<Event>(&line) else {
                        complain(&format!("{pod}: {}\n", printable(&line)));
                        continue;
                    };
                    if event.seq >= next {
                        next = event.seq + 1;
                        finished = matches!(event.what, What::RunFinished);
                        journal.write_all(format!("{line}\n").as_bytes()).map_err(unwritable)?;
                    }
                }
            }
            Err(trouble) if state == State::Ended => {
                complain(&format!("{pod}: {trouble}\n"));
                break;
            }
            Err(_) => {}
        }
        if state == State::Ended {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    journal.sync_all().map_err(unwritable)
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Ended,
}

/// A pod that is gone has ended: what it told before is all there is.
fn state_of(pod: Option<&Value>) -> State {
    let Some(pod) = pod else { return State::Ended };
    let state = &pod["status"]["containerStatuses"][0]["state"];
    match pod["status"]["phase"].as_str() {
        Some("Succeeded" | "Failed") => State::Ended,
        _ if state["terminated"].is_object() => State::Ended,
        _ if state["running"].is_object() => State::Running,
        _ => State::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_followed_while_it_may_still_tell_something() {
        let of = |status: Value| state_of(Some(&json!({"status": status})));
        assert_eq!(of(json!({"phase": "Pending"})), State::Waiting);
        let running = json!({"phase": "Running", "containerStatuses": [{"state": {"running": {"startedAt": "x"}}}]});
        assert_eq!(of(running), State::Running);
        assert_eq!(of(json!({"phase": "Failed"})), State::Ended);
        let ended = json!({"phase": "Running", "containerStatuses": [{"state": {"terminated": {"exitCode": 1}}}]});
        assert_eq!(of(ended), State::Ended);
        assert_eq!(state_of(None), State::Ended);
    }
}
