use serde_json::{Map, Value};

use super::node::Step;

/// A placeholder that names nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unresolved {
    /// Where in the stanza.
    pub(super) steps: Vec<Step>,
    /// What it names.
    pub(super) name: String,
}

/// Fills `{name}` placeholders of `each` and `vectors` in every text of `value`; other braces stay as they are.
pub(super) fn fill_locals(value: &Value, locals: &Map<String, Value>) -> Value {
    let find = |path: &str| {
        let first = path.split('.').next().unwrap_or_default();
        locals.contains_key(first).then(|| walk(&Value::Object(locals.clone()), path).cloned())
    };
    fill(value, "{", &mut Vec::new(), &mut |path, _| find(path).map(Option::unwrap_or_default))
}

/// Fills `${path}` placeholders from `root` in every text of `value`.
pub(super) fn fill_context(value: &Value, root: &Value) -> (Value, Vec<Unresolved>) {
    let mut unresolved = Vec::new();
    let filled = fill(value, "${", &mut Vec::new(), &mut |path, steps| {
        let found = walk(root, path).cloned();
        if found.is_none() {
            unresolved.push(Unresolved { steps: steps.to_vec(), name: path.to_owned() });
        }
        found
    });
    (filled, unresolved)
}

pub(super) fn walk<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(root, |value, segment| match value {
        Value::Object(map) => map.get(segment),
        Value::Array(list) => list.get(segment.parse::<usize>().ok()?),
        _ => None,
    })
}

type Find<'a> = dyn FnMut(&str, &[Step]) -> Option<Value> + 'a;

fn fill(value: &Value, open: &str, steps: &mut Vec<Step>, find: &mut Find<'_>) -> Value {
    match value {
        Value::String(text) => fill_text(text, open, steps, find),
        Value::Array(list) => {
            let mut filled = Vec::with_capacity(list.len());
            for (index, element) in list.iter().enumerate() {
                steps.push(Step::Index(index));
                filled.push(fill(element, open, steps, find));
                steps.pop();
            }
            Value::Array(filled)
        }
        Value::Object(map) => {
            let mut filled = Map::new();
            for (name, member) in map {
                steps.push(Step::Key(name.clone()));
                let name = match fill_text(name, open, steps, find) {
                    Value::String(name) => name,
                    other => other.to_string(),
                };
                filled.insert(name, fill(member, open, steps, find));
                steps.pop();
            }
            Value::Object(filled)
        }
        other => other.clone(),
    }
}

fn fill_text(text: &str, open: &str, steps: &[Step], find: &mut Find<'_>) -> Value {
    // A text that is one placeholder takes the value with its type.
    if let Some(path) = text.strip_prefix(open).and_then(|rest| rest.strip_suffix('}')).filter(|path| is_path(path)) {
        return find(path, steps).unwrap_or_else(|| Value::from(text));
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let inside = &from[open.len()..];
        // `${` is not the `{` of a local.
        let is_other = open == "{" && before.ends_with('$');
        let path = inside.find('}').map(|end| &inside[..end]).filter(|path| is_path(path) && !is_other);
        if let Some((path, value)) = path.and_then(|path| find(path, steps).map(|value| (path, value))) {
            match value {
                Value::String(text) => filled.push_str(&text),
                other => filled.push_str(&other.to_string()),
            }
            rest = &inside[path.len() + 1..];
        } else {
            filled.push_str(open);
            rest = inside;
        }
    }
    filled.push_str(rest);
    Value::String(filled)
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_keep_types_and_foreign_braces() {
        let root = json!({"values": {"kafka": {"brokers": 3}}, "run": {"name": "soma-conf-1"}});
        let value = json!({"a": "${values.kafka.brokers}", "b": ["x ${run.name} y"], "sql": "select '{}'::jsonb", "bad": "${values.nope}"});
        let (filled, unresolved) = fill_context(&value, &root);
        assert_eq!(filled["a"], json!(3));
        assert_eq!(filled["b"], json!(["x soma-conf-1 y"]));
        assert_eq!(filled["sql"], json!("select '{}'::jsonb"));
        assert_eq!(unresolved, [Unresolved { steps: vec![Step::Key("bad".into())], name: "values.nope".into() }]);
    }

    #[test]
    fn locals_reach_into_vectors_and_leave_context_placeholders() {
        let locals =
            json!({"vector": {"input": {"tenant": "a"}}, "service": "redis"}).as_object().cloned().expect("map");
        let filled = fill_locals(
            &json!({"json": {"input": "{vector.input}"}, "t": "{service} ${services.{service}.address} {other}"}),
            &locals,
        );
        assert_eq!(filled, json!({"json": {"input": {"tenant": "a"}}, "t": "redis ${services.redis.address} {other}"}));
    }

    #[test]
    fn only_what_is_a_placeholder_is_filled() {
        let locals = json!({"a": "x", "n": 2, "list": ["p", "q"], "map": {"b-c": true}});
        let locals = locals.as_object().expect("a map");
        for (text, filled) in [
            ("{a}", json!("x")),
            ("{n}", json!(2)),
            ("{n} and {a}{a}!", json!("2 and xx!")),
            ("{list.1}", json!("q")),
            ("{map.b-c}", json!(true)),
            ("is {map}", json!("is {\"b-c\":true}")),
            // Of a local that is known, a path that leads nowhere is nothing.
            ("{a.b}", Value::Null),
            ("{list.2} {list.x}", json!("null null")),
            ("{other}", json!("{other}")),
            ("{}", json!("{}")),
            ("{a b}", json!("{a b}")),
            ("{a", json!("{a")),
            ("a}", json!("a}")),
            ("{{a}}", json!("{x}")),
            ("${a}", json!("${a}")),
            ("${a}{a}", json!("${a}x")),
            ("", json!("")),
        ] {
            assert_eq!(fill_locals(&json!(text), locals), filled, "{text}");
        }
        let names = json!({"{a}": 1, "{n}": [{"{a}": "{a}"}], "plain": null});
        assert_eq!(fill_locals(&names, locals), json!({"x": 1, "2": [{"x": "x"}], "plain": null}));
    }

    #[test]
    fn every_placeholder_that_names_nothing_is_told_with_its_place() {
        let root = json!({"values": {"a": 1}, "services": {"redis": {"members": ["h:1"]}}});
        let steps = |keys: &[Step]| keys.to_vec();
        let key = |name: &str| Step::Key(name.to_owned());
        for (text, filled, names) in [
            ("${values.a}", json!(1), vec![]),
            ("${services.redis.members.0}", json!("h:1"), vec![]),
            ("${services.redis.members.1}", json!("${services.redis.members.1}"), vec!["services.redis.members.1"]),
            ("a ${values.a} ${values.b}", json!("a 1 ${values.b}"), vec!["values.b"]),
            ("${values.a.b}", json!("${values.a.b}"), vec!["values.a.b"]),
            ("${}", json!("${}"), vec![]),
            ("${a b}", json!("${a b}"), vec![]),
            ("$${values.a}", json!("$1"), vec![]),
            ("{values.a}", json!("{values.a}"), vec![]),
        ] {
            let (found, unresolved) = fill_context(&json!({"with": [{"x": text}]}), &root);
            assert_eq!(found, json!({"with": [{"x": filled}]}), "{text}");
            let expected: Vec<_> = names
                .into_iter()
                .map(|name| Unresolved {
                    steps: steps(&[key("with"), Step::Index(0), key("x")]),
                    name: name.to_owned(),
                })
                .collect();
            assert_eq!(unresolved, expected, "{text}");
        }
    }
}
