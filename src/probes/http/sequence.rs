use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::{self, facts_of};
use crate::{
    model::{Fact, FactPath, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Several HTTP requests in their order, where a later one may name what an earlier one was answered.
///
/// The first answer that is not 2xx ends the row: it is a fact which one that was. Nothing is repeated or followed.
pub(in crate::probes) struct Sequence;

/// As [`Sequence`], for requests that change something: such checks are left out of a run that may only read. What they
/// write must carry the run's name and end by itself, or be removed by the steps of `finally`.
pub(in crate::probes) struct WritingSequence;

/// More steps than this are no sequence but a program.
const MOST_STEPS: usize = 12;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The requests, each as `http.request` takes it. In path, query, headers and bodies, `@0.json.uid@` becomes the fact
    /// `json.uid` of the first answer; as a whole text it keeps its type.
    steps: Vec<request::With>,
    /// Requests that are sent at last in any case, also when the time is used up: they remove what the steps wrote.
    #[serde(default)]
    finally: Vec<request::With>,
}

const FACTS: &[Fact] = &[
    Fact { name: "accepted", about: "whether every step was answered with 2xx" },
    Fact { name: "answers", about: "by step: {status, headers, json, body, accepted}" },
    Fact { name: "last", about: "the answer of the last step that was sent" },
    Fact {
        name: "stopped_at",
        about: "the step that was not sent or not answered with 2xx, from 0; absent without one",
    },
    Fact { name: "missing", about: "what a step names and no earlier answer holds; absent when nothing is missing" },
    Fact { name: "cleaned", about: "how many steps of `finally` were answered with 2xx" },
];

impl Probe for Sequence {
    const NAME: &'static str = "http.sequence";
    const ABOUT: &'static str = "sends several HTTP requests, where a later one may name an earlier answer";
    const FACTS: &'static [Fact] = FACTS;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        converse(&scope, &with).await
    }
}

impl Probe for WritingSequence {
    const NAME: &'static str = "http.write";
    const ABOUT: &'static str = "sends several HTTP requests that change something, and then those that remove it";
    const FACTS: &'static [Fact] = FACTS;
    const WRITES: bool = true;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        converse(&scope, &with).await
    }
}

async fn converse(scope: &Scope, with: &With) -> Result<Facts, Trouble> {
    if with.steps.is_empty() || with.steps.len() + with.finally.len() > MOST_STEPS {
        let message = format!("a sequence has 1 to {MOST_STEPS} steps");
        return Err(Trouble::unable("plan", "harness.parameters", message));
    }
    let mut answers = Vec::new();
    let outcome = walk(scope, &with.steps, &mut answers).await;
    let mut cleaned = 0;
    let last_words = scope.for_clean_up();
    for step in &with.finally {
        // What cannot be named was not made, and what cannot be removed is found by the leftovers of its service.
        if let Ok(step) = step.filled(&|path| found(&answers, path))
            && step.send(&last_words).await.is_ok_and(|answer| answer.status.is_success())
        {
            cleaned += 1;
        }
    }
    let mut facts = outcome?;
    facts.insert("accepted".to_owned(), json!(!facts.contains_key("stopped_at")));
    facts.insert("last".to_owned(), answers.last().cloned().unwrap_or_default());
    facts.insert("answers".to_owned(), Value::Array(answers));
    facts.insert("cleaned".to_owned(), json!(cleaned));
    Ok(facts)
}

async fn walk(scope: &Scope, steps: &[request::With], answers: &mut Vec<Value>) -> Result<Facts, Trouble> {
    let mut facts = Facts::new();
    for (index, step) in steps.iter().enumerate() {
        let step = match step.filled(&|path| found(answers, path)) {
            Ok(step) => step,
            Err(path) => {
                facts.insert("missing".to_owned(), json!(path));
                facts.insert("stopped_at".to_owned(), json!(index));
                break;
            }
        };
        let answer = step.send(scope).await?;
        answers.push(Value::Object(facts_of(&answer)));
        if !answer.status.is_success() {
            facts.insert("stopped_at".to_owned(), json!(index));
            break;
        }
    }
    Ok(facts)
}

fn found(answers: &[Value], path: &str) -> Option<Value> {
    let (index, rest) = path.split_once('.')?;
    rest.parse::<FactPath>().ok()?.find(answers.get(index.parse::<usize>().ok()?)?).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(value: Value) -> request::With {
        serde_json::from_value(value).expect("a step")
    }

    #[test]
    fn a_later_step_names_what_an_earlier_one_was_answered() {
        let answers = [json!({"json": [{"uid": "p1", "id": 7}]})];
        let given = step(json!({
            "path": "/uid/@0.json.0.uid@/health", "json": {"id": "@0.json.0.id@", "plain": "a@b.c"}, "query": {"u": "@0.json.0.uid@"},
        }));
        let filled = given.filled(&|path| found(&answers, path)).expect("everything is there");
        let shown = format!("{filled:?}");
        assert!(shown.contains("/uid/p1/health") && shown.contains("a@b.c"), "{shown}");
        assert!(shown.contains(r#""id": Number(7)"#) && shown.contains(r#""u": String("p1")"#), "{shown}");
    }

    #[test]
    fn what_no_answer_holds_is_named() {
        let given = step(json!({"path": "/uid/@0.json.0.uid@"}));
        assert_eq!(
            given.filled(&|path| found(&[json!({"json": []})], path)).expect_err("no such answer"),
            "0.json.0.uid"
        );
        assert_eq!(given.filled(&|path| found(&[], path)).expect_err("no answer"), "0.json.0.uid");
    }
}
