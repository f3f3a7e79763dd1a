use serde_json::{Value, json};

use super::{ConfigurationFile, Stanza};
use crate::model::ProbeDescriptor;

/// The JSON Schema of a file under `checks/`: a list of stanzas, with the parameters of every probe.
#[must_use]
pub fn checks_schema(probes: &[ProbeDescriptor]) -> Value {
    let mut stanza = schemars::schema_for!(Stanza).to_value();
    let mut definitions = stanza.get("$defs").cloned().unwrap_or_else(|| json!({}));
    let mut rules = Vec::new();
    for probe in probes {
        let mut parameters = (probe.parameters)();
        if let Value::Object(map) = &mut parameters {
            map.shift_remove("$schema");
            // Two probes may call different types by the same name, so each has its own names.
            let own = map.shift_remove("$defs");
            if let (Some(Value::Object(own)), Value::Object(definitions)) = (own, &mut definitions) {
                definitions.extend(
                    own.into_iter()
                        .map(|(name, schema)| (format!("{}.{name}", probe.name), renamed(&schema, probe.name))),
                );
            }
        }
        let parameters = renamed(&parameters, probe.name);
        rules.push(json!({
            "if": {"properties": {"probe": {"const": probe.name}}},
            "then": {"properties": {"with": loosened(&parameters)}},
        }));
    }
    if let Value::Object(map) = &mut stanza {
        map.shift_remove("$schema");
        map.shift_remove("$defs");
        map.insert("additionalProperties".to_owned(), json!(false));
        if let Some(probe) = map.get_mut("properties").and_then(|properties| properties.get_mut("probe")) {
            probe["enum"] = json!(probes.iter().map(|probe| probe.name).collect::<Vec<_>>());
        }
        map.insert("allOf".to_owned(), Value::Array(rules));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Checks of soma-conformance",
        "type": "array",
        "items": stanza,
        "$defs": definitions,
    })
}

/// The JSON Schema of the user's file.
#[must_use]
pub fn configuration_schema() -> Value {
    let mut schema = schemars::schema_for!(ConfigurationFile).to_value();
    schema["title"] = json!("Configuration of soma-conformance");
    schema["properties"]["services"]["propertyNames"] = json!({"enum": super::configuration::known_services()});
    // The program refuses what it does not know; an editor shall too.
    schema["additionalProperties"] = json!(false);
    if let Some(Value::Object(definitions)) = schema.get_mut("$defs") {
        for (_, definition) in definitions.iter_mut().filter(|(_, definition)| definition["type"] == "object") {
            definition["additionalProperties"] = json!(false);
        }
    }
    schema
}

/// The schema with its references pointing to the definitions of this probe.
fn renamed(schema: &Value, probe: &str) -> Value {
    match schema {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(name, value)| {
                    match (name.as_str(), value.as_str().and_then(|text| text.strip_prefix("#/$defs/"))) {
                        ("$ref", Some(definition)) => (name.clone(), json!(format!("#/$defs/{probe}.{definition}"))),
                        _ => (name.clone(), renamed(value, probe)),
                    }
                })
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(|value| renamed(value, probe)).collect()),
        other => other.clone(),
    }
}

/// A parameter may also be a text with a placeholder, whatever its type.
fn loosened(parameters: &Value) -> Value {
    let mut loose = parameters.clone();
    if let Some(Value::Object(properties)) = loose.get_mut("properties") {
        for (_, property) in properties.iter_mut() {
            *property = json!({"anyOf": [property.clone(), {"type": "string", "pattern": "[$]?[{]"}]});
        }
    }
    loose
}
