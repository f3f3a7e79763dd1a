use futures::future::join_all;
use kafka_protocol::{
    messages::{DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource},
    protocol::StrBytes,
};
use serde_json::{Value, json};

use super::{
    cluster::{About, Advertised, brokers, metadata},
    code::is_denied,
    configs::BROKER,
    connection::Connection,
};
use crate::{
    model::{Fact, Facts, Target, Trouble, TroubleKind},
    probes::{NoParameters, Probe, Scope},
};

/// Dials every address the cluster sends its clients to, logs in there and asks who answers.
///
/// The classic fault: the bootstrap address works, and everything after it fails, because clients are sent on to
/// addresses that only the broker knows. A load balancer in front of several brokers shows as another node answering.
pub(in crate::probes) struct AdvertisedListeners;

/// Who answered under an address.
struct Answered {
    same_cluster: bool,
    /// `None` where we may not ask.
    same_node: Option<bool>,
}

impl Probe for AdvertisedListeners {
    const NAME: &'static str = "kafka.advertised";
    const ABOUT: &'static str = "dials every advertised address and asks which broker answers there";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "listeners",
            about: "by broker: `{node, address, reachable, same_cluster, same_node, trouble, class}`; `same_node` is null where this principal may not ask",
        },
        Fact {
            name: "unreachable",
            about: "the addresses that did not answer as a broker does, each with its trouble",
        },
        Fact { name: "strangers", about: "the addresses where another broker or another cluster answered" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut connection = Connection::open(&scope).await?;
        let answer = metadata(&mut connection, "metadata", &About::Brokers).await?;
        let cluster = answer.cluster_id.as_deref();
        let brokers = brokers(&answer);
        let asked = brokers.iter().map(|broker| ask(&scope, &target, broker, cluster));
        let answers = join_all(asked).await;
        let listeners: Result<Vec<_>, _> =
            brokers.iter().zip(answers).map(|(broker, answer)| fact(broker, answer)).collect();
        let listeners = listeners?;
        let named = |fact: &Value, what: &str| {
            let text = |name: &str| fact[name].as_str().unwrap_or_default().to_owned();
            format!("node {} at {}{what}{}", fact["node"], text("address"), text("trouble"))
        };
        let unreachable = listeners.iter().filter(|one| one["reachable"] == json!(false)).map(|one| named(one, ": "));
        let is_strange = |one: &&Value| one["same_cluster"] == json!(false) || one["same_node"] == json!(false);
        let strangers = listeners.iter().filter(is_strange).map(|one| named(one, " is somebody else"));
        Ok(Facts::from_iter([
            ("unreachable".to_owned(), unreachable.collect()),
            ("strangers".to_owned(), strangers.collect()),
            ("listeners".to_owned(), Value::Array(listeners)),
        ]))
    }
}

async fn ask(scope: &Scope, target: &Target, broker: &Advertised, cluster: Option<&str>) -> Result<Answered, Trouble> {
    let mut connection = Connection::open_at(scope, target, &broker.address()?).await?;
    let answer = metadata(&mut connection, "metadata", &About::Brokers).await?;
    let same_node = names_itself(&mut connection, broker.node).await?;
    Ok(Answered { same_cluster: answer.cluster_id.as_deref() == cluster, same_node })
}

/// Whether the broker behind a connection is this node: only the node itself describes its own settings, every other
/// refuses with an invalid request. `None` where this principal lacks the right (`DescribeConfigs` on the cluster).
async fn names_itself(connection: &mut Connection, node: i32) -> Result<Option<bool>, Trouble> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(BROKER)
        .with_resource_name(StrBytes::from_string(node.to_string()))
        .with_configuration_keys(Some(vec![StrBytes::from_static_str("node.id")]));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let answer = connection.call("whoami", &request, 4..=4).await?;
    Ok(match answer.results.first() {
        Some(result) if result.error_code == 0 && !result.configs.is_empty() => Some(true),
        Some(result) if result.error_code == 0 || is_denied(result.error_code) => None,
        Some(_) => Some(false),
        None => None,
    })
}

fn fact(broker: &Advertised, answer: Result<Answered, Trouble>) -> Result<Value, Trouble> {
    let mut fact = json!({"node": broker.node, "address": broker.to_string()});
    match answer {
        Ok(answered) => {
            fact["reachable"] = json!(true);
            fact["same_cluster"] = json!(answered.same_cluster);
            fact["same_node"] = json!(answered.same_node);
        }
        // That we could not ask is no fact about the broker.
        Err(trouble) if trouble.kind == TroubleKind::Unable => return Err(trouble),
        Err(trouble) => {
            fact["reachable"] = json!(false);
            fact["class"] = json!(trouble.class);
            fact["trouble"] = json!(trouble.to_string());
        }
    }
    Ok(fact)
}
