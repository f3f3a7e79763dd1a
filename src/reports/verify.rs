//! Reads the reports back: planned set = reported set, in every file.

use std::{collections::BTreeMap, fs, io, path::Path};

use crate::model::Report;

use super::{
    markdown::INVENTORY_HEADING,
    write::{JUNIT, READINESS, RESULTS, WriteError},
};

/// Whether every report stands whole in `directory` and names every planned check exactly once.
///
/// # Errors
/// Every file that cannot be read or parsed, lacks a check, names one twice, or names one that was not planned.
pub fn verify(report: &Report, directory: &Path) -> Result<(), Vec<WriteError>> {
    let readers: [(&str, Reader); 3] = [(JUNIT, ids_of_junit), (READINESS, ids_of_markdown), (RESULTS, ids_of_json)];
    let errors: Vec<WriteError> = readers
        .into_iter()
        .filter_map(|(name, reader)| {
            let file = directory.join(name);
            let outcome = fs::read_to_string(&file).and_then(|text| {
                let ids = reader(&text).map_err(io::Error::other)?;
                compare(report, &ids).and_then(|()| inventory(report, name, &text)).map_err(io::Error::other)
            });
            outcome.err().map(|source| WriteError { file, step: "find every planned check in", source })
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

type Reader = fn(&str) -> Result<Vec<String>, String>;

fn ids_of_junit(text: &str) -> Result<Vec<String>, String> {
    let document = roxmltree::Document::parse(text).map_err(|error| format!("it is not XML: {error}"))?;
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    Ok(cases.map(|case| case.attribute("name").unwrap_or_default().to_owned()).collect())
}

fn ids_of_markdown(text: &str) -> Result<Vec<String>, String> {
    // Foreign text cannot hold a tag, so the last of these is ours.
    let (_, list) = text.rsplit_once("<summary>Every check").ok_or("it has no list of every check")?;
    let id_of = |line: &str| line.strip_prefix("| `")?.split('`').next().map(str::to_owned);
    Ok(list.lines().filter_map(id_of).collect())
}

fn ids_of_json(text: &str) -> Result<Vec<String>, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let checks = value["checks"].as_array().ok_or("it has no list of checks")?;
    Ok(checks.iter().map(|check| check["id"].as_str().unwrap_or_default().to_owned()).collect())
}

fn compare(report: &Report, found: &[String]) -> Result<(), String> {
    let mut times: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &report.rows {
        *times.entry(row.check.id.as_str()).or_default() += 1;
    }
    for id in found {
        *times.entry(id).or_default() -= 1;
    }
    let wrong: Vec<String> = times
        .into_iter()
        .filter(|(_, balance)| *balance != 0)
        .map(|(id, balance)| format!("`{id}` {}", if balance > 0 { "is missing" } else { "was not planned so often" }))
        .take(5)
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
}

/// Whether a report of a cluster has its section of pods, Services and endpoints, with every pod that is known.
fn inventory(report: &Report, file: &str, text: &str) -> Result<(), String> {
    let Some(inventory) = report.inventory() else { return Ok(()) };
    let found = match file {
        READINESS => {
            let (_, section) = text
                .split_once(&format!("\n## {INVENTORY_HEADING}\n"))
                .ok_or_else(|| format!("it has no section `{INVENTORY_HEADING}`"))?;
            let section = section.split("\n## ").next().unwrap_or_default();
            section.lines().filter(|line| line.starts_with("| <code>")).count()
        }
        RESULTS => {
            let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let rows = |name: &str| value["inventory"][name].as_array().map(Vec::len);
            match (rows("pods"), rows("services")) {
                (Some(pods), Some(services)) => pods + services,
                _ => return Err("it has no member `inventory`".to_owned()),
            }
        }
        _ => return Ok(()),
    };
    let expected = inventory.pods.len() + inventory.services.len();
    if found == expected { Ok(()) } else { Err(format!("it lists {found} of {expected} pods and Services")) }
}
