//! The shape of the sources: layers in one direction, files of one concept, data that belongs to its folder.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What each layer may use; `docs/architecture.md` shows the same picture.
pub(crate) const ARROWS: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("net", &["model"]),
    ("cluster", &["net", "model"]),
    ("probes", &["net", "cluster", "model"]),
    ("catalogue", &["model"]),
    ("engine", &["probes", "net", "model"]),
    ("reports", &["model"]),
    ("cli", &["catalogue", "engine", "cluster", "reports", "probes", "net", "model"]),
];

/// Production lines of one file; past it a second concept has moved in.
const LONGEST_FILE: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|own| own == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), extension, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no .{extension} file below {folder}");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("inside the project").display().to_string()
}

/// The text up to the unit tests.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

/// The layers a source names by `crate::layer`.
fn used_layers(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            // A grouped import: every name at its own level that begins a path or stands alone.
            let mut depth = 0;
            let mut word = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    character if depth == 0 && (character.is_alphanumeric() || character == '_') => {
                        word.push(character);
                    }
                    ':' | ',' if depth == 0 && !word.is_empty() => {
                        used.insert(std::mem::take(&mut word));
                    }
                    ',' => word.clear(),
                    _ => {}
                }
            }
            if !word.is_empty() {
                used.insert(word);
            }
        } else {
            used.insert(
                rest.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect(),
            );
        }
    }
    used.retain(|name| ARROWS.iter().any(|(layer, _)| layer == name));
    used
}

#[test]
fn no_arrow_points_up() {
    let mut wrong = Vec::new();
    for path in files("src", "rs") {
        let name = relative(&path);
        let Some(layer) = name.strip_prefix("src/").and_then(|rest| rest.split_once('/')).map(|(layer, _)| layer)
        else {
            continue;
        };
        let (_, allowed) =
            ARROWS.iter().find(|(known, _)| *known == layer).unwrap_or_else(|| panic!("{name}: `{layer}` is no layer"));
        let text = fs::read_to_string(&path).expect("text");
        for used in
            used_layers(production(&text)).iter().filter(|used| *used != layer && !allowed.contains(&used.as_str()))
        {
            wrong.push(format!("{name} uses {used}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_arrow_test_sees_single_and_grouped_imports() {
    let single = used_layers("use crate::engine::Journal;");
    let grouped = used_layers("use crate::{\n    model::{Event, Plan},\n    net,\n    probes::{find, Scope},\n};");
    assert_eq!(single, BTreeSet::from(["engine".to_owned()]));
    assert_eq!(grouped, ["model", "net", "probes"].map(str::to_owned).into());
}

#[test]
fn no_file_holds_more_than_one_concept_can_need() {
    let long: Vec<_> = files("src", "rs")
        .iter()
        .map(|path| (relative(path), production(&fs::read_to_string(path).expect("text")).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn every_check_stands_in_the_folder_of_its_service() {
    let mut seen = 0;
    for path in files("checks", "yaml") {
        let name = relative(&path);
        let folder = name.split('/').nth(1).expect("a folder").to_owned();
        if folder == "profiles" {
            continue;
        }
        for line in fs::read_to_string(&path).expect("text").lines() {
            let Some(id) = line.strip_prefix("- id: ") else { continue };
            let id = id.split('#').next().unwrap_or(id).trim().trim_matches('"');
            seen += 1;
            assert!(id.starts_with(&format!("{folder}/")) || id.starts_with('{'), "{name}: `{id}`");
        }
    }
    assert!(seen > 50, "only {seen} checks were found: the reader of this test is broken");
}

#[test]
fn every_probe_has_a_check() {
    let mut unused: BTreeSet<&str> =
        soma_conformance::probes::registry().iter().map(|probe| probe.descriptor.name).collect();
    for path in files("checks", "yaml") {
        let text = fs::read_to_string(&path).expect("text");
        unused.retain(|probe| !text.contains(&format!("probe: {probe}")) && !probe.ends_with(".leftovers"));
    }
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn probes_are_unique_and_named_after_their_file() {
    let mut seen = BTreeSet::new();
    for probe in soma_conformance::probes::registry() {
        let (service, operation) = probe.descriptor.name.split_once('.').expect("service.operation");
        assert!(root().join("src/probes").join(service).is_dir(), "{service}.{operation}: no folder");
        assert!(seen.insert(probe.descriptor.name), "{} is registered twice", probe.descriptor.name);
        assert!(!probe.descriptor.facts.is_empty(), "{} returns no fact", probe.descriptor.name);
    }
}

#[test]
fn the_sources_leave_nothing_unfinished() {
    let marks = ["todo!(", "unimplemented!(", "dbg!(", &["FIX", "ME"].concat(), &["TO", "DO:"].concat(), "#[ignore"];
    for path in files("src", "rs").into_iter().chain(files("fixtures/stack/src", "rs")) {
        let text = fs::read_to_string(&path).expect("text");
        for mark in marks {
            assert!(!text.contains(mark), "{} holds `{mark}`", relative(&path));
        }
        assert!(!production(&text).contains(".unwrap()"), "{} unwraps", relative(&path));
    }
}
