//! The printed Role is enough, and each of its rules is needed by a check that says so.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    Fact,
    cluster::{Cluster, INFRASTRUCTURE, PROGRAM, said},
    run::{CONFIGURATION, Run},
    undo::at_the_end,
};

pub(crate) const FACTS: &[Fact] = &[
    ("rights::the_printed_role_is_enough_for_every_selected_check", enough),
    ("rights::without_a_rule_its_checks_are_undecided_and_name_it", one_less),
];

const HOME: &str = "exact-rights";
const CHECKS: [&str; 7] = [
    "cluster",
    "ns",
    "workload",
    "service",
    "netpol/matrix-deny/redis",
    "netpol/label-flip-live",
    "suite/no-leftovers/kubernetes",
];

/// A fresh account with exactly the printed Roles, and a kubeconfig of it.
pub(crate) struct Account<'a> {
    cluster: &'a Cluster,
    printed: String,
    folder: tempfile::TempDir,
}

impl<'a> Account<'a> {
    pub(crate) fn fresh(cluster: &'a Cluster, checks: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("admin.yaml");
        std::fs::write(&config, CONFIGURATION).expect("written");
        let place = config.display().to_string();
        let words = ["rbac", "--service-account", "exact", "--namespace", HOME, "--config", &place];
        let output = cluster.enter(&[&[PROGRAM], &words[..], checks].concat(), None);
        assert!(output.status.success(), "{}", said(&output));
        let account = json!([
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "exact", "namespace": HOME}},
        ]);
        cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": account}).to_string());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        cluster.apply(&printed);
        let account = Self { cluster, printed, folder };
        account.write_kubeconfig();
        account
    }

    fn write_kubeconfig(&self) {
        let admin = self.cluster.kubectl(&["config", "view", "--raw", "--flatten", "-o", "json"]);
        let mut admin: Value = serde_json::from_str(&admin).expect("a kubeconfig");
        let token = self.cluster.kubectl(&["-n", HOME, "create", "token", "exact"]);
        admin["users"][0]["user"] = json!({"token": token.trim()});
        std::fs::write(self.kubeconfig(), admin.to_string()).expect("written");
    }

    fn kubeconfig(&self) -> std::path::PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Runs these checks as this account.
    pub(crate) fn run(&self, checks: &[&str]) -> Run {
        self.run_with(str::to_owned, checks)
    }

    /// The same, with a configuration that says more.
    pub(crate) fn run_with(&self, more: fn(&str) -> String, checks: &[&str]) -> Run {
        Run::with(self.cluster, &more(&configuration(&self.kubeconfig())), &[&["run"], checks].concat())
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.cluster.enter(&["kubectl", "delete", "-f", "-", "--ignore-not-found"], Some(&self.printed));
        self.cluster.enter(&["kubectl", "delete", "namespace", HOME, "--ignore-not-found"], None);
    }
}

fn configuration(kubeconfig: &Path) -> String {
    CONFIGURATION.replace("{enabled: true,", &format!("{{enabled: true, kubeconfig: '{}',", kubeconfig.display()))
}

fn enough(cluster: &Cluster) {
    let account = Account::fresh(cluster, &CHECKS);
    let run = account.run(&CHECKS);
    run.passes(&[
        "cluster/rbac-suite",
        "netpol/matrix-deny/redis",
        "netpol/label-flip-live",
        "suite/no-leftovers/kubernetes",
    ]);
    let forbidden: Vec<&Value> = run.results["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|check| check.to_string().contains("kube.forbidden"))
        .map(|check| &check["id"])
        .collect();
    assert!(forbidden.is_empty(), "{forbidden:?}\n{}", run.printed);
    let undecided: Vec<_> = run.verdicts().into_iter().filter(|(_, verdict)| *verdict == "error").collect();
    assert!(undecided.is_empty(), "{undecided:?}\n{}", run.printed);
}

fn one_less(cluster: &Cluster) {
    let checks = ["workload", "service"];
    let account = Account::fresh(cluster, &checks);
    let healthy = account.run(&checks);
    let role = cluster.get_in(INFRASTRUCTURE, "role/exact");
    let mut rules = role["rules"].as_array().expect("rules").clone();
    let all = rules.len();
    rules.retain(|rule| rule["resources"][0] != "endpointslices");
    assert_eq!(rules.len(), all - 1, "the premise: one rule is about EndpointSlices");
    let put = |rules: &[Value]| {
        let patch = json!({"rules": rules}).to_string();
        cluster.kubectl(&["-n", INFRASTRUCTURE, "patch", "role", "exact", "--type=merge", "-p", &patch]);
    };
    put(&rules);
    let _given_back = at_the_end(|| put(role["rules"].as_array().expect("rules")));
    let run = account.run(&checks);
    assert_ne!(run.code, 0, "{}", run.printed);
    let newly: Vec<&str> = run.red().into_iter().filter(|id| !healthy.red().contains(id)).collect();
    assert!(!newly.is_empty(), "{}", run.printed);
    for id in newly {
        let check = run.check(id);
        assert_eq!(check["verdict"], "error", "a missing right is no fault of a service: {check}");
        assert!(check["trouble"].to_string().contains("endpointslices"), "it names the rule: {check}");
    }
}
