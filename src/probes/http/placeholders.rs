use serde_json::Value;

/// A text as it is; anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every text in it with its placeholders replaced.
///
/// # Errors
/// The first path that `find` knows nothing of.
pub(super) fn filled(value: &Value, find: &dyn Fn(&str) -> Option<Value>) -> Result<Value, String> {
    match value {
        Value::String(text) => filled_text(text, find),
        Value::Array(list) => list.iter().map(|element| filled(element, find)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, member)| Ok((name.clone(), filled(member, find)?)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

/// Every `@NUMBER.PATH@` becomes what it names; alone in a text it keeps its type. Any other `@` stays.
///
/// # Errors
/// The first path that `find` knows nothing of.
pub(super) fn filled_text(text: &str, find: &dyn Fn(&str) -> Option<Value>) -> Result<Value, String> {
    let parts: Vec<&str> = text.split('@').collect();
    let names = |part: &str| {
        part.split_once('.').is_some_and(|(index, rest)| index.parse::<usize>().is_ok() && !rest.is_empty())
    };
    let known = |path: &str| find(path).ok_or_else(|| path.to_owned());
    if let ["", path, ""] = parts.as_slice()
        && names(path)
    {
        return known(path);
    }
    let mut out = String::new();
    // Where the part before this one ended: at an `@` that is still to be written, or at one that closed a name.
    let mut is_open = false;
    for (index, part) in parts.iter().enumerate() {
        if is_open && index + 1 < parts.len() && names(part) {
            out.push_str(&plain(&known(part)?));
            is_open = false;
        } else {
            if is_open {
                out.push('@');
            }
            out.push_str(part);
            is_open = true;
        }
    }
    Ok(Value::String(out))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_between_two_signs_is_replaced_and_nothing_else() {
        let find = |path: &str| (path == "0.json.id").then(|| json!(7));
        let cases = [
            ("@0.json.id@", json!(7)),
            ("/x/@0.json.id@/y", json!("/x/7/y")),
            ("@0.json.id@@0.json.id@", json!("77")),
            ("a@b.c", json!("a@b.c")),
            ("a@b.c@d@", json!("a@b.c@d@")),
            ("@claims.sub@", json!("@claims.sub@")),
            ("", json!("")),
        ];
        for (text, expected) in cases {
            assert_eq!(filled_text(text, &find), Ok(expected), "{text}");
        }
        assert_eq!(filled_text("@1.json.id@", &find), Err("1.json.id".to_owned()));
    }
}
