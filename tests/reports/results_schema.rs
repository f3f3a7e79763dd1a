//! `results.json` and its committed schema.

use serde_json::Value;
use soma_conformance::{
    model::Report,
    reports::{Results, results, results_schema},
};

use crate::{golden::assert_is_golden, runs};

fn reports() -> Vec<Report> {
    vec![runs::healthy(), runs::failing(), runs::interrupted(), runs::hostile(&runs::POISONS.concat())]
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    assert_is_golden("schema/results.schema.json", &results_schema());
}

#[test]
fn every_report_obeys_the_schema() {
    let schema: Value = serde_json::from_str(&results_schema()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for report in reports() {
        let instance: Value = serde_json::from_str(&results(&report)).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&instance).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let mut other: Value = serde_json::from_str(&results(&runs::healthy())).expect("JSON");
    other["schema_version"] = 2.into();
    assert!(!validator.is_valid(&other), "another version is another shape");
}

#[test]
fn the_file_reads_back_and_says_what_the_server_said() {
    let poison = "x \u{202e}\u{9b}\u{7f}\u{2028} \u{e0041} é 🦀";
    let text = results(&runs::hostile(poison));
    assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "nothing acts on a terminal");
    assert!(!text.contains('\u{202e}'), "nothing turns the direction of a line");
    let read: Results = serde_json::from_str(&text).expect("the shape");
    let fact = read.checks.iter().find(|check| check.id == "evil/fact").expect("the check");
    assert_eq!(fact.facts.as_ref().expect("facts")["text"], poison, "an escape is the same text");
}

#[test]
fn a_huge_text_is_clipped() {
    let text = results(&runs::hostile(&"x".repeat(1_000_000)));
    assert!(text.len() < 2_000_000, "{} bytes", text.len());
}
