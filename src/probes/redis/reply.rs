use redis::Value as Reply;
use serde_json::{Map, Value, json};

use crate::model::{clip, printable};

/// The most of one text that is kept as a fact.
const LONGEST_TEXT: usize = 4096;

/// A reply as JSON: nil as null, integers as numbers, texts as texts (`OK` and `PONG` too), arrays as lists.
pub(super) fn json_of(reply: &Reply) -> Value {
    let text = |text: &str| json!(clip(&printable(text), LONGEST_TEXT));
    match reply {
        Reply::Nil => Value::Null,
        Reply::Int(number) => json!(number),
        Reply::Double(number) => json!(number),
        Reply::Boolean(flag) => json!(flag),
        Reply::Okay => json!("OK"),
        Reply::SimpleString(status) => text(status),
        Reply::BulkString(bytes) => text(&String::from_utf8_lossy(bytes)),
        Reply::VerbatimString { text: inner, .. } => text(inner),
        Reply::Array(list) | Reply::Set(list) => list.iter().map(json_of).collect(),
        Reply::Map(pairs) => pairs.iter().map(|(name, value)| (name_of(&json_of(name)), json_of(value))).collect(),
        Reply::ServerError(error) => json!({"error": {"code": error.code(), "message": error.details()}}),
        other => text(&format!("{other:?}")),
    }
}

/// A list of names and values in turn (`CONFIG GET`, `XINFO`) as an object; anything else unchanged.
pub(super) fn paired(reply: Value) -> Value {
    match reply {
        Value::Array(list) if list.len() % 2 == 0 => {
            let pairs = list.chunks_exact(2).map(|pair| (name_of(&pair[0]), pair[1].clone()));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn name_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The lines of `INFO` as an object; what is a number becomes one.
pub(super) fn info(text: &str) -> Map<String, Value> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), number_or_text(value.trim())))
        .collect()
}

fn number_or_text(value: &str) -> Value {
    // `run_id` may be all digits, and a version such as `7.2` is no number: only what reads back the same is one.
    if let Ok(number) = value.parse::<i64>()
        && number.to_string() == value
    {
        return json!(number);
    }
    json!(clip(&printable(value), LONGEST_TEXT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_become_json_as_people_write_them() {
        let bulk = |text: &str| Reply::BulkString(text.as_bytes().to_vec());
        let cases = [
            (Reply::Nil, Value::Null),
            (Reply::Int(1), json!(1)),
            (Reply::Okay, json!("OK")),
            (Reply::SimpleString("PONG".to_owned()), json!("PONG")),
            (bulk("a\x1b[2Jb"), json!("ab")),
            (Reply::BulkString(vec![0xff]), json!("\u{fffd}")),
            (Reply::Array(vec![bulk("slave"), Reply::Int(3), Reply::Nil]), json!(["slave", 3, null])),
        ];
        for (reply, expected) in cases {
            assert_eq!(json_of(&reply), expected, "{reply:?}");
        }
    }

    #[test]
    fn pairs_become_an_object_and_nothing_else_does() {
        assert_eq!(paired(json!(["dir", "/data", "save", ""])), json!({"dir": "/data", "save": ""}));
        assert_eq!(paired(json!([1])), json!([1]));
        assert_eq!(paired(json!("PONG")), json!("PONG"));
    }

    #[test]
    fn info_keeps_numbers_as_numbers_and_versions_as_texts() {
        let text = "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nuptime_in_seconds:12\r\n\r\nslave0:ip=127.0.0.1,port=1,state=online\r\nbroken line\r\nos:Linux: x\r\n";
        let info = Value::Object(info(text));
        let expected = json!({
            "redis_version": "7.0.15", "redis_git_sha1": "00000000", "uptime_in_seconds": 12,
            "slave0": "ip=127.0.0.1,port=1,state=online", "os": "Linux: x"
        });
        assert_eq!(info, expected);
    }
}
