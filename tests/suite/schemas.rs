//! The committed JSON Schemas are those the program prints, and its own files are valid by them.

use std::{fs, path::Path};

use crate::program::{soma, text};

fn printed(of: &str) -> String {
    let output = soma(&["schema", of]).output().expect("runs");
    assert!(output.status.success(), "{of}");
    text(&output).0
}

#[test]
fn the_committed_schemas_are_current() {
    for of in ["checks", "config", "results"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("reports/schema/{of}.schema.json"));
        let now = printed(of);
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&path, &now).expect("written");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == now, "reports/schema/{of}.schema.json is stale: `make schemas`");
    }
}

#[test]
fn our_own_check_files_are_valid_by_the_printed_schema() {
    let schema = serde_json::from_str(&printed("checks")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut seen = 0;
    for path in crate::tidy::files("checks", "yaml") {
        if path.components().any(|part| part.as_os_str() == "profiles") {
            continue;
        }
        let file = soma_conformance::catalogue::SourceFile::read(&path).expect("text");
        let node: soma_conformance::catalogue::Node = serde_saphyr::from_str(&file.text).expect("YAML");
        let value = node.to_value();
        let faults: Vec<String> =
            validator.iter_errors(&value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
        seen += 1;
    }
    assert!(seen > 10, "only {seen} files were looked at");
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let schema = serde_json::from_str(&printed("checks")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let good = serde_json::json!([{
        "id": "redis/one", "title": "t", "why": "w", "profiles": ["local"], "probe": "net.tcp",
        "expect": {"connected": true}, "remedy": "r"
    }]);
    assert!(validator.is_valid(&good));
    for (member, value) in [
        ("prob", "net.tcp".into()),
        ("probe", "net.tpc".into()),
        ("profiles", "local".into()),
        ("severity", "mandatory".into()),
    ] {
        let mut bad = good.clone();
        bad[0][member] = value;
        assert!(!validator.is_valid(&bad), "{member}");
    }
}
