use std::net::IpAddr;

use etcd_client::Member;
use futures::future::{join_all, try_join_all};
use serde_json::{Value, json};
use url::Url;

use super::{
    connection::{Leader, ask, connect, connect_to, members},
    status::id,
};
use crate::{
    model::{Fact, Facts, HostPort, Trouble, TroubleKind, clip, printable},
    probes::{NoParameters, Probe, Scope},
};

/// Asks for the list of members and dials every client URL in it.
///
/// Clients that discover the cluster are sent to these URLs. etcd listens on localhost unless told otherwise, and
/// advertises that too. Members that were each bootstrapped alone answer one by one with a list of themselves, so every
/// declared member is asked for its cluster.
pub(in crate::probes) struct Members;

impl Probe for Members {
    const NAME: &'static str = "etcd.members";
    const ABOUT: &'static str = "asks for the list of members and dials their client URLs";
    const FACTS: &'static [Fact] = &[
        Fact { name: "members", about: "by member: `{name, id, is_started, is_learner, client_urls}`" },
        Fact { name: "members_odd", about: "whether the number of voting members is odd" },
        Fact { name: "clients", about: "by client URL: `{member, url, reachable, class, trouble}`" },
        Fact { name: "unreachable", about: "client URLs that do not accept a connection, each with its trouble" },
        Fact { name: "unusable", about: "client URLs no other machine can use" },
        Fact { name: "cluster_ids", about: "the different clusters that the declared members belong to" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let mut client = connect(&scope).await?;
        let answer = ask(&scope, "member_list", client.member_list()).await?;
        let list = answer.members();
        let urls: Vec<(&Member, &String)> =
            list.iter().flat_map(|member| member.client_urls().iter().map(move |url| (member, url))).collect();
        let dialled = join_all(urls.iter().map(|(_, url)| dial(&scope, url))).await;
        let clients: Result<Vec<Value>, Trouble> =
            urls.iter().zip(dialled).map(|((member, url), outcome)| client_fact(member, url, outcome)).collect();
        let unusable: Vec<String> = urls
            .iter()
            .filter(|(_, url)| is_unusable(url, &target.address.host))
            .map(|(member, url)| format!("{}: {url}", member.name()))
            .collect();
        let clients = clients?;
        let unreachable = clients.iter().filter(|one| one["reachable"] == json!(false)).map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            Value::from(format!("{}: {}: {}", text("member"), text("url"), text("trouble")))
        });
        let voting = list.iter().filter(|member| !member.is_learner()).count();
        Ok(Facts::from_iter([
            ("members".to_owned(), list.iter().map(member_fact).collect()),
            ("members_odd".to_owned(), json!(voting % 2 == 1)),
            ("unreachable".to_owned(), unreachable.collect()),
            ("clients".to_owned(), Value::Array(clients)),
            ("unusable".to_owned(), json!(unusable)),
            ("cluster_ids".to_owned(), json!(cluster_ids(&scope).await?)),
        ]))
    }
}

async fn cluster_ids(scope: &Scope) -> Result<Vec<String>, Trouble> {
    let target = scope.target()?;
    let members = members(&target);
    let ids = members.iter().map(|member| {
        let target = &target;
        async move {
            let mut client = connect_to(scope, target, member, Leader::Ignored).await?;
            let status = ask(scope, "status", client.status()).await?;
            Ok::<_, Trouble>(status.header().map_or(0, etcd_client::ResponseHeader::cluster_id))
        }
    });
    let mut ids: Vec<String> = try_join_all(ids).await?.into_iter().map(id).collect();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

async fn dial(scope: &Scope, url: &str) -> Result<(), Trouble> {
    let address = address_of(url)
        .ok_or_else(|| Trouble::fault("op", "etcd.client_url", format!("`{url}` has no host and port")))?;
    scope.dialler.tcp(&scope.clock, &address).await.map(drop)
}

fn address_of(url: &str) -> Option<HostPort> {
    let url = Url::parse(url).ok()?;
    let port = url.port_or_known_default()?;
    format!("{}:{port}", url.host_str()?).parse().ok()
}

fn member_fact(member: &Member) -> Value {
    json!({
        "name": clip(&printable(member.name()), 100),
        "id": id(member.id()),
        // A member that was added and never came up has no name yet.
        "is_started": !member.name().is_empty(),
        "is_learner": member.is_learner(),
        "client_urls": member.client_urls().iter().map(|url| clip(&printable(url), 200)).collect::<Vec<_>>(),
    })
}

fn client_fact(member: &Member, url: &str, outcome: Result<(), Trouble>) -> Result<Value, Trouble> {
    let mut fact = json!({"member": clip(&printable(member.name()), 100), "url": clip(&printable(url), 200)});
    match outcome {
        Ok(()) => fact["reachable"] = json!(true),
        Err(trouble) if trouble.kind == TroubleKind::Unable => return Err(trouble),
        Err(trouble) => {
            fact["reachable"] = json!(false);
            fact["class"] = json!(trouble.class);
            fact["trouble"] = json!(trouble.to_string());
        }
    }
    Ok(fact)
}

/// Whether a client URL leads every other machine to itself or nowhere, given the host declared for the service.
fn is_unusable(url: &str, declared: &str) -> bool {
    let Some(address) = address_of(url) else { return true };
    let is_loopback = |host: &str| {
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|one| one.is_loopback())
    };
    let is_unspecified = address.host.parse::<IpAddr>().is_ok_and(|one| one.is_unspecified());
    is_unspecified || (is_loopback(&address.host) && !is_loopback(declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_url_on_loopback_is_of_use_only_on_loopback() {
        let contract = "etcd.soma-infra.svc.cluster.local";
        let cases = [
            ("http://etcd-0.etcd.soma-infra.svc:2379", contract, false),
            ("http://localhost:2379", contract, true),
            ("https://127.0.0.1:2379", contract, true),
            ("http://[::1]:2379", contract, true),
            ("http://0.0.0.0:2379", contract, true),
            ("http://0.0.0.0:2379", "127.0.0.1", true),
            ("http://localhost:2379", "127.0.0.1", false),
            ("not a url", contract, true),
        ];
        for (url, declared, expected) in cases {
            assert_eq!(is_unusable(url, declared), expected, "{url} for {declared}");
        }
    }
}
