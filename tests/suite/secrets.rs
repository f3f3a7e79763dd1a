//! No secret leaves the program, whatever happens to it and however much it is asked to tell.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use serde_json::Value;
use soma_stack::{
    Server, Stack,
    poll::{self, Poll},
};

use crate::{
    canaries::Canaries,
    interruption::{journal, signal, wait_for_events, worker_pid},
    program::{self, PROGRAM, soma, text},
    servers,
};

/// Leaves out how much room the disk of this machine has: no test here is about that.
pub(crate) const WITHOUT_DISK: [&str; 2] = ["--skip", "kafka/log-dirs"];

/// Everything a run left anywhere, by name of the place.
pub(crate) struct Outputs {
    pub(crate) code: Option<i32>,
    pub(crate) places: BTreeMap<String, Vec<u8>>,
    /// The folder of the reports; removed with this value.
    _folder: tempfile::TempDir,
}

impl Outputs {
    /// Makes a run that is asked to tell as much as it can, lets `during` act on it, and collects what it left.
    pub(crate) fn of(program: &str, config: &Path, arguments: &[&str], during: impl FnOnce(&mut Child, &Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (reports, summary) = (folder.path().join("reports"), folder.path().join("summary.md"));
        let mut child = program::run_command(program, config, &reports, arguments)
            .envs([("RUST_BACKTRACE", "full"), ("RUST_LOG", "trace"), ("GITHUB_ACTIONS", "true")])
            .env("GITHUB_STEP_SUMMARY", &summary)
            .spawn()
            .expect("the program starts");
        during(&mut child, &reports);
        let output = child.wait_with_output().expect("ended");
        let mut places = BTreeMap::from([
            ("standard output".to_owned(), output.stdout),
            ("standard error".to_owned(), output.stderr),
            ("the job summary".to_owned(), fs::read(&summary).unwrap_or_default()),
        ]);
        for entry in reports.read_dir().expect("a folder of reports") {
            let path = entry.expect("an entry").path();
            places.insert(
                path.file_name().expect("a name").to_string_lossy().into_owned(),
                fs::read(&path).expect("a file"),
            );
        }
        Self { code: output.status.code(), places, _folder: folder }
    }

    pub(crate) fn text(&self, place: &str) -> String {
        String::from_utf8_lossy(&self.places[place]).into_owned()
    }

    /// Every report is there, and no secret is anywhere.
    pub(crate) fn assert_clean(&self, canaries: &Canaries, after: &str) {
        for place in
            ["standard output", "the job summary", "journal.ndjson", "junit.xml", "readiness.md", "results.json"]
        {
            assert!(self.places.get(place).is_some_and(|text| text.len() > 500), "{after}: {place} is empty");
        }
        for (place, text) in &self.places {
            let found = canaries.find(text);
            assert!(found.is_empty(), "{after}: {place} holds {found:#?}");
        }
    }
}

/// Every credential of a stack.
pub(crate) fn canaries(stack: &Stack) -> Canaries {
    Canaries::of_folder(&stack.directory().join("credentials"))
}

#[test]
fn a_healthy_run_at_the_highest_verbosity_holds_no_secret() {
    let stack = servers::hardened();
    let canaries = canaries(&stack);
    let outputs = Outputs::of(PROGRAM, &stack.config_path(), &WITHOUT_DISK, |_, _| {});
    assert_eq!(outputs.code, Some(0), "{}", outputs.text("standard output"));
    outputs.assert_clean(&canaries, "success");
    assert!(outputs.text("journal.ndjson").contains("postgres/auth-secret"), "nothing was logged into");
    // The search sees what it looks for: the configuration's own credentials, where they may stand.
    let password = stack.credential("postgres-password").expect("a credential");
    assert!(!canaries.find(password.as_bytes()).is_empty());
    for words in [&["list", "--format", "json"][..], &["lint"], &["explain", "postgres/auth-secret"], &["contract"]] {
        let (out, err) = text(&soma(words).arg("--config").arg(stack.config_path()).output().expect("runs"));
        assert!(out.len() > 20, "{words:?}: {out}{err}");
        let found = canaries.find(format!("{out}{err}").as_bytes());
        assert!(found.is_empty(), "{words:?} prints {found:#?}");
    }
}

/// The configuration with another credential in the place of each, and these credentials.
fn with_wrong_credentials(stack: &Stack, canaries: &mut Canaries) -> PathBuf {
    let folder = stack.directory().join("wrong");
    fs::create_dir_all(&folder).expect("a folder");
    for (number, entry) in stack.directory().join("credentials").read_dir().expect("credentials").enumerate() {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let right = stack.credential(&name).expect("a credential");
        if right.starts_with("-----") {
            continue;
        }
        // As awkward as the right one, and nobody's.
        let wrong = format!("wrong{number:02}{}", right.chars().rev().collect::<String>());
        canaries.add(&format!("wrong {name}"), &wrong);
        fs::write(folder.join(&name), wrong).expect("written");
    }
    let config = fs::read_to_string(stack.config_path()).expect("a configuration");
    let wrong = config.replace("{file: credentials/", "{file: wrong/");
    assert_ne!(config, wrong, "no credential was replaced");
    let path = stack.directory().join("wrong.yaml");
    fs::write(&path, wrong).expect("written");
    path
}

#[test]
fn servers_that_refuse_our_credentials_or_do_not_answer_make_no_secret_known() {
    let stack = servers::hardened();
    let mut canaries = canaries(&stack);
    let wrong = with_wrong_credentials(&stack, &mut canaries);
    stack.pause(Server::Kafka).expect("paused");
    let outputs = Outputs::of(PROGRAM, &wrong, &[], |_, _| {});
    stack.resume(Server::Kafka).expect("resumed");
    assert_eq!(outputs.code, Some(1), "{}", outputs.text("standard output"));
    outputs.assert_clean(&canaries, "failure");
    let printed = outputs.text("standard output");
    // OpenFGA waits for its database, whose login is refused; without that wait it is asked, and refuses as well.
    let arguments = ["openfga", "--skip", "postgres/**"];
    let alone = Outputs::of(PROGRAM, &wrong, &arguments, |_, _| {});
    alone.assert_clean(&canaries, "failure of OpenFGA");
    let printed = printed + &alone.text("standard output");
    for refused in ["postgres/", "redis/", "etcd/", "opa/", "vault/", "openfga/", "prometheus/", "kafka/"] {
        assert!(
            printed.lines().any(|line| line.starts_with("FAIL") && line.contains(refused)),
            "{refused} did not refuse\n{printed}"
        );
    }
}

#[test]
fn a_run_that_is_stopped_or_loses_its_worker_makes_no_secret_known() {
    let stack = servers::hardened();
    let canaries = canaries(&stack);
    stack.pause(Server::Redis).expect("paused");
    for name in ["TERM", "KILL"] {
        let outputs = Outputs::of(PROGRAM, &stack.config_path(), &["--wait", "40s"], |child, folder| {
            let events = wait_for_events(child, folder, 40);
            signal(if name == "TERM" { child.id() } else { worker_pid(&events) }, name);
        });
        assert!(
            matches!((name, outputs.code), ("TERM", Some(143)) | ("KILL", Some(1 | 2))),
            "{name}: {:?}",
            outputs.code
        );
        outputs.assert_clean(&canaries, name);
    }
    stack.resume(Server::Redis).expect("resumed");
}

/// What everybody of the same account, and `ps`, may see of a process.
fn visible(pid: u32) -> Vec<u8> {
    let read =
        |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_else(|error| panic!("{pid}/{name}: {error}"));
    [read("cmdline"), read("environ")].concat()
}

/// Waits until the run has logged into Postgres: its credentials are where they are needed by then.
fn wait_for_login(run: &mut Child, folder: &Path) -> Vec<Value> {
    let passed = |event: &Value| event["id"] == "postgres/auth-secret" && event["result"]["verdict"] == "pass";
    poll::until("Postgres is logged into", Duration::from_secs(30), || {
        let events = journal(folder);
        match run.try_wait() {
            _ if events.iter().any(passed) => Poll::Ready(events),
            Ok(None) => Poll::NotYet(format!("{} events", events.len())),
            ended => Poll::Failed(format!("the run ended: {ended:?}")),
        }
    })
    .expect("a login in time")
}

#[test]
fn no_secret_stands_in_the_command_line_or_environment_of_a_process() {
    let stack = servers::hardened();
    let canaries = canaries(&stack);
    let name = "SOMA_TEST_POSTGRES_PASSWORD";
    let file = "{file: credentials/postgres-password}";
    let config = fs::read_to_string(stack.config_path()).expect("a configuration");
    assert!(config.contains(file), "{config}");
    let by_environment = stack.directory().join("by-environment.yaml");
    fs::write(&by_environment, config.replace(file, &format!("{{env: {name}}}"))).expect("written");
    let password = stack.credential("postgres-password").expect("a credential");
    stack.pause(Server::Redis).expect("paused");
    for (config, in_environment) in [(stack.config_path(), false), (by_environment, true)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = program::run_command(PROGRAM, &config, folder.path(), &["--wait", "40s"]);
        if in_environment {
            command.env(name, &password);
        }
        let mut child = command.spawn().expect("the program starts");
        let events = wait_for_login(&mut child, folder.path());
        let (supervisor, worker) = (visible(child.id()), visible(worker_pid(&events)));
        signal(child.id(), "TERM");
        child.wait_with_output().expect("ended");
        assert!(worker.starts_with(b"/proc/self/exe\0worker\0"), "{}", String::from_utf8_lossy(&worker));
        assert!(canaries.find(&worker).is_empty(), "worker: {:#?}", canaries.find(&worker));
        // The user put it there; that it is seen proves that the search can see.
        assert_eq!(!canaries.find(&supervisor).is_empty(), in_environment, "{:#?}", canaries.find(&supervisor));
    }
    stack.resume(Server::Redis).expect("resumed");
}

#[test]
fn a_secret_written_into_the_configuration_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("soma-conformance.yaml");
    let mut canaries = Canaries::default();
    let secret = "8b7a6f5e4d3c2b1a literal";
    canaries.add("a literal", secret);
    for line in [format!("password: \"{secret}\""), format!("token: {secret}")] {
        fs::write(&config, format!("profile: local\nservices:\n  redis:\n    {line}\n")).expect("written");
        let output = soma(&["run", "redis", "--config"]).arg(&config).output().expect("runs");
        let (out, err) = text(&output);
        assert_eq!(output.status.code(), Some(3), "{err}");
        assert!(err.contains("never stands in this file"), "{err}");
        assert!(canaries.find(format!("{out}{err}").as_bytes()).is_empty(), "{out}{err}");
    }
}
