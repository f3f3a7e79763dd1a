use redis::Value as Reply;
use serde_json::{Value, json};

use super::connection::{Login, connect};
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Reads `CLUSTER NODES`, and dials every address that the cluster announces.
///
/// A client is sent to these addresses by `MOVED`: a node that announces one that cannot be reached loses a part of all
/// keys, while the node that was asked answers well. Source: Redis, "CLUSTER NODES".
pub(in crate::probes) struct Cluster;

impl Probe for Cluster {
    const NAME: &'static str = "redis.cluster";
    const ABOUT: &'static str = "reads the nodes of a cluster and dials every address that they announce";
    const FACTS: &'static [Fact] = &[
        Fact {
            name: "masters",
            about: "by master with slots: {address, slots, replicas, replicas_elsewhere}; replicas whose link is up, and of them those on another host",
        },
        Fact { name: "slots", about: "how many slots have a master, of 16384" },
        Fact { name: "failing", about: "the addresses of nodes that are failing or were given up" },
        Fact { name: "announced", about: "by node: {address, role, reached, trouble}" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut connection = connect(&scope, &target, &Login::declared(&target, None)?).await?;
        let text = match connection.ask(&scope, "op", &["CLUSTER", "NODES"]).await? {
            Reply::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Reply::SimpleString(text) | Reply::VerbatimString { text, .. } => text,
            _ => return Err(Trouble::fault("op", "proto.garbage", "the answer to CLUSTER NODES is no text")),
        };
        let nodes: Vec<Node> = text.lines().filter_map(Node::parse).collect();
        if nodes.is_empty() {
            return Err(Trouble::fault("op", "proto.garbage", "the answer to CLUSTER NODES names no node"));
        }
        let announced = nodes.iter().filter(|node| !node.has("noaddr")).map(|node| reach(&scope, &target, node));
        let mut facts = facts_of(&nodes);
        facts.insert("announced".to_owned(), Value::Array(futures::future::join_all(announced).await));
        Ok(facts)
    }
}

/// One line: `id ip:port@cport[,hostname] flags master ping-sent pong-recv config-epoch link-state [slot…]`.
#[derive(Debug)]
struct Node<'a> {
    id: &'a str,
    address: String,
    flags: Vec<&'a str>,
    master: &'a str,
    connected: bool,
    slots: u32,
}

impl<'a> Node<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (id, place, flags, master) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let state = words.nth(3)?;
        let (endpoint, rest) = place.split_once('@').unwrap_or((place, ""));
        // A client is sent to the host name where one is announced.
        let announced = rest.split(',').nth(1).filter(|name| !name.is_empty());
        let (ip, port) = endpoint.rsplit_once(':')?;
        Some(Self {
            id,
            address: format!("{}:{port}", announced.map_or_else(|| bracketed(ip), str::to_owned)),
            flags: flags.split(',').collect(),
            master,
            connected: state == "connected",
            slots: words.map(slots_of).sum(),
        })
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    fn is_failing(&self) -> bool {
        self.has("fail") || self.has("fail?") || self.has("noaddr")
    }

    fn host(&self) -> &str {
        self.address.rsplit_once(':').map_or("", |(host, _)| host)
    }
}

fn bracketed(ip: &str) -> String {
    if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() }
}

/// `5` is one slot, `0-5460` a range; `[93-<-id]` is on its way and counted where it is served.
fn slots_of(word: &str) -> u32 {
    let number = |text: &str| text.parse::<u32>().ok().filter(|slot| *slot < 16_384);
    match word.split_once('-') {
        None => u32::from(number(word).is_some()),
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) if from <= to => to - from + 1,
            _ => 0,
        },
    }
}

fn facts_of(nodes: &[Node<'_>]) -> Facts {
    let good = |node: &&Node<'_>| node.connected && !node.is_failing();
    let masters = nodes.iter().filter(|node| node.slots > 0).map(|master| {
        let replicas: Vec<_> = nodes.iter().filter(|node| node.master == master.id).filter(good).collect();
        let elsewhere = replicas.iter().filter(|replica| replica.host() != master.host()).count();
        json!({"address": master.address, "slots": master.slots, "replicas": replicas.len(), "replicas_elsewhere": elsewhere})
    });
    let served = nodes.iter().filter(|node| !node.is_failing()).map(|node| node.slots).sum::<u32>();
    let failing: Vec<_> = nodes.iter().filter(|node| node.is_failing()).map(|node| &node.address).collect();
    Facts::from_iter([
        ("masters".to_owned(), masters.collect()),
        ("slots".to_owned(), json!(served)),
        ("failing".to_owned(), json!(failing)),
    ])
}

async fn reach(scope: &Scope, target: &Target, node: &Node<'_>) -> Value {
    let role = if node.has("master") { "master" } else { "replica" };
    let asked = async {
        let wrong = |_| Trouble::fault("plan", "proto.bad_address", format!("`{}` is no address", node.address));
        let address = node.address.parse::<HostPort>().map_err(wrong)?;
        let login = Login { address, ..Login::declared(target, None)? };
        connect(scope, target, &login).await?.ask(scope, "op", &["PING"]).await
    };
    match asked.await {
        Ok(_) => json!({"address": node.address, "role": role, "reached": true}),
        Err(trouble) => {
            json!({"address": node.address, "role": role, "reached": false, "trouble": trouble.to_string()})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "\
a1 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5460 [93-<-b2]
b2 10.0.0.2:6379@16379,two.example.org master - 0 1 2 connected 5461-10922
c3 :0@0 master,noaddr - 0 1 3 disconnected 10923-16383
d4 10.0.0.1:6380@16380 slave a1 0 1 1 connected
e5 10.0.0.3:6379@16379 slave a1 0 1 1 connected
f6 10.0.0.4:6379@16379 slave,fail b2 0 1 2 disconnected
broken line
";

    #[test]
    fn a_master_counts_the_replicas_that_follow_it_and_where_they_are() {
        let nodes: Vec<Node<'_>> = NODES.lines().filter_map(Node::parse).collect();
        let facts = facts_of(&nodes);
        let expected = json!([
            {"address": "10.0.0.1:6379", "slots": 5461, "replicas": 2, "replicas_elsewhere": 1},
            {"address": "two.example.org:6379", "slots": 5462, "replicas": 0, "replicas_elsewhere": 0},
            {"address": ":0", "slots": 5461, "replicas": 0, "replicas_elsewhere": 0},
        ]);
        assert_eq!(facts["masters"], expected);
        assert_eq!((&facts["slots"], &facts["failing"]), (&json!(10_923), &json!([":0", "10.0.0.4:6379"])));
    }

    #[test]
    fn slots_are_counted_as_they_are_written() {
        for (word, count) in [("0", 1), ("0-16383", 16_384), ("9-3", 0), ("[93-<-b2]", 0), ("16384", 0), ("x", 0)] {
            assert_eq!(slots_of(word), count, "{word}");
        }
    }
}
