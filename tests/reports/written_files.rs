//! The files of a run: whole, private, and never somewhere else than told.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
};

use soma_conformance::reports::{JUNIT, READINESS, RESULTS, verify, write_all};

use crate::runs;

#[test]
fn files_and_directory_are_the_owners_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("deep/reports");
    let written = write_all(&runs::failing(), &directory).expect("written");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(written.len(), 3);
    assert!(written.iter().all(|file| mode(file) == 0o600));
    let left = fs::read_dir(&directory).expect("a folder").count();
    assert_eq!(left, 3, "no temporary file is left");
}

#[test]
fn a_link_at_the_place_of_a_report_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").expect("the victim");
    let directory = folder.path().join("reports");
    fs::create_dir(&directory).expect("the folder");
    symlink(&victim, directory.join(JUNIT)).expect("the link");
    write_all(&runs::healthy(), &directory).expect("written");
    assert_eq!(fs::read_to_string(&victim).expect("the victim"), "precious");
    assert!(fs::symlink_metadata(directory.join(JUNIT)).expect("there").is_file());
}

#[test]
fn one_report_that_cannot_be_written_does_not_cost_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    // A folder that is not empty cannot be replaced by a file, not even by root.
    fs::create_dir_all(folder.path().join(JUNIT).join("occupied")).expect("the obstacle");
    let errors = write_all(&runs::healthy(), folder.path()).expect_err("one is in the way");
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].file, folder.path().join(JUNIT));
    assert!(errors[0].to_string().contains("rename"), "{}", errors[0]);
    assert!(folder.path().join(READINESS).is_file() && folder.path().join(RESULTS).is_file());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let errors = write_all(&runs::healthy(), &file.join("reports")).expect_err("a file is in the way");
    assert!(errors[0].to_string().contains("make the directory"), "{}", errors[0]);
}

#[test]
fn verification_finds_a_missing_a_doubled_and_a_broken_report() {
    let report = runs::failing();
    let folder = tempfile::tempdir().expect("a folder");
    let spoil = |name: &str, change: &dyn Fn(String) -> String| {
        write_all(&report, folder.path()).expect("written");
        verify(&report, folder.path()).expect("whole");
        let file = folder.path().join(name);
        let text = fs::read_to_string(&file).expect("the report");
        fs::write(&file, change(text)).expect("spoilt");
        let errors = verify(&report, folder.path()).expect_err(name);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].source.to_string()
    };
    let case = "<testcase name=\"redis/ping\"";
    let gone = |text: String| text.replace(case, "<testcase name=\"redis/pong\"");
    assert!(spoil(JUNIT, &gone).contains("`redis/ping` is missing"));
    let torn = |text: String| text[..text.len() / 2].to_owned();
    assert!(spoil(JUNIT, &torn).contains("not XML"));
    assert!(spoil(RESULTS, &torn).contains("not JSON"));
    assert!(spoil(READINESS, &torn).contains("list of every check"));
    let doubled = |text: String| text.replace("</details>", "| `redis/ping` | pass | 1 ms |\n</details>");
    assert!(spoil(READINESS, &doubled).contains("`redis/ping` was not planned so often"));
    let fewer = |text: String| text.replacen("\"id\": \"redis/ping\"", "\"id\": \"\"", 1);
    assert!(spoil(RESULTS, &fewer).contains("redis/ping"));
    fs::remove_file(folder.path().join(RESULTS)).expect("removed");
    let errors = verify(&report, folder.path()).expect_err("it is gone");
    assert_eq!(errors[0].file, folder.path().join(RESULTS));
}

#[test]
fn a_hostile_run_is_written_and_verified_like_any_other() {
    let folder = tempfile::tempdir().expect("a folder");
    for poison in runs::POISONS {
        let report = runs::hostile(poison);
        write_all(&report, folder.path()).expect("written");
        verify(&report, folder.path()).unwrap_or_else(|errors| panic!("{poison:?}: {errors:?}"));
    }
}
