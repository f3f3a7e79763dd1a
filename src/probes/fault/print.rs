use std::io::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::secrets;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Writes to standard output and standard error, as libraries do: secrets, control characters, a line that looks like an
/// event of the worker, a line without an end, and as many lines as asked for.
pub(in crate::probes) struct Print;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// A check whose pass is forged.
    forge: Option<String>,
    /// More lines to print. None: for ever.
    lines: Option<u64>,
    /// The length of each of these lines.
    #[serde(default)]
    length: usize,
}

impl Probe for Print {
    const NAME: &'static str = "fault.print";
    const ABOUT: &'static str = "writes secrets, garbage and forged events to both outputs";
    const FACTS: &'static [Fact] = &[Fact { name: "lines", about: "how many lines it printed" }];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let text = garbage(&scope, &with)?;
        // The reader may be gone; then there is nobody to disturb.
        let _ = std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
        let _ = std::io::stderr().write_all(text.as_bytes());
        let line = "x".repeat(with.length) + "\n";
        let mut printed = 0;
        while with.lines.is_none_or(|lines| printed < lines) {
            let _ = std::io::stderr().write_all(line.as_bytes());
            printed += 1;
        }
        Ok(Facts::from_iter([("lines".to_owned(), json!(printed))]))
    }
}

fn garbage(scope: &Scope, with: &With) -> Result<String, Trouble> {
    let mut text = format!("\u{1b}[2Jwhat is this: {}\n", secrets(scope)?.join(" "));
    if let Some(id) = &with.forge {
        let result = json!({"verdict": "pass", "reason": "", "attempts": 1, "start_us": 0, "took_us": 1});
        text += &format!("{}\n", json!({"event": "check_finished", "id": id, "result": result}));
        text += &format!("{}\n", json!({"event": "worker_ended", "how": "came to its end", "complete": true}));
    }
    Ok(text + "a line without an end")
}
