use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{arguments::RbacArguments, environment, failure::Failure, output::say, settings};
use crate::{
    catalogue::{self, Configuration, CredentialSource},
    model::{ExitCode, Plan, Right},
    probes,
};

/// Prints the least Roles with which the selected checks can be made: these rights, and no others.
pub(super) fn main(arguments: &RbacArguments) -> Result<ExitCode, Failure> {
    let request = settings::request(&arguments.selection, None)?;
    let mut environment = environment::read(&arguments.selection.environment)?;
    environment.configuration.application.clone_from(&arguments.app_namespace);
    let diagnostics = std::mem::take(&mut environment.diagnostics);
    let plan = catalogue::make_plan(
        &environment.catalogue,
        &environment.configuration,
        &probes::descriptors(),
        &request,
        diagnostics,
    )?;
    let mut rights = plan.rights();
    rights.extend(of_credentials(&environment.configuration, &plan));
    rights.sort();
    rights.dedup();
    if rights.is_empty() {
        let hint = "rights are needed only where `services: {kubernetes: {enabled: true}}`; try --profile dev";
        return Err(Failure::new(
            ExitCode::NothingSelected,
            anyhow::anyhow!("no selected check asks the Kubernetes API"),
            hint,
        ));
    }
    let documents: Vec<String> = objects(&rights, &arguments.service_account, &arguments.namespace)
        .iter()
        .map(|object| serde_saphyr::to_string(object).unwrap_or_else(|_| object.to_string()))
        .collect();
    say(&format!(
        "# The least rights for {} checks of profile {}.\n{}",
        plan.checks.len(),
        plan.profile,
        documents.join("---\n")
    ));
    Ok(ExitCode::Ready)
}

/// The Secrets that hold credentials of the services the plan goes to. Where the environment gives a credential, the
/// Secret is not read; the right to it is printed all the same, because it is read where the environment does not.
fn of_credentials(configuration: &Configuration, plan: &Plan) -> Vec<Right> {
    let is_used = |name: &String| {
        plan.checks.iter().any(|check| check.skip.is_none() && check.target.as_deref() == Some(name.as_str()))
    };
    let declared = configuration.services.iter().filter(|(name, service)| service.enabled && is_used(name));
    declared
        .flat_map(|(_, service)| [service.password.as_ref(), service.token.as_ref()])
        .flatten()
        .filter_map(|source| match source {
            CredentialSource::Secret(entry) | CredentialSource::EnvOrSecret(_, entry) => Some(entry),
            CredentialSource::File(_) | CredentialSource::Env(_) => None,
        })
        .map(|entry| {
            let namespace = entry.namespace.as_deref().unwrap_or(configuration.namespace());
            Right::within(namespace, "", "secrets", "get").only(&entry.name)
        })
        .collect()
}

/// A `ClusterRole` for what has no namespace or none known before, a Role for each namespace, and their bindings.
fn objects(rights: &[Right], account: &str, home: &str) -> Vec<Value> {
    let mut by_place: BTreeMap<Option<&str>, Vec<&Right>> = BTreeMap::new();
    for right in rights {
        by_place.entry(right.namespace.as_deref()).or_default().push(right);
    }
    let subjects = json!([{"kind": "ServiceAccount", "name": account, "namespace": home}]);
    let mut objects = Vec::new();
    for (namespace, rights) in by_place {
        let (role, binding) =
            if namespace.is_some() { ("Role", "RoleBinding") } else { ("ClusterRole", "ClusterRoleBinding") };
        let mut metadata = json!({"name": account, "labels": {"app.kubernetes.io/name": "soma-conformance"}});
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        let api = "rbac.authorization.k8s.io/v1";
        objects.push(json!({"apiVersion": api, "kind": role, "metadata": metadata, "rules": rules(&rights)}));
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": account});
        objects.push(json!({
            "apiVersion": api, "kind": binding, "metadata": metadata, "roleRef": reference, "subjects": subjects,
        }));
    }
    objects
}

/// One rule for each resource, with all its verbs; a right on single objects stays on them.
fn rules(rights: &[&Right]) -> Vec<Value> {
    type Place<'a> = (&'a str, &'a str, Option<&'a str>);
    let mut verbs: BTreeMap<Place<'_>, BTreeSet<&str>> = BTreeMap::new();
    for right in rights {
        let place = (right.group.as_str(), right.resource.as_str(), right.name.as_deref());
        verbs.entry(place).or_default().insert(&right.verb);
    }
    // What is allowed on all objects need not be said again of one.
    let general = verbs.clone();
    let mut rules = Vec::new();
    for ((group, resource, name), mut verbs) in verbs {
        if name.is_some() {
            let covered = general.get(&(group, resource, None));
            verbs.retain(|verb| covered.is_none_or(|covered| !covered.contains(verb)));
        }
        if verbs.is_empty() {
            continue;
        }
        let mut rule = json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
        if let Some(name) = name {
            rule["resourceNames"] = json!([name]);
        }
        rules.push(rule);
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_on_one_object_is_not_widened_and_not_repeated() {
        let one = Right::within("soma-infra", "", "secrets", "get").only("admin");
        let rules_of_one = rules(&[&one]);
        assert_eq!(
            rules_of_one,
            [json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["admin"]})]
        );
        let all = Right::within("soma-infra", "", "secrets", "get");
        assert_eq!(rules(&[&one, &all]), [json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})]);
    }

    #[test]
    fn rights_without_a_namespace_are_a_cluster_role() {
        let rights = [Right::everywhere("", "nodes", "list"), Right::within("a", "", "pods", "list")];
        let kinds: Vec<Value> = objects(&rights, "sa", "home").iter().map(|object| object["kind"].clone()).collect();
        assert_eq!(kinds, ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]);
    }
}
