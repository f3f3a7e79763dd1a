use std::path::Path;

use crate::{model::Trouble, probes::Scope};

/// A contract is a page of addresses; a file larger than this is something else.
const MOST_BYTES: usize = 256 * 1024;

/// The published contract: entries by name, as in a `.env` file.
///
/// `NAME=value` on each line, `export` before it, quotes around the value and comments are understood. Nothing is
/// expanded: applications that read it with another tool would see something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::probes) struct Contract {
    entries: Vec<(String, String)>,
}

impl Contract {
    /// Reads the contract's file.
    ///
    /// # Errors
    /// A fault when there is no such file (a contract that is not there is not published); unable when it cannot be read.
    pub(in crate::probes) async fn read(scope: &Scope, file: &Path) -> Result<Self, Trouble> {
        let shown = file.display();
        let text = scope
            .clock
            .phase("read", async {
                tokio::fs::read(file).await.map_err(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        Trouble::fault("read", "contract.missing", format!("there is no contract at `{shown}`"))
                    }
                    _ => Trouble::unable("read", "harness.contract", format!("`{shown}`: {error}")),
                })
            })
            .await?;
        if text.len() > MOST_BYTES {
            return Err(Trouble::fault(
                "read",
                "contract.too_large",
                format!("`{shown}` is larger than {MOST_BYTES} bytes"),
            ));
        }
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (name, value) = line.split_once('=')?;
            let name = name.trim();
            let good = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            good.then(|| (name.to_owned(), unquoted(value.trim()).to_owned()))
        });
        Self { entries: entries.collect() }
    }

    /// The value of an entry; of several, the last, as a shell would see it.
    pub(in crate::probes) fn get(&self, name: &str) -> Option<&str> {
        self.entries.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Every entry in order.
    pub(in crate::probes) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn unquoted(value: &str) -> &str {
    let stripped =
        |quote: char| value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)).map(|(inner, _)| inner);
    match stripped('"').or_else(|| stripped('\'')) {
        Some(inner) => inner,
        // A comment behind an unquoted value begins after a space.
        None => value.split_once(" #").map_or(value, |(value, _)| value.trim_end()),
    }
}

/// Whether the name of an entry says that it holds a secret.
pub(super) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "APIKEY", "API_KEY"]
        .iter()
        .any(|word| name.contains(word))
        && !name.ends_with("_URL")
        && !name.ends_with("_PATH")
        && !name.ends_with("_FILE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_a_shell_would_see_them() {
        let contract = Contract::parse(
            "# comment\n\nA=1\nexport B = \"two words\" # c\nC='x#y'\nD=http://h:1/p#f # why\nE=\nbad line\n=x\nA-B=1\nA=2\r\n",
        );
        for (name, expected) in [("A", "2"), ("B", "two words"), ("C", "x#y"), ("D", "http://h:1/p#f"), ("E", "")] {
            assert_eq!(contract.get(name), Some(expected), "{name}");
        }
        assert_eq!(contract.get("A-B"), None);
        assert_eq!(contract.entries().count(), 6);
    }

    #[test]
    fn names_of_secrets_are_known() {
        for (name, expected) in
            [("DB_PASSWORD", true), ("vault_token", true), ("TOKEN_URL", false), ("REDIS_ADDR", false)]
        {
            assert_eq!(names_a_secret(name), expected, "{name}");
        }
    }
}
