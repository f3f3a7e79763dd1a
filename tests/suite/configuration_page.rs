//! The page on the configuration is true: its keys and services are the schema's, its blocks pass `lint`, and its complete
//! example makes a hardened environment READY.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde_json::Value;
use soma_stack::{Mode, Server, Stack};

use crate::program::{Run, soma, text};

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md")).expect("the page")
}

/// Every fenced block of YAML.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("the block ends")).collect()
}

/// The names in code in the first cells of all tables with this heading.
fn named_in_tables(page: &str, heading: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_wanted = false;
    for line in page.lines() {
        let Some(row) = line.strip_prefix("| ") else {
            is_wanted &= line.starts_with('|');
            continue;
        };
        let first = row.split(" | ").next().unwrap_or_default();
        if first == heading {
            is_wanted = true;
        } else if is_wanted {
            names.extend(first.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    names
}

fn schema() -> Value {
    let output = soma(&["schema", "config"]).output().expect("runs");
    serde_json::from_str(&text(&output).0).expect("JSON")
}

fn difference(left: &BTreeSet<String>, right: &BTreeSet<String>) -> Vec<String> {
    left.symmetric_difference(right).cloned().collect()
}

#[test]
fn the_page_names_every_key_of_the_schema_and_no_other() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().expect("definitions").values();
    let objects = definitions.chain([&schema]).filter_map(|one| one["properties"].as_object());
    let keys: BTreeSet<String> = objects.flat_map(|properties| properties.keys().cloned()).collect();
    assert!(keys.contains("server_name") && keys.contains("waivers"), "{keys:?}");
    let told = named_in_tables(&page(), "key");
    assert_eq!(difference(&keys, &told), Vec::<String>::new(), "in the schema or on the page, but not in both");
}

#[test]
fn the_page_names_every_service_and_every_profile_and_no_other() {
    let schema = schema();
    let services = schema["properties"]["services"]["propertyNames"]["enum"].as_array().expect("the services");
    let profiles = schema["$defs"]["Profile"]["oneOf"].as_array().expect("the profiles");
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    for (heading, known) in [
        ("service", services.iter().map(word).collect::<BTreeSet<_>>()),
        ("profile", profiles.iter().map(|one| word(&one["const"])).collect()),
    ] {
        assert!(known.len() >= 4, "{known:?}");
        let told = named_in_tables(&page(), heading);
        assert_eq!(difference(&known, &told), Vec::<String>::new(), "{heading}");
    }
}

#[test]
fn every_block_on_the_page_and_in_the_readme_passes_lint_and_the_schema() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let page = page();
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let blocks: Vec<&str> = blocks(&page).into_iter().chain(blocks(&readme)).collect();
    assert!(blocks.len() >= 9, "only {} blocks were looked at", blocks.len());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("soma-conformance.yaml");
    for block in blocks {
        fs::write(&file, block).expect("written");
        let output = soma(&["lint", "--config", file.to_str().expect("text")]).output().expect("runs");
        assert!(output.status.success(), "{block}\n{}", text(&output).1);
        let node: soma_conformance::catalogue::Node = serde_saphyr::from_str(block).expect("YAML");
        let faults: Vec<String> = validator.iter_errors(&node.to_value()).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{block}\n{faults:#?}");
    }
}

/// The complete example for this stack: only its addresses and the folder of its secrets are other ones.
fn example_for(stack: &Stack, folder: &Path) -> PathBuf {
    let page = page();
    let (_, rest) = page.split_once("<!-- worked example -->\n").expect("the example is marked");
    let mut example = blocks(rest).first().expect("a block").to_string();
    let address = |server| stack.address(server);
    let mut places: Vec<(String, SocketAddr)> = [
        ("postgres.example.internal:5432", Server::Postgres),
        ("postgres-standby.example.internal:5432", Server::PostgresStandby),
        ("redis.example.internal:6380", Server::Redis),
        ("redis-replica.example.internal:6380", Server::RedisReplica),
        ("opa.example.internal:8181", Server::Opa),
        ("vault.example.internal:8200", Server::Vault),
        ("openfga.example.internal:8080", Server::OpenFga),
        ("issuer.example.internal:8085", Server::Issuer),
        ("prometheus.example.internal:9090", Server::Prometheus),
        ("alertmanager.example.internal:9093", Server::Alertmanager),
    ]
    .map(|(name, server)| (name.to_owned(), address(server)))
    .into();
    for (name, port, server) in [("kafka", 9093, Server::Kafka), ("etcd", 2379, Server::Etcd)] {
        let members = stack.addresses(server).into_iter().zip(1..);
        places.extend(members.map(|(address, number)| (format!("{name}-{number}.example.internal:{port}"), address)));
    }
    for (name, address) in places {
        assert!(example.contains(&name), "the example has no `{name}`");
        example = example.replace(&name, &address.to_string());
    }
    assert!(!example.contains("example.internal"), "an address was left over:\n{example}");

    let secrets = folder.join("secrets");
    fs::create_dir(&secrets).expect("a folder");
    let credentials = fs::read_dir(stack.directory().join("credentials")).expect("credentials");
    let credentials = credentials.map(|entry| entry.expect("an entry").path());
    let published = ["ca.pem", "client.pem", "contract.env"].map(|name| stack.directory().join(name));
    for path in credentials.chain(published) {
        fs::copy(&path, secrets.join(path.file_name().expect("a name"))).expect("copied");
    }
    let file = folder.join("soma-conformance.yaml");
    fs::write(&file, example.replace("/run/secrets/soma", secrets.to_str().expect("text"))).expect("written");
    file
}

#[test]
fn the_complete_example_makes_a_hardened_environment_ready() {
    let stack = Stack::builder()
        .mode(Mode::Hardened)
        .all()
        .kafka_nodes(3)
        .etcd_members(3)
        .start()
        .expect("the hardened stack starts");
    let folder = tempfile::tempdir().expect("a folder");
    let config = example_for(&stack, folder.path());

    let ready = Run::of(&config, &["--wait", "2m"]);
    assert_eq!(ready.code, 0, "{}", ready.printed);
    // Nothing of a declared service was skipped for want of a login, TLS, members or replicas.
    let skipped = ready.with_verdict("skip");
    for login in [
        "postgres/replica-readable",
        "postgres/ssl-handshake",
        "redis/wrong-password-refused",
        "redis/replica-confirms",
        "kafka/sasl",
        "kafka/anonymous-refused",
        "etcd/wrong-password-refused",
        "opa/policy-revision",
        "openfga/datastore",
        "jwt/mint",
        "prometheus/authn",
        "contract/entries",
    ] {
        assert!(!skipped.contains(&login.to_owned()), "{login} was skipped: {}", ready.printed);
    }

    // It is this file that makes it so: with another CA nothing is READY.
    fs::copy(stack.directory().join("unrelated-ca.pem"), folder.path().join("secrets/ca.pem")).expect("copied");
    let distrusted = Run::of(&config, &["vault/health", "redis/ping", "postgres/select-1"]);
    assert_eq!(distrusted.code, 1, "{}", distrusted.printed);
    assert_eq!(distrusted.printed.matches("(tls.unknown_ca in phase tls)").count() % 3, 0, "{}", distrusted.printed);
}
