use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{KUBERNETES, right_on},
    infrastructure::seconds_since,
    secret_data::{decoded, shape, weakness},
};
use crate::{
    cluster::collection,
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope},
};

/// One Secret: whether it is there, which keys it has, how long they are, and whether its password is a guessable one.
///
/// Its values are looked at and never told: facts are names, lengths and the names of rules.
pub(in crate::probes) struct Secret;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The Secret.
    name: String,
    /// Keys that it must have.
    #[serde(default)]
    keys: Vec<String>,
    /// The key of a password whose weakness is told.
    #[serde(default)]
    password: Option<String>,
    /// The key of the user's name that belongs to it.
    #[serde(default)]
    user: Option<String>,
    /// Passwords that a chart brings as defaults.
    #[serde(default)]
    defaults: Vec<String>,
}

impl Probe for Secret {
    const NAME: &'static str = "kubernetes.secret";
    const ABOUT: &'static str = "looks at one Secret without taking its values along";
    const FACTS: &'static [Fact] = &[
        Fact { name: "exists", about: "whether it is there" },
        Fact { name: "keys", about: "of each of its keys {bytes, line_end}" },
        Fact { name: "missing", about: "wanted keys that it does not have; none where there is no Secret" },
        Fact { name: "weak", about: "rules that its password breaks: common, declared-default, same-as-user, short" },
        Fact { name: "age_s", about: "how long ago it was made" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        vec![right_on("v1", "secrets", Some(namespace), "get").only(&with.name)]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let path = format!("{}/{}", collection("v1", "secrets", Some(namespace)), with.name);
        let right = right_on("v1", "secrets", Some(namespace), "get").only(&with.name);
        let object = connection.api.get(&scope.clock, &path, &right).await?;
        let mut facts = Facts::from_iter([("exists".to_owned(), json!(object.is_some()))]);
        let values = object.as_ref().map(decoded).unwrap_or_default();
        let value = |key: &str| values.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_slice());
        let missing: Vec<&String> = match &object {
            Some(_) => with.keys.iter().filter(|key| value(key).is_none()).collect(),
            None => Vec::new(),
        };
        facts.insert("missing".to_owned(), json!(missing));
        facts.insert("keys".to_owned(), Value::Object(shape(&values)));
        if let Some(password) = with.password.as_deref().and_then(value) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let user = with.user.as_deref().and_then(value).map(text);
            facts.insert("weak".to_owned(), json!(weakness(&text(password), user.as_deref(), &with.defaults)));
        }
        if let Some(object) = &object {
            facts.insert("age_s".to_owned(), json!(seconds_since(&object["metadata"]["creationTimestamp"])));
        }
        Ok(facts)
    }
}
