use std::{path::PathBuf, process::Stdio};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use crate::{
    model::{Fact, Facts, Trouble, clip, one_line},
    probes::{Probe, Scope},
};

/// Where programs are looked for: the worker is given no search path, lest it run what stands first in somebody's.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// The versions of an operator's programs, where they are installed.
///
/// The suite needs none of them. One that is too old does not know what the manual asks of it, and says so in odd ways.
pub(in crate::probes) struct Tools;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The programs.
    tools: Vec<Tool>,
}

/// One program.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tool {
    /// Its name.
    name: String,
    /// What makes it say its version and do nothing else.
    arguments: Vec<String>,
    /// The least version, as `MAJOR.MINOR`.
    least: String,
}

impl Probe for Tools {
    const NAME: &'static str = "host.tools";
    const ABOUT: &'static str = "asks an operator's programs for their versions";
    const FACTS: &'static [Fact] = &[
        Fact { name: "tools", about: "by name: {version, least}; the version is nothing where it is not installed" },
        Fact { name: "too_old", about: "the names of those that are installed and older than asked for" },
        Fact { name: "unreadable", about: "the names of those that say no version" },
    ];
    const NEEDS_TARGET: bool = false;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let (mut rows, mut too_old, mut unreadable) = (Map::new(), Vec::new(), Vec::new());
        for tool in &with.tools {
            let said = said(&scope, tool).await?;
            let version = said.as_deref().and_then(version_in);
            if said.is_some() && version.is_none() {
                unreadable.push(tool.name.clone());
            }
            if version.zip(version_in(&tool.least)).is_some_and(|(version, least)| version < least) {
                too_old.push(tool.name.clone());
            }
            let version = version.map(|(major, minor)| format!("{major}.{minor}"));
            rows.insert(tool.name.clone(), json!({"version": version, "least": tool.least}));
        }
        Ok(Facts::from_iter([
            ("tools".to_owned(), Value::Object(rows)),
            ("too_old".to_owned(), json!(too_old)),
            ("unreadable".to_owned(), json!(unreadable)),
        ]))
    }
}

/// What a program says of itself; nothing where it is not installed.
async fn said(scope: &Scope, tool: &Tool) -> Result<Option<String>, Trouble> {
    let mut places = FOLDERS.iter().map(|folder| PathBuf::from(folder).join(&tool.name));
    let Some(path) = places.find(|path| path.is_file()) else { return Ok(None) };
    let mut command = Command::new(&path);
    command.args(&tool.arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = scope
        .clock
        .phase("run", async {
            command
                .output()
                .await
                .map_err(|error| Trouble::unable("run", "harness.program", format!("`{}`: {error}", path.display())))
        })
        .await?;
    Ok(Some(clip(&one_line(&String::from_utf8_lossy(&output.stdout)), 500)))
}

/// The first `MAJOR.MINOR` in a text, behind a `v` or not.
fn version_in(text: &str) -> Option<(u32, u32)> {
    let starts = text.char_indices().filter(|(at, one)| {
        one.is_ascii_digit() && !text[..*at].ends_with(|before: char| before.is_ascii_digit() || before == '.')
    });
    starts.map(|(at, _)| &text[at..]).find_map(|text| {
        let (major, rest) = text.split_once('.')?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((major.parse().ok()?, digits.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_what_programs_say() {
        for (text, expected) in [
            ("Client Version: v1.34.4 Kustomize Version: v5.7.1", Some((1, 34))),
            ("v3.12.0", Some((3, 12))),
            ("v4.0.0+g1234", Some((4, 0))),
            ("kind v0.24.0 go1.22.6 linux/amd64", Some((0, 24))),
            ("3.9", Some((3, 9))),
            ("no version", None),
            ("", None),
            ("7", None),
        ] {
            assert_eq!(version_in(text), expected, "{text}");
        }
        assert!(version_in("1.9") < version_in("1.27"));
    }
}
