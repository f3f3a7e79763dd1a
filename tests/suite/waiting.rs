//! What `--wait` waits for, and what a folder of checks is.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    program::{Run, soma, text},
    servers::redis,
};

/// A check that never comes true.
fn never(folder: &Path, severity: &str) {
    let stanza = format!(
        "- id: redis/never
  title: PING answers in verse
  why: It never will.
  profiles: [local]
  severity: {severity}
  needs: [redis/ping]
  probe: redis.command
  with: {{commands: [[PING]]}}
  expect: {{reply: verse}}
  remedy: none
"
    );
    fs::write(folder.join("never.yaml"), stanza).expect("written");
}

#[test]
fn a_wait_is_for_what_decides_and_not_for_what_only_warns() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let checks = folder.path().to_str().expect("text");
    let run = |wait: &str, more: &[&str]| {
        let begun = Instant::now();
        let run = Run::of(&stack.config_path(), &[&["redis/never", "--checks", checks, "--wait", wait], more].concat());
        let check = run.results["checks"].as_array().expect("checks").last().expect("a check").clone();
        assert_eq!(check["id"], "redis/never");
        (run.code, check["attempts"].as_u64().expect("attempts"), begun.elapsed())
    };
    never(folder.path(), "advisory");
    let (code, attempts, took) = run("50s", &[]);
    assert_eq!((code, attempts), (0, 1));
    assert!(took < Duration::from_secs(25), "nobody waits for a warning: {took:?}");
    let (code, attempts, _) = run("2s", &["--strict"]);
    assert_eq!(code, 1);
    assert!(attempts > 1, "with --strict it decides");
    never(folder.path(), "required");
    let (code, attempts, took) = run("2s", &[]);
    assert_eq!(code, 1);
    assert!(attempts > 1 && took >= Duration::from_secs(1), "{attempts} attempts in {took:?}");
}

#[test]
fn our_own_folders_can_be_named_as_folders_of_checks() {
    let ids = |folder: Option<&Path>| {
        let mut command = soma(&["list", "--format", "ids", "--profile", "local"]);
        if let Some(folder) = folder {
            command.arg("--checks").arg(folder);
        }
        let output = command.output().expect("runs");
        assert_eq!(output.status.code(), Some(0), "{folder:?}: {:?}", text(&output));
        let mut ids: Vec<String> = text(&output).0.lines().map(str::to_owned).collect();
        ids.sort();
        ids
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = ids(None);
    assert!(own.len() > 50);
    assert_eq!(ids(Some(&root.join("checks"))), own, "its profiles are no check files");
    assert_eq!(ids(Some(root)), own, "its vectors replace those of the same name");
    // A list is a list of checks wherever it stands: none vanishes by the name of its folder.
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("profiles")).expect("made");
    never(&folder.path().join("profiles"), "advisory");
    assert!(ids(Some(folder.path())).contains(&"redis/never".to_owned()));
}
