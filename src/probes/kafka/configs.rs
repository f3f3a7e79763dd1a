use std::collections::BTreeMap;

use futures::future::try_join_all;
use kafka_protocol::{
    messages::{DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource},
    protocol::StrBytes,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    cluster::{About, Advertised, brokers, metadata},
    code::{code_name, is_denied},
    connection::Connection,
    retention::default_retention_ms,
};
use crate::{
    model::{Fact, Facts, Target, Trouble, clip, printable},
    probes::{Probe, Scope},
};

/// The resource types of `DescribeConfigs` that are asked for here.
pub(super) const BROKER: i8 = 4;
pub(super) const TOPIC: i8 = 2;

/// The settings of one resource: by name, the value; `None` for a sensitive or unset one.
pub(super) type Settings = BTreeMap<String, Option<String>>;

/// Asks every broker for its own settings, at its advertised address: no broker knows those of another.
///
/// Needs the right `DescribeConfigs` on the cluster. An answer that is denied looks like success with nothing in it
/// (seen on Kafka 4.3), so nothing is reported as a missing right.
pub(in crate::probes) struct Configs;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The settings to ask for.
    names: Vec<String>,
}

impl Probe for Configs {
    const NAME: &'static str = "kafka.configs";
    const ABOUT: &'static str = "asks every broker for settings of its own";
    const FACTS: &'static [Fact] = &[Fact {
        name: "brokers",
        about: "by broker: `{node, settings: {name: value}, retention_ms}`; `retention_ms` is what log.retention.ms, .minutes and .hours together say, -1 for unlimited, absent unless all three are asked for",
    }];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut connection = Connection::open(&scope).await?;
        let answer = metadata(&mut connection, "metadata", &About::Brokers).await?;
        let brokers = brokers(&answer);
        let asked = brokers.iter().map(|broker| own_settings(&scope, &target, broker, &with.names));
        Ok(Facts::from_iter([("brokers".to_owned(), Value::Array(try_join_all(asked).await?))]))
    }
}

async fn own_settings(scope: &Scope, target: &Target, broker: &Advertised, names: &[String]) -> Result<Value, Trouble> {
    let mut connection = Connection::open_at(scope, target, &broker.address()?).await?;
    let node = broker.node.to_string();
    let described = describe(&mut connection, BROKER, std::slice::from_ref(&node), names).await?;
    let settings = described.into_iter().next().map(|(_, settings)| settings).unwrap_or_default();
    let shown: Map<String, Value> = settings.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut fact = json!({"node": broker.node, "settings": shown});
    if let Some(retention) = default_retention_ms(&settings) {
        fact["retention_ms"] = json!(retention);
    }
    Ok(fact)
}

/// The settings of these resources, as far as `names` goes.
pub(super) async fn describe(
    connection: &mut Connection,
    kind: i8,
    resources: &[String],
    names: &[String],
) -> Result<Vec<(String, Settings)>, Trouble> {
    let keys: Vec<_> = names.iter().map(|name| StrBytes::from_string(name.clone())).collect();
    let resource = |name: &String| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_string(name.clone()))
            .with_configuration_keys(Some(keys.clone()))
    };
    let request = DescribeConfigsRequest::default().with_resources(resources.iter().map(resource).collect());
    let answer = connection.call("describe_configs", &request, 4..=4).await?;
    let mut described = Vec::new();
    for result in answer.results {
        let what = clip(&printable(&result.resource_name), 249);
        if is_denied(result.error_code) || (result.error_code == 0 && result.configs.is_empty()) {
            return Err(Trouble::unable(
                "describe_configs",
                "authz.denied",
                format!(
                    "this principal may not see the settings of `{what}`: grant DescribeConfigs on the cluster and the topics"
                ),
            ));
        }
        if result.error_code != 0 {
            let why = result.error_message.as_deref().unwrap_or_default();
            return Err(Trouble::fault(
                "describe_configs",
                "kafka.code",
                format!("{} for `{what}`: {why}", code_name(result.error_code)),
            ));
        }
        let value = |value: Option<StrBytes>| value.map(|value| clip(&printable(&value), 400));
        let settings = result
            .configs
            .into_iter()
            .map(|one| (one.name.to_string(), if one.is_sensitive { None } else { value(one.value) }));
        described.push((what, settings.collect()));
    }
    Ok(described)
}
