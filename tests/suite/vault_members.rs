//! Three Vaults, one of them active: whichever the address leads to, as a Service over all of them does.

use std::fs;

use soma_stack::{Mode, Server, Stack};

use crate::program::Run;

#[test]
fn a_healthy_vault_is_ready_through_its_active_member_and_through_its_standbys() {
    let stack = Stack::builder()
        .mode(Mode::Hardened)
        .servers(&[Server::Vault])
        .vault_members(3)
        .start()
        .expect("three members start");
    let own = stack.address(Server::Vault);
    let declared = fs::read_to_string(stack.config_path()).expect("the configuration");
    let config = stack.directory().join("led-elsewhere.yaml");
    let mut statuses = Vec::new();
    for member in stack.addresses(Server::Vault) {
        let (from, to) = (format!("address: \"{own}\""), format!("address: \"{member}\""));
        assert!(declared.contains(&from), "{declared}");
        fs::write(&config, declared.replace(&from, &to)).expect("written");
        for _ in 0..2 {
            let run = Run::of(&config, &["vault", "suite/*/vault"]);
            assert_eq!(run.code, 0, "through {member}: {}", run.printed);
            for check in ["vault/ha-peers", "vault/standby-forward/2", "vault/kv-roundtrip", "suite/no-leftovers/vault"]
            {
                assert!(run.with_verdict("pass").contains(&check.to_owned()), "{check}: {}", run.printed);
            }
        }
        let health = Run::of(&config, &["vault/health"]);
        let checks = health.results["checks"].as_array().expect("checks");
        let row = checks.iter().find(|check| check["id"] == "vault/health").expect("its row");
        statuses.push(row["facts"]["status"].as_i64());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [Some(200), Some(429), Some(429)], "one is active, and the two standbys were asked as well");
}
