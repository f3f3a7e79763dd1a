//! Everything that lies on the servers of the plain stack, listed without the suite: by each server's own tool or protocol.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use serde_json::{Value, json};
use soma_stack::{Server, Stack};

/// The longest an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One line for each object, `server kind name`.
pub(crate) type Inventory = BTreeSet<String>;

/// Looks at every server.
pub(crate) fn of(stack: &Stack) -> Inventory {
    let parts = [
        postgres(stack),
        redis(stack),
        kafka(stack),
        etcd(stack),
        vault(stack),
        opa(stack),
        openfga(stack),
        rest(stack),
    ];
    for (part, name) in parts.iter().zip(["postgres", "redis", "kafka", "etcd", "vault", "opa", "openfga", "alerts"]) {
        assert!(part.iter().any(|line| line.starts_with(name)), "{name}: nothing was listed, not even what is there");
    }
    parts.into_iter().flatten().collect()
}

/// What came and what went between two looks.
pub(crate) fn difference(before: &Inventory, after: &Inventory) -> Vec<String> {
    let came = after.difference(before).map(|line| format!("+ {line}"));
    came.chain(before.difference(after).map(|line| format!("- {line}"))).collect()
}

/// A statement as the superuser; its lines.
pub(crate) fn sql(stack: &Stack, statement: &str) -> Vec<String> {
    let password = stack.credential("postgres-superuser-password").expect("a credential");
    let port = stack.address(Server::Postgres).port().to_string();
    let output = Command::new("psql")
        .args(["-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", "soma", "-c", statement])
        .env("PGPASSWORD", password)
        .output()
        .expect("psql runs");
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn postgres(stack: &Stack) -> Vec<String> {
    let own = "not like 'pg\\_%' and nspname <> 'information_schema'";
    let statement = format!(
        "select 'role ' || rolname from pg_roles \
         union all select 'database ' || datname from pg_database \
         union all select 'schema ' || nspname from pg_namespace where nspname {own} \
         union all select 'relation ' || nspname || '.' || relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname {own} \
         union all select 'function ' || nspname || '.' || proname from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname {own} \
         union all select 'type ' || nspname || '.' || typname from pg_type t join pg_namespace n on n.oid = typnamespace where nspname {own} \
         union all select 'slot ' || slot_name from pg_replication_slots \
         union all select 'publication ' || pubname from pg_publication \
         union all select 'prepared ' || gid from pg_prepared_xacts \
         union all select 'large object ' || oid from pg_largeobject_metadata \
         union all select 'setting ' || setdatabase || ' ' || setrole || ' ' || setconfig::text from pg_db_role_setting"
    );
    sql(stack, &statement).into_iter().map(|line| format!("postgres {line}")).collect()
}

/// One command to one Redis; the lines of its answer.
pub(crate) fn redis_cli(address: SocketAddr, words: &[&str]) -> Vec<String> {
    let output = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-e", "--raw"])
        .args(words)
        .output()
        .expect("redis-cli runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn redis(stack: &Stack) -> Vec<String> {
    let mut found = Vec::new();
    for server in [Server::Redis, Server::RedisReplica] {
        let address = stack.address(server);
        for (kind, words) in
            [("key", &["KEYS", "*"][..]), ("user", &["ACL", "LIST"]), ("function", &["FUNCTION", "LIST"])]
        {
            found.extend(redis_cli(address, words).into_iter().map(|line| format!("redis {server} {kind} {line}")));
        }
        let spaces = redis_cli(address, &["INFO", "keyspace"]).into_iter().filter(|line| line.starts_with("db"));
        found.extend(spaces.filter(|line| !line.starts_with("db0:")).map(|line| format!("redis {server} {line}")));
    }
    found
}

/// A client of Kafka that belongs to nobody's group.
pub(crate) fn kafka_client(stack: &Stack) -> BaseConsumer {
    let address = stack.address(Server::Kafka).to_string();
    ClientConfig::new().set("bootstrap.servers", address).create().expect("a client of Kafka")
}

fn kafka(stack: &Stack) -> Vec<String> {
    let client = kafka_client(stack);
    let metadata = client.fetch_metadata(None, PATIENCE).expect("metadata");
    let mut found: Vec<String> =
        metadata.brokers().iter().map(|broker| format!("kafka broker {}", broker.id())).collect();
    found.extend(metadata.topics().iter().map(|topic| format!("kafka topic {}", topic.name())));
    let groups = client.fetch_group_list(None, PATIENCE).expect("groups");
    found.extend(groups.groups().iter().map(|group| format!("kafka group {}", group.name())));
    found
}

/// One request over HTTP/1.0, so that the answer ends with the connection. Not found is nothing.
pub(crate) fn http(address: SocketAddr, method: &str, path: &str, token: &str, body: Option<&Value>) -> Value {
    let text = body.map_or_else(String::new, Value::to_string);
    let length = text.len();
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\nx-vault-token: {token}\r\ncontent-length: {length}\r\n\r\n{text}"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status");
    if status == "404" {
        return Value::Null;
    }
    assert!(status.starts_with('2'), "{method} {path}: {answer}");
    serde_json::from_str(body).unwrap_or_default()
}

/// What lies in etcd.
pub(crate) fn etcd(stack: &Stack) -> Vec<String> {
    let address = stack.address(Server::Etcd);
    let ask = |path: &str, body: &Value| http(address, "POST", path, "", Some(body));
    let every = STANDARD.encode([0]);
    let range = ask("/v3/kv/range", &json!({"key": every, "range_end": every, "keys_only": true}));
    let key = |pair: &Value| {
        let bytes = STANDARD.decode(pair["key"].as_str().expect("a key")).expect("base64");
        format!("etcd key {}", String::from_utf8_lossy(&bytes))
    };
    let mut found: Vec<String> = list(&range["kvs"]).iter().map(key).collect();
    found.extend(
        list(&ask("/v3/lease/leases", &json!({}))["leases"]).iter().map(|lease| format!("etcd lease {}", lease["ID"])),
    );
    let members = ask("/v3/cluster/member/list", &json!({}));
    found.extend(list(&members["members"]).iter().map(|member| format!("etcd member {}", member["name"])));
    for kind in ["user", "role"] {
        let names = ask(&format!("/v3/auth/{kind}/list"), &json!({}));
        found.extend(list(&names[format!("{kind}s")]).iter().map(|name| format!("etcd {kind} {name}")));
    }
    found
}

fn vault(stack: &Stack) -> Vec<String> {
    let (address, token) = (stack.address(Server::Vault), stack.credential("vault-token").expect("a token"));
    let ask = |method: &str, path: &str| http(address, method, path, &token, None)["data"].take();
    let mut found = Vec::new();
    for (kind, path) in [("mount", "/v1/sys/mounts"), ("login", "/v1/sys/auth"), ("audit", "/v1/sys/audit")] {
        let names = ask("GET", path);
        found.extend(names.as_object().into_iter().flatten().map(|(name, _)| format!("vault {kind} {name}")));
    }
    for (kind, path) in [("policy", "/v1/sys/policies/acl"), ("token", "/v1/auth/token/accessors")] {
        found.extend(list(&ask("LIST", path)["keys"]).iter().map(|name| format!("vault {kind} {name}")));
    }
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for name in list(&ask("LIST", &format!("/v1/secret/metadata/{folder}"))["keys"]) {
            let path = format!("{folder}{}", name.as_str().expect("a name"));
            if path.ends_with('/') { folders.push(path) } else { found.push(format!("vault secret {path}")) }
        }
    }
    found
}

fn opa(stack: &Stack) -> Vec<String> {
    let address = stack.address(Server::Opa);
    let policies = http(address, "GET", "/v1/policies", "", None);
    let mut found: Vec<String> =
        list(&policies["result"]).iter().map(|policy| format!("opa policy {}", policy["id"])).collect();
    // What is there is judged as a whole: rules are among it, and they give the same as long as nothing changes.
    let mut hasher = DefaultHasher::new();
    http(address, "GET", "/v1/data", "", None)["result"].to_string().hash(&mut hasher);
    found.push(format!("opa data {:x}", hasher.finish()));
    found
}

fn openfga(stack: &Stack) -> Vec<String> {
    let address = stack.address(Server::OpenFga);
    let mut found = Vec::new();
    for store in list(&http(address, "GET", "/stores", "", None)["stores"]) {
        let id = store["id"].as_str().expect("an id");
        found.push(format!("openfga store {id} {}", store["name"]));
        let models = http(address, "GET", &format!("/stores/{id}/authorization-models"), "", None);
        let models = list(&models["authorization_models"]);
        found.extend(models.iter().map(|model| format!("openfga model {id} {}", model["id"])));
        let tuples = http(address, "POST", &format!("/stores/{id}/read"), "", Some(&json!({"page_size": 100})));
        found.extend(list(&tuples["tuples"]).iter().map(|tuple| format!("openfga tuple {id} {}", tuple["key"])));
    }
    found
}

/// Alertmanager, which nobody may silence.
fn rest(stack: &Stack) -> Vec<String> {
    let address = stack.address(Server::Alertmanager);
    let silences = http(address, "GET", "/api/v2/silences", "", None);
    let status = http(address, "GET", "/api/v2/status", "", None);
    let mut found = vec![format!("alerts of {}", status["versionInfo"]["version"])];
    found.extend(list(&silences).iter().map(|silence| format!("alerts silence {}", silence["id"])));
    found
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
