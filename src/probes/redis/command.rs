use redis::Cmd;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connection::{Login, connect, open},
    home,
    reply::{json_of, paired},
    trouble::Refusal,
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    probes::{Probe, Scope, random_text},
};

/// Sends commands over a connection of its own.
///
/// A command that the server refuses ends the row: `accepted` is false, `code` and `message` are the server's words.
/// A node of a declared cluster may send us to another one, once for each command.
/// With the declared credentials a refused login is trouble and not a fact; with others it is what was asked about.
pub(in crate::probes) struct Command;

/// As [`Command`], for commands that change something: such checks are left out of a run that may only read. What they
/// write must have the run's name and a time to live.
pub(in crate::probes) struct Write;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The commands in their order, each a list of words.
    commands: Vec<Vec<Value>>,
    /// Which credentials to show; the declared ones if not given.
    #[serde(default)]
    credentials: Credentials,
    /// Whether the last reply is a list of names and values in turn, to be returned as an object.
    #[serde(default)]
    pairs: bool,
    /// The declared replica of this number, from 0, instead of the contract's address.
    replica: Option<usize>,
}

/// Which credentials to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Credentials {
    /// Those of the configuration; none where none are declared.
    #[default]
    Declared,
    /// The declared user, or the default one, with a password nobody has.
    RandomPassword,
    /// None at all.
    None,
}

const FACTS: &[Fact] = &[
    Fact { name: "accepted", about: "whether every command, the login included, was answered without an error" },
    Fact { name: "reply", about: "the last reply: texts, numbers, null, lists" },
    Fact { name: "replies", about: "the reply of each command" },
    Fact { name: "refused", about: "the command that was refused: its first word" },
    Fact {
        name: "code",
        about: "the first word of the error reply: NOAUTH, WRONGPASS, NOPERM, READONLY, ERR; absent without one",
    },
    Fact { name: "message", about: "the rest of the error reply" },
];

impl Probe for Command {
    const NAME: &'static str = "redis.command";
    const ABOUT: &'static str = "sends commands over a connection of its own";
    const FACTS: &'static [Fact] = FACTS;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        look(&scope, &with).await
    }
}

impl Probe for Write {
    const NAME: &'static str = "redis.write";
    const ABOUT: &'static str = "sends commands that change something over a connection of its own";
    const FACTS: &'static [Fact] = FACTS;
    const WRITES: bool = true;
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        look(&scope, &with).await
    }
}

async fn look(scope: &Scope, with: &With) -> Result<Facts, Trouble> {
    let target = scope.target()?;
    let commands = with.commands.iter().map(|words| command(words)).collect::<Result<Vec<_>, _>>()?;
    converse(scope, &target, with, &commands).await
}

fn command(words: &[Value]) -> Result<Cmd, Trouble> {
    if words.is_empty() || words.iter().any(|word| !(word.is_string() || word.is_number())) {
        return Err(Trouble::unable("plan", "harness.parameters", "a command is a list of words and numbers"));
    }
    let mut command = Cmd::new();
    for word in words {
        command.arg(word.as_str().map_or_else(|| word.to_string(), str::to_owned));
    }
    Ok(command)
}

async fn converse(scope: &Scope, target: &Target, with: &With, commands: &[Cmd]) -> Result<Facts, Trouble> {
    let mut login = Login::declared(target, with.replica)?;
    match with.credentials {
        Credentials::Declared => {}
        Credentials::RandomPassword => login.auth = target.user.iter().cloned().chain([random_text()?]).collect(),
        Credentials::None => (login.auth, login.database) = (Vec::new(), None),
    }
    let mut connection = open(scope, target, &login).await?;
    match connection.log_in(scope, &login).await? {
        Ok(()) => {}
        Err(refusal) if with.credentials == Credentials::Declared => {
            return Err(Trouble::fault("auth", "auth.denied", refusal));
        }
        Err(refusal) => return Ok(refused(&[], "AUTH", &refusal)),
    }
    let mut replies = Vec::new();
    for (command, words) in commands.iter().zip(&with.commands) {
        let mut answer = connection.send(scope, "op", command).await?;
        if let Some(address) = answer.as_ref().err().and_then(|refusal| home::moved(target, refusal)) {
            // What follows is about the same key, so it stays there.
            login.address = address;
            connection = connect(scope, target, &login).await?;
            answer = connection.send(scope, "op", command).await?;
        }
        match answer {
            Ok(reply) => replies.push(json_of(&reply)),
            Err(refusal) => return Ok(refused(&replies, words[0].as_str().unwrap_or_default(), &refusal)),
        }
    }
    if with.pairs {
        replies = replies.into_iter().map(paired).collect();
    }
    Ok(Facts::from_iter([
        ("accepted".to_owned(), json!(true)),
        ("reply".to_owned(), replies.last().cloned().unwrap_or_default()),
        ("replies".to_owned(), json!(replies)),
    ]))
}

fn refused(replies: &[Value], word: &str, refusal: &Refusal) -> Facts {
    Facts::from_iter([
        ("accepted".to_owned(), json!(false)),
        ("refused".to_owned(), json!(word)),
        ("code".to_owned(), json!(refusal.code)),
        ("message".to_owned(), json!(refusal.message)),
        ("replies".to_owned(), json!(replies)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::faulty_server::{
        Behaviour::{Close, Drip, Flood, Reset, Say, Silence},
        scope_at,
    };

    #[tokio::test]
    async fn a_server_that_is_none_is_told_in_time_and_by_name() {
        let cases = [
            (Silence, "proto.timeout"),
            (Close, "proto.closed"),
            (Reset, "tcp.reset"),
            (Say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "proto.mismatch"),
            (Drip(b"+"), "proto.timeout"),
            (Say(b"-LOADING Redis is loading the dataset in memory\r\n"), "proto.not_ready"),
            (Say(b"-WRONGPASS invalid username-password pair\r\n"), "auth.denied"),
            (Flood(b"$1000000000\r\n", b"A"), "proto.too_large"),
        ];
        for (behaviour, class) in cases {
            let scope = scope_at("redis", behaviour).await;
            let with = With {
                commands: vec![vec![json!("PING")]],
                credentials: Credentials::Declared,
                pairs: false,
                replica: None,
            };
            let trouble = Command::run(scope, with).await.expect_err("no server");
            assert_eq!(trouble.class, class, "{behaviour:?}: {trouble}");
        }
    }

    #[test]
    fn a_command_is_words_and_numbers() {
        let packed = command(&[json!("SET"), json!("k"), json!(30)]).expect("a command").get_packed_command();
        assert_eq!(packed, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n30\r\n");
        for bad in [vec![], vec![json!(["PING"])], vec![json!("GET"), json!(null)]] {
            assert!(command(&bad).is_err(), "{bad:?}");
        }
    }
}
