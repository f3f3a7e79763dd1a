//! A Job of `deploy/chart` in the cluster, and the reports that `collect` makes of what it tells.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, HOME, PROGRAM, file, said, wait},
    run::{CONFIGURATION, Run},
};

/// A Job that was started; gone when this is.
pub(crate) struct Job<'a> {
    cluster: &'a Cluster,
    name: String,
    folder: tempfile::TempDir,
}

impl<'a> Job<'a> {
    /// Starts the chart's Job with this selection of checks.
    pub(crate) fn start(cluster: &'a Cluster, name: &str, checks: &[&str], values: &[&str]) -> Self {
        let job = Self::named(cluster, name);
        cluster.apply(&rendered(cluster, name, checks, values));
        job
    }

    /// Makes a Job from the template of a `CronJob`, now.
    pub(crate) fn from_cron(cluster: &'a Cluster, name: &str, cron_job: &str) -> Self {
        let job = Self::named(cluster, name);
        cluster.kubectl(&["-n", HOME, "create", "job", name, &format!("--from=cronjob/{cron_job}")]);
        job
    }

    fn named(cluster: &'a Cluster, name: &str) -> Self {
        remove(cluster, name);
        Self { cluster, name: name.to_owned(), folder: tempfile::tempdir().expect("a folder") }
    }

    /// Follows its pods to their end.
    pub(crate) fn collect(&self, pods: usize) -> Run {
        let config = self.folder.path().join("config.yaml");
        std::fs::write(&config, CONFIGURATION).expect("written");
        let (config, folder, pods) = (config.display().to_string(), self.reports(), pods.to_string());
        let words = [
            PROGRAM,
            "collect",
            &self.name,
            "--namespace",
            HOME,
            "--pods",
            &pods,
            "--deadline",
            "5m",
            "--config",
            &config,
            "--report-dir",
            &folder.display().to_string(),
        ];
        let output = self.cluster.enter(&words, None);
        Run::read(&folder, output.status.code().unwrap_or(-1), said(&output))
    }

    /// Where `collect` writes.
    pub(crate) fn reports(&self) -> PathBuf {
        self.folder.path().join("reports")
    }

    /// The name of its one pod.
    pub(crate) fn pod(&self) -> String {
        let label = format!("batch.kubernetes.io/job-name={}", self.name);
        let path = "jsonpath={.items[*].metadata.name}";
        self.cluster.kubectl(&["-n", HOME, "get", "pods", "-l", &label, "-o", path])
    }

    /// The Job as the API server has it.
    pub(crate) fn object(&self) -> Value {
        self.cluster.get_in(HOME, &format!("job/{}", self.name))
    }

    /// Merges a patch into it.
    pub(crate) fn patch(&self, patch: &Value) {
        self.cluster.kubectl(&["-n", HOME, "patch", "job", &self.name, "--type=merge", "-p", &patch.to_string()]);
    }

    /// Waits until what is collected tells of the canary, and its probe pods are there.
    pub(crate) fn wait_for_the_canary(&self) {
        wait("the canary to begin", || {
            journal(&self.reports()).contains(r#""check_started","id":"netpol/enforcement-canary""#)
        });
        wait("the probe pods to run", || {
            let label = "app.kubernetes.io/managed-by=soma-conformance";
            let run = run_of(&self.reports());
            let path = "jsonpath={range .items[*]}{.metadata.namespace}={.status.phase} {end}";
            let pods = self.cluster.kubectl(&["get", "pods", "-A", "-l", label, "-o", path]);
            pods.split(' ').filter(|pod| pod.contains(&run) && pod.ends_with("=Running")).count() >= 7
        });
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        remove(self.cluster, &self.name);
    }
}

/// The chart's objects for the reference release.
pub(crate) fn rendered(cluster: &Cluster, name: &str, checks: &[&str], values: &[&str]) -> String {
    let (chart, of_release) = (file("deploy/chart"), file("fixtures/soma-infra/judged.yaml"));
    let arguments = format!("arguments={}", json!(checks));
    let set: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
    let words =
        ["helm", "template", name, &chart, "--namespace", HOME, "--values", &of_release, "--set-json", &arguments];
    let output = cluster.enter(&[&words[..], &set].concat(), None);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn remove(cluster: &Cluster, name: &str) {
    let words = ["kubectl", "-n", HOME, "delete", "job", name, "--ignore-not-found", "--wait"];
    cluster.enter(&words, None);
}

/// What has been collected so far.
fn journal(reports: &Path) -> String {
    let folders = std::fs::read_dir(reports).into_iter().flatten().flatten();
    folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("journal.ndjson")).ok()).collect()
}

/// The id of the run that is being collected.
fn run_of(reports: &Path) -> String {
    let text = journal(reports);
    let first: Value = serde_json::from_str(text.lines().next().unwrap_or("null")).unwrap_or(Value::Null);
    first["plan"]["run"].as_str().unwrap_or("not known").to_owned()
}
