use redis::{Cmd, Value as Reply};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connection::{Login, connect},
    reply::{info, json_of},
};
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble},
    probes::{Probe, Scope},
};

/// Asks every declared member the same command, and tells what each said.
///
/// One member's view is no proof: a node that was cut off still answers for itself. A member that does not answer is a
/// fact, so that the check of the members is the one that is red.
pub(in crate::probes) struct Members;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The command, a list of words.
    command: Vec<String>,
}

impl Probe for Members {
    const NAME: &'static str = "redis.members";
    const ABOUT: &'static str = "asks every declared member the same command";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "members",
            about: "by member: {address, answered, accepted, reply, fields, code, message, trouble}; `fields` are the lines `name:value` of a text",
        },
        Fact { name: "count", about: "how many members are declared; without any, the service's own address counts" },
        Fact { name: "accepted", about: "how many answered without an error" },
        Fact { name: "replies", about: "the different replies" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        if with.command.is_empty() {
            return Err(Trouble::unable("plan", "harness.parameters", "a command is a list of words"));
        }
        let target = scope.target()?;
        let own = [target.address.clone()];
        let members = if target.members.is_empty() { &own[..] } else { &target.members };
        let rows = futures::future::join_all(members.iter().map(|member| row(&scope, &target, member, &with))).await;
        Ok(facts_of(rows))
    }
}

async fn row(scope: &Scope, target: &Target, member: &HostPort, with: &With) -> Value {
    let mut row = Map::from_iter([("address".to_owned(), json!(member))]);
    let answer = async {
        let login = Login { address: member.clone(), ..Login::declared(target, None)? };
        let mut connection = connect(scope, target, &login).await?;
        let mut command = Cmd::new();
        command.arg(&with.command);
        connection.send(scope, "op", &command).await
    };
    let answer = answer.await;
    row.insert("answered".to_owned(), json!(answer.is_ok()));
    row.insert("accepted".to_owned(), json!(matches!(answer, Ok(Ok(_)))));
    match answer {
        Ok(Ok(reply)) => {
            // From the bytes: a text made fit to be shown has lost how its lines end.
            if let Reply::BulkString(bytes) = &reply {
                row.insert("fields".to_owned(), Value::Object(info(&String::from_utf8_lossy(bytes))));
            }
            row.insert("reply".to_owned(), json_of(&reply));
        }
        Ok(Err(refusal)) => {
            row.insert("code".to_owned(), json!(refusal.code));
            row.insert("message".to_owned(), json!(refusal.message));
        }
        Err(trouble) => {
            row.insert("trouble".to_owned(), json!(trouble.to_string()));
        }
    }
    Value::Object(row)
}

fn facts_of(rows: Vec<Value>) -> Facts {
    let mut replies: Vec<Value> = Vec::new();
    for reply in rows.iter().filter_map(|row| row.get("reply")) {
        if !replies.contains(reply) {
            replies.push(reply.clone());
        }
    }
    Facts::from_iter([
        ("count".to_owned(), json!(rows.len())),
        ("accepted".to_owned(), json!(rows.iter().filter(|row| row["accepted"] == true).count())),
        ("replies".to_owned(), Value::Array(replies)),
        ("members".to_owned(), Value::Array(rows)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::faulty_server::{
        Behaviour::{Close, Say, Silence},
        scope_at,
    };

    #[tokio::test]
    async fn a_member_that_does_not_answer_is_a_fact() {
        for behaviour in [Silence, Close, Say(b"HTTP/1.1 400 Bad Request\r\n\r\n")] {
            let scope = scope_at("redis", behaviour).await;
            let with = With { command: vec!["PING".to_owned()] };
            let facts = Members::run(scope, with).await.expect("facts");
            assert_eq!(
                (&facts["accepted"], &facts["members"][0]["answered"]),
                (&json!(0), &json!(false)),
                "{behaviour:?}"
            );
        }
    }

    #[test]
    fn different_replies_are_told_once_each() {
        let facts = facts_of(vec![
            json!({"accepted": true, "reply": ["10.0.0.1", "6379"]}),
            json!({"accepted": true, "reply": ["10.0.0.1", "6379"]}),
            json!({"accepted": false}),
        ]);
        assert_eq!(
            (&facts["replies"], &facts["accepted"], &facts["count"]),
            (&json!([["10.0.0.1", "6379"]]), &json!(2), &json!(3))
        );
    }
}
