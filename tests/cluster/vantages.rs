//! What is seen from a place that sees less: an account without rights, a desk outside of the cluster.

use crate::{
    Fact,
    cluster::{Cluster, INFRASTRUCTURE, wait},
    rights::Account,
    run::{CONFIGURATION, Run},
    undo::at_the_end,
};

pub(crate) const FACTS: &[Fact] = &[
    ("vantages::an_account_without_rights_still_has_the_servers_asked", without_rights),
    ("vantages::a_port_forward_shows_that_servers_work_and_not_that_anybody_reaches_them", through_the_api),
];

/// What the reference release has that others have not.
fn complete(configuration: &str) -> String {
    configuration.replace(
        "services:",
        "values: {prometheus: {jobs: [etcd, opa, prometheus]}}\nservices:\n  postgres: {user: soma_app}",
    )
}

const SERVERS: [&str; 7] = ["postgres", "redis", "kafka", "opa", "vault", "etcd", "prometheus"];

fn without_rights(cluster: &Cluster) {
    let account = Account::fresh(cluster, &["cluster/nodes-ready"]);
    let run = account.run(&["redis", "service/ready-endpoints/redis"]);
    assert_eq!(run.code, 2, "undecided is neither ready nor not: {}", run.printed);
    run.passes(&["redis/tcp", "redis/ping", "redis/set-get-ttl"]);
    for id in run.red() {
        let check = run.check(id);
        assert!(check["trouble"].to_string().contains("kube.forbidden"), "only the missing right is red: {check}");
    }
    assert_eq!(run.verdict("service/ready-endpoints/redis"), "blocked", "{}", run.printed);
}

fn through_the_api(cluster: &Cluster) {
    let via = [&["--via", "port-forward"], &SERVERS[..]].concat();
    let account = Account::fresh(cluster, &via);
    let run = account.run_with(complete, &via);
    assert_eq!(run.code, 2, "it never makes READY: {}", run.printed);
    for server in SERVERS {
        let tcp = run.check(&format!("{server}/tcp"));
        assert_eq!(tcp["verdict"], "error", "{tcp}");
        assert_eq!(tcp["trouble"]["class"], "vantage.port_forward", "{tcp}");
    }
    run.passes(&[
        "postgres/auth-secret",
        "redis/set-get-ttl",
        "kafka/api-versions",
        "opa/health",
        "vault/token-lookup-self",
        "etcd/put-get-delete",
        "prometheus/ready",
    ]);
    let peer = run.check("postgres/startup")["peer"].to_string();
    assert!(peer.contains("through the API server"), "{peer}");
    assert!(
        run.results["run"]["provenance"]["vantage"].to_string().contains("degraded"),
        "{}",
        run.results["run"]["provenance"]
    );
    assert_eq!(failed(&run), [""; 0], "the release is healthy: {}", run.printed);
    let forbidden = run.results.to_string().matches("kube.forbidden").count();
    assert_eq!(forbidden, 0, "the printed Role is enough for it: {}", run.printed);

    // A server without pods is down from every place.
    let scale = |replicas: &str| {
        cluster.kubectl(&["-n", INFRASTRUCTURE, "scale", "deployment/soma-infra-opa", "--replicas", replicas]);
        let wanted = if replicas == "0" { "" } else { "1" };
        wait("OPA to be scaled", || {
            let path = "jsonpath={.status.readyReplicas}";
            cluster.kubectl(&["-n", INFRASTRUCTURE, "get", "deployment/soma-infra-opa", "-o", path]) == wanted
        });
    };
    let _up_again = at_the_end(|| scale("1"));
    scale("0");
    let down = Run::with(cluster, &complete(CONFIGURATION), &["run", "opa", "--via", "port-forward"]);
    assert_eq!(down.code, 1, "{}", down.printed);
    assert_eq!(failed(&down), ["service/ready-endpoints/opa"], "{}", down.printed);
}

fn failed(run: &Run) -> Vec<&str> {
    run.verdicts().into_iter().filter(|(_, verdict)| *verdict == "fail").map(|(id, _)| id).collect()
}
