//! The chart grants what the program prints. `UPDATE_GOLDENS=1` (or `make rbac`) writes it again.

use std::process::Command;

use crate::cluster::{PROGRAM, file, said};

/// Facts that need no cluster.
pub(crate) const FACTS: &[(&str, fn())] = &[("roles::the_charts_roles_are_those_that_the_program_prints", same)];

fn same() {
    for profile in ["dev", "staging", "prod"] {
        let mut command = Command::new(PROGRAM);
        let output = command.args(["rbac", "--profile", profile]).env_clear().current_dir("/").output().expect("runs");
        assert!(output.status.success(), "{}", said(&output));
        let printed = String::from_utf8(output.stdout).expect("text");
        let path = file(&format!("deploy/chart/rbac/{profile}.yaml"));
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::write(&path, &printed).expect("written");
        }
        let kept = std::fs::read_to_string(&path).expect("the chart's Roles");
        // The first line only says how many checks there are.
        assert!(
            rules(&kept) == rules(&printed),
            "{path} is not what `rbac --profile {profile}` prints; run `make rbac`"
        );
    }
}

fn rules(text: &str) -> Option<&str> {
    text.split_once('\n').map(|(_, rules)| rules).filter(|rules| rules.contains("kind: ClusterRole"))
}
