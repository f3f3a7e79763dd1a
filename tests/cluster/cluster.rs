//! The reference cluster, as the scripts of `fixtures/` raise and break it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde_json::Value;
use soma_stack::poll::{self, Poll};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_soma-conformance");
/// The namespace of the reference release.
pub(crate) const INFRASTRUCTURE: &str = "soma-infra";
/// The namespace that the program's Jobs run in.
pub(crate) const HOME: &str = "soma-conformance";
/// Names the place of states to the scripts.
const STATES: &str = "SOMA_CLUSTER_STATE";
/// How long a state of the cluster is waited for; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// The one cluster that all facts share.
pub(crate) struct Cluster {
    /// Where its state is kept. These facts break it, so it is not the one that a developer works on.
    states: PathBuf,
    raised_here: bool,
}

static CLUSTER: OnceLock<Result<Option<Cluster>, String>> = OnceLock::new();

/// The cluster; nothing where none can be raised, an error where it should have come up and did not.
pub(crate) fn get() -> Result<Option<&'static Cluster>, &'static String> {
    CLUSTER.get_or_init(raise).as_ref().map(Option::as_ref)
}

/// Why no cluster can be raised on this machine.
pub(crate) fn why_none() -> Option<String> {
    let user = Command::new("id").arg("-u").output();
    if !user.is_ok_and(|user| user.stdout.trim_ascii() == b"0") {
        return Some("no cluster: namespaces, cgroups and mounts need root".to_owned());
    }
    if !["/sys/fs/cgroup/memory", "/sys/fs/cgroup/cgroup.controllers"].iter().any(|path| Path::new(path).exists()) {
        return Some("no cluster: /sys/fs/cgroup has no memory controller".to_owned());
    }
    let built = ["go", "nft"].iter().find(|program| !is_installed(program));
    built.map(|program| format!("no cluster: `{program}` is not installed; run `make setup`"))
}

fn is_installed(program: &str) -> bool {
    let folders = std::env::var("PATH").unwrap_or_default();
    folders
        .split(':')
        .chain(["/usr/sbin", "/sbin", "/usr/local/go/bin"])
        .any(|folder| Path::new(folder).join(program).exists())
}

fn raise() -> Result<Option<Cluster>, String> {
    if why_none().is_some() {
        return Ok(None);
    }
    let mut cluster = Cluster { states: states(), raised_here: false };
    cluster.raised_here = !cluster.script("cluster/status.sh", &[], None).status.success();
    for (name, arguments) in [
        ("cluster/up.sh", &[][..]),
        ("soma-infra/up.sh", &[]),
        ("cluster/own-image.sh", &[PROGRAM]),
        ("cluster/enter.sh", &["kubectl", "apply", "-f", &file("deploy/namespace.yaml")]),
    ] {
        let output = cluster.script(name, arguments, None);
        if !output.status.success() {
            return Err(format!("{name} {arguments:?}: {}", said(&output)));
        }
    }
    Ok(Some(cluster))
}

/// Takes it down, when it was raised for these facts.
pub(crate) fn take_down() {
    if let Some(Ok(Some(cluster))) = CLUSTER.get()
        && cluster.raised_here
    {
        cluster.script("cluster/down.sh", &[], None);
    }
}

impl Cluster {
    /// A command on the node, however it ends.
    pub(crate) fn enter(&self, words: &[&str], input: Option<&str>) -> Output {
        self.script("cluster/enter.sh", words, input)
    }

    /// What `kubectl` prints.
    pub(crate) fn kubectl(&self, words: &[&str]) -> String {
        self.kubectl_with(words, None)
    }

    /// What `kubectl` prints, given this.
    pub(crate) fn kubectl_with(&self, words: &[&str], input: Option<&str>) -> String {
        let output = self.enter(&[&["kubectl"], words].concat(), input);
        assert!(output.status.success(), "kubectl {words:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// An object of the release.
    pub(crate) fn get(&self, object: &str) -> Value {
        self.get_in(INFRASTRUCTURE, object)
    }

    /// An object.
    pub(crate) fn get_in(&self, namespace: &str, object: &str) -> Value {
        let text = self.kubectl(&["-n", namespace, "get", object, "-o", "json"]);
        serde_json::from_str(&text).expect("an object")
    }

    /// Makes an object, or several, as they are written.
    pub(crate) fn apply(&self, text: &str) {
        self.kubectl_with(&["apply", "-f", "-"], Some(text));
    }

    /// What happens to one part of the cluster: `kill`, `pause`, `resume`, `start`.
    pub(crate) fn component(&self, action: &str, name: &str) {
        let output = self.script("cluster/component.sh", &[action, name], None);
        assert!(output.status.success(), "{action} {name}: {}", said(&output));
    }

    /// Runs lines that know the names of `fixtures/cluster/names.sh`.
    pub(crate) fn with_names(&self, text: &str) {
        let text = format!(". '{}'\n{text}", file("fixtures/cluster/names.sh"));
        let output = Command::new("bash").args(["-c", &text]).env(STATES, &self.states).output().expect("bash");
        assert!(output.status.success(), "{text}: {}", said(&output));
    }

    fn script(&self, name: &str, words: &[&str], input: Option<&str>) -> Output {
        let mut command = Command::new(file(&format!("fixtures/{name}")));
        let mut child = command
            .args(words)
            .env(STATES, &self.states)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(text.as_bytes()).expect("handed over");
        }
        child.wait_with_output().expect("ended")
    }

    /// What our runs made and did not remove: scratch namespaces and probe pods, of all runs or of one.
    pub(crate) fn scratch(&self, run: Option<&str>) -> Vec<String> {
        let namespaces = self.kubectl(&["get", "namespaces", "-o", "name"]);
        let pods = self.kubectl(&["-n", INFRASTRUCTURE, "get", "pods", "-o", "name"]);
        let names = namespaces.lines().chain(pods.lines()).filter_map(|line| line.split_once("/soma-conf-"));
        let names = names.map(|(_, name)| name.to_owned());
        names.filter(|name| run.is_none_or(|run| name.starts_with(run))).collect()
    }
}

/// Waits until it is so.
pub(crate) fn wait(what: &str, mut look: impl FnMut() -> bool) {
    let looked =
        poll::until(what, PATIENCE, || if look() { Poll::Ready(()) } else { Poll::NotYet("not so".to_owned()) });
    looked.unwrap_or_else(|error| panic!("{error:#}"));
}

/// A file of the repository.
pub(crate) fn file(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

/// Everything a command printed.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A place of its own, unless one is named.
fn states() -> PathBuf {
    if let Some(states) = std::env::var_os(STATES) {
        return PathBuf::from(states);
    }
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    let states = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    states.unwrap_or_else(|| PathBuf::from("/var/tmp")).join("soma-conformance/cluster-of-tests")
}
