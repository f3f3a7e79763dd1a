//! The documentation is true: its layers are the tidy test's, its example runs, its folders exist.

use std::{fs, path::Path};

use soma_stack::{Mode, Server, Stack};

use crate::program::{Run, soma, text};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_architecture_page_shows_the_arrows_that_the_tidy_test_enforces() {
    let page = page("docs/architecture.md");
    for (layer, may_use) in crate::tidy::ARROWS {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{layer}` |")))
            .unwrap_or_else(|| panic!("no row for {layer}"));
        let last = row.trim_end_matches('|').rsplit('|').next().expect("a last cell").trim();
        let expected = match (layer, may_use) {
            (_, []) => "nothing".to_owned(),
            ("cli", _) => "all of them".to_owned(),
            (_, may_use) => may_use.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        assert_eq!(last, expected, "{layer}");
        assert!(page.contains(layer));
    }
}

#[test]
fn every_path_the_documents_name_exists() {
    for name in [
        "README.md",
        "docs/architecture.md",
        "docs/adding-a-check.md",
        "docs/adding-a-probe.md",
        "docs/configuration.md",
        "docs/runs.md",
    ] {
        for path in page(name).split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "docs/", "fixtures/", "reports/", "benches/"]
                .iter()
                .any(|root| path.starts_with(root));
            let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
            if is_path && plain {
                let found = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
                assert!(found.exists(), "{name} names `{path}`");
            }
        }
    }
}

#[test]
fn the_worked_example_of_a_check_runs_as_it_stands() {
    let page = page("docs/adding-a-check.md");
    let (_, rest) = page.split_once("<!-- worked example -->\n```yaml\n").expect("the example is marked");
    let (stanza, _) = rest.split_once("```").expect("the example ends");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("redis.yaml"), stanza).expect("written");
    let checks = folder.path().to_str().expect("text");

    let output = soma(&["lint", "--checks", checks]).output().expect("runs");
    assert!(output.status.success(), "{:?}", text(&output));

    let stack = Stack::builder().mode(Mode::Plain).servers(&[Server::Redis]).start().expect("Redis starts");
    let run = Run::of(&stack.config_path(), &["redis/reported-version", "--checks", checks]);
    assert_eq!(run.code, 0, "{}", run.printed);
    let verdicts = run.verdicts();
    assert_eq!(verdicts.get("redis/reported-version").map(String::as_str), Some("pass"), "{}", run.printed);
    assert!(
        verdicts.contains_key("redis/tcp") && verdicts.contains_key("redis/ping"),
        "its needs came along: {verdicts:?}"
    );

    stack.pause(Server::Redis).expect("paused");
    let broken = Run::of(&stack.config_path(), &["redis/reported-version", "--checks", checks]);
    assert_eq!(
        broken.verdicts().get("redis/reported-version").map(String::as_str),
        Some("blocked"),
        "{}",
        broken.printed
    );
}

/// The image is built on a machine that has none of our packages yet.
#[test]
fn the_image_is_built_with_every_package_that_a_build_needs() {
    let (setup, recipe) = (page("fixtures/setup.sh"), page("deploy/image/Containerfile"));
    let (_, list) = setup.split_once("packages=(").expect("a list of packages");
    let (list, _) = list.split_once(')').expect("its end");
    // To fetch the sources and to start the servers of tests, and not to build.
    let of_tests = ["git", "python3", "openssl"];
    let (_, recipe) = recipe.split_once("apt-get install").expect("an installation");
    let (recipe, _) = recipe.split_once("rm -rf").expect("its end");
    let installed: Vec<&str> = recipe.split_whitespace().collect();
    let needed: Vec<&str> = list.split_whitespace().filter(|package| !of_tests.contains(package)).collect();
    assert!(needed.contains(&"protobuf-compiler"), "{needed:?}");
    let missing: Vec<&&str> = needed.iter().filter(|package| !installed.contains(package)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
