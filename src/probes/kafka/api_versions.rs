use kafka_protocol::messages::ApiKey;
use serde_json::{Map, Value, json};

use super::{code::code_name, connection::Connection};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Asks the broker which requests it understands: the first thing every Kafka client says, before any login.
///
/// Its answer proves that a Kafka listener, and not just an open port, stands behind the address. A controller's
/// listener answers too, but offers neither Produce nor Fetch. Source: KIP-35, KIP-511.
pub(in crate::probes) struct ApiVersions;

impl Probe for ApiVersions {
    const NAME: &'static str = "kafka.api_versions";
    const ABOUT: &'static str = "asks the broker which requests it understands, before any login";
    const FACTS: &'static [Fact] = &[
        Fact { name: "error", about: "the name of the answer's error code; `NONE` when it is one" },
        Fact { name: "versions", about: "by request: the lowest and the highest version" },
        Fact { name: "features", about: "by finalised feature (`metadata.version` …): its level" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let connection = Connection::greet(&scope, &target.address, target.tls.as_ref()).await?;
        let answer = &connection.versions;
        let known = |key: i16| ApiKey::try_from(key).map(|key| format!("{key:?}"));
        let mut versions = Map::new();
        for api in &answer.api_keys {
            if let Ok(name) = known(api.api_key) {
                versions.insert(name, json!([api.min_version, api.max_version]));
            }
        }
        let features: Map<String, Value> = answer
            .finalized_features
            .iter()
            .map(|feature| (feature.name.to_string(), json!(feature.max_version_level)))
            .collect();
        Ok(Facts::from_iter([
            ("error".to_owned(), json!(code_name(answer.error_code))),
            ("versions".to_owned(), Value::Object(versions)),
            ("features".to_owned(), Value::Object(features)),
        ]))
    }
}
