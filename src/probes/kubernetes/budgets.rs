use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, name, pods},
    label_selector::selects,
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// The disruption budgets of the namespace, and which component with more than one pod is held by none.
///
/// A budget whose selector takes nothing protects nothing and looks as good as any in a list.
/// Source: Kubernetes, "Specifying a Disruption Budget for your Application".
pub(in crate::probes) struct Budgets;

impl Probe for Budgets {
    const NAME: &'static str = "kubernetes.budgets";
    const ABOUT: &'static str = "lists disruption budgets, and the replicated components that they protect";
    const FACTS: &'static [Fact] = &[
        Fact { name: "budgets", about: "by name: {pods, expected_pods, disruptions_allowed, spare}" },
        Fact { name: "replicated", about: "by component with more than one pod: {pods, budgets}" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, namespace: &str) -> Vec<Right> {
        vec![listing("v1", "pods", Some(namespace)), listing("policy/v1", "poddisruptionbudgets", Some(namespace))]
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let pods = pods(&connection, &scope).await?;
        let budgets = connection.list(&scope, "policy/v1", "poddisruptionbudgets", Some(namespace)).await?;
        let rows: Map<String, Value> = budgets.iter().map(|budget| (name(budget), row(budget, &pods))).collect();
        Ok(Facts::from_iter([
            ("budgets".to_owned(), Value::Object(rows)),
            ("replicated".to_owned(), Value::Object(replicated(&budgets, &pods))),
        ]))
    }
}

fn takes(budget: &Value, pod: &Value) -> bool {
    selects(&budget["spec"]["selector"], &pod["metadata"]["labels"])
}

fn row(budget: &Value, pods: &[Value]) -> Value {
    let status = &budget["status"];
    let count = |key: &str| status[key].as_i64().unwrap_or(0);
    json!({
        "pods": pods.iter().filter(|pod| takes(budget, pod)).count(),
        "expected_pods": count("expectedPods"),
        "disruptions_allowed": count("disruptionsAllowed"),
        "spare": count("currentHealthy") - count("desiredHealthy"),
    })
}

fn replicated(budgets: &[Value], pods: &[Value]) -> Map<String, Value> {
    let mut by_component: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for pod in pods {
        by_component.entry(component(pod)).or_default().push(pod);
    }
    by_component
        .into_iter()
        .filter(|(_, pods)| pods.len() > 1)
        .map(|(component, pods)| {
            let all = budgets.iter().filter(|budget| pods.iter().all(|pod| takes(budget, pod))).count();
            (component, json!({"pods": pods.len(), "budgets": all}))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_takes_no_pod_protects_nobody() {
        let pod = || json!({"metadata": {"labels": {"app": "kafka"}}});
        let budget = |app: &str| json!({"spec": {"selector": {"matchLabels": {"app": app}}}, "status": {"expectedPods": 2, "currentHealthy": 2, "desiredHealthy": 1}});
        let pods = [pod(), pod(), json!({"metadata": {"labels": {"app": "opa"}}})];
        assert_eq!(
            replicated(&[budget("kafka")], &pods),
            *json!({"kafka": {"pods": 2, "budgets": 1}}).as_object().expect("a map")
        );
        assert_eq!(replicated(&[budget("kafak")], &pods)["kafka"]["budgets"], json!(0));
        assert_eq!(
            (&row(&budget("kafka"), &pods)["pods"], &row(&budget("kafka"), &pods)["spare"]),
            (&json!(2), &json!(1))
        );
    }
}
