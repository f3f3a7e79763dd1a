use redis::Cmd;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    connection::{Login, connect},
    reply::json_of,
    trouble::Refusal,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Asks which commands the user of the declared credentials may run, without running one.
///
/// `ACL DRYRUN` (Redis 7, Valkey) answers `OK` or why not. A user that may not ask makes the check an error: that it may
/// not run `ACL` says nothing of `FLUSHALL`, and running that to see would be a catastrophe.
pub(in crate::probes) struct Permissions;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The commands to ask about, each a list of words.
    commands: Vec<Vec<String>>,
}

impl Probe for Permissions {
    const NAME: &'static str = "redis.permissions";
    const ABOUT: &'static str = "asks which commands our user may run, without running one";
    const FACTS: &'static [Fact] = &[
        Fact { name: "user", about: "the user the server takes us for" },
        Fact { name: "permitted", about: "the commands of the list that it may run" },
        Fact { name: "denied", about: "the commands of the list that it may not run" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut connection = connect(&scope, &target, &Login::declared(&target, None)?).await?;
        let mut ask = async |words: &[&str]| {
            let mut command = Cmd::new();
            command.arg("ACL").arg(words);
            connection
                .send(&scope, "op", &command)
                .await?
                .map(|reply| json_of(&reply))
                .map_err(|refusal| cannot_ask(&refusal))
        };
        let user = ask(&["WHOAMI"]).await?;
        let name = user.as_str().unwrap_or_default();
        let (mut permitted, mut denied) = (Vec::new(), Vec::new());
        for command in &with.commands {
            let words: Vec<&str> = ["DRYRUN", name].into_iter().chain(command.iter().map(String::as_str)).collect();
            let answer = ask(&words).await?;
            let answer = answer.as_str().unwrap_or_default();
            if answer == "OK" {
                permitted.push(command.join(" "));
            } else if answer.contains("no permissions") {
                denied.push(command.join(" "));
            } else {
                return Err(Trouble::fault(
                    "op",
                    "proto.garbage",
                    format!("the dry run answers neither yes nor no: {answer}"),
                ));
            }
        }
        Ok(Facts::from_iter([
            ("user".to_owned(), user),
            ("permitted".to_owned(), json!(permitted)),
            ("denied".to_owned(), json!(denied)),
        ]))
    }
}

fn cannot_ask(refusal: &Refusal) -> Trouble {
    let class = if refusal.code == "NOPERM" { "authz.denied" } else { "op.refused" };
    Trouble::unable("op", class, refusal)
}
