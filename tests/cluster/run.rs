//! A run of the program on the cluster's node, and what its reports say.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::cluster::{Cluster, PROGRAM, said};

/// The reference release as somebody with a kubeconfig judges it.
pub(crate) const CONFIGURATION: &str = "profile: dev
services:
  kubernetes: {enabled: true, image: 'local.test/soma-conformance:dev'}
  grafana: {enabled: false}
  jwt: {enabled: false}
";

/// What a run left.
pub(crate) struct Run {
    /// Its exit code.
    pub(crate) code: i32,
    /// results.json.
    pub(crate) results: Value,
    /// Everything printed.
    pub(crate) printed: String,
}

impl Run {
    /// Runs these checks from the node.
    pub(crate) fn of(cluster: &Cluster, checks: &[&str]) -> Self {
        Self::with(cluster, CONFIGURATION, &[&["run"], checks].concat())
    }

    /// The same with policies that are declared to be as broad as they are: probe pods alone judge what they let in.
    pub(crate) fn of_declared(cluster: &Cluster, policies: &[&str], checks: &[&str]) -> Self {
        let declared = serde_json::json!({"cluster": {"broad_policies": policies}});
        Self::with(cluster, &format!("{CONFIGURATION}values: {declared}\n"), &[&["run"], checks].concat())
    }

    /// Runs a command that leaves reports.
    pub(crate) fn with(cluster: &Cluster, configuration: &str, words: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, configuration).expect("written");
        let (config, reports) = (config.display().to_string(), folder.path().join("reports"));
        let places = ["--config", &config, "--report-dir", &reports.display().to_string()];
        let output = cluster.enter(&[&[PROGRAM], words, &places].concat(), None);
        Self::read(&reports, output.status.code().unwrap_or(-1), said(&output))
    }

    /// Reads the reports in a folder.
    pub(crate) fn read(reports: &Path, code: i32, printed: String) -> Self {
        let results = std::fs::read_to_string(reports.join("results.json"));
        let results = results.unwrap_or_else(|error| panic!("no results.json: {error}\n{printed}"));
        Self { code, results: serde_json::from_str(&results).expect("JSON"), printed }
    }

    /// Every check with its verdict.
    pub(crate) fn verdicts(&self) -> BTreeMap<&str, &str> {
        self.checks().map(|check| (word(&check["id"]), word(&check["verdict"]))).collect()
    }

    /// The checks that neither passed nor were skipped or held back: the red roots.
    pub(crate) fn red(&self) -> Vec<&str> {
        let is_red = |verdict: &str| matches!(verdict, "fail" | "error" | "not_run");
        self.verdicts().into_iter().filter(|(_, verdict)| is_red(verdict)).map(|(id, _)| id).collect()
    }

    /// The verdict of a check.
    pub(crate) fn verdict(&self, id: &str) -> &str {
        self.verdicts().get(id).unwrap_or_else(|| panic!("no {id} in {:?}", self.verdicts()))
    }

    /// A check.
    pub(crate) fn check(&self, id: &str) -> &Value {
        self.checks().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}"))
    }

    /// Every check of the list passed, and there are such.
    pub(crate) fn passes(&self, ids: &[&str]) {
        for id in ids {
            assert_eq!(self.verdict(id), "pass", "{id}: {}\n{}", self.check(id), self.printed);
        }
    }

    /// No check that says that somebody is refused passed.
    pub(crate) fn passes_no_denial(&self, of: &str) {
        let is_denial = |id: &str| {
            ["netpol/matrix-deny", "netpol/deny-pod-ip", "netpol/label-value-strict"]
                .iter()
                .any(|family| id.starts_with(family))
        };
        let denials: Vec<_> = self.verdicts().into_iter().filter(|(id, _)| is_denial(id) && id.ends_with(of)).collect();
        assert!(!denials.is_empty(), "the premise: denials were asked for");
        assert!(denials.iter().all(|(_, verdict)| *verdict != "pass"), "{denials:?}\n{}", self.printed);
    }

    /// Whether the report speaks of every check of the plan, once.
    pub(crate) fn is_whole(&self) -> bool {
        let told = self.verdicts().len();
        self.results["counts"]["planned"] == told && self.checks().count() == told && told > 0
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.results["checks"].as_array().expect("checks").iter()
    }
}

fn word(value: &Value) -> &str {
    value.as_str().expect("a text")
}
