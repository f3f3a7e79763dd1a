use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{list, name},
};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// The horizontal autoscalers of the namespace, with what they say of themselves.
///
/// One that gets no metrics exists, and never scales.
/// Source: Kubernetes, "Horizontal Pod Autoscaling", conditions.
pub(in crate::probes) struct Autoscalers;

impl Probe for Autoscalers {
    const NAME: &'static str = "kubernetes.autoscalers";
    const ABOUT: &'static str = "lists horizontal autoscalers with their conditions";
    const FACTS: &'static [Fact] =
        &[Fact { name: "autoscalers", about: "by name: {target_kind, target, able, active, reason, metrics, room}" }];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, namespace: &str) -> Vec<Right> {
        vec![listing("autoscaling/v2", "horizontalpodautoscalers", Some(namespace))]
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = &connection.cluster.namespace;
        let all = connection.list(&scope, "autoscaling/v2", "horizontalpodautoscalers", Some(namespace)).await?;
        let rows: Map<String, Value> = all.iter().map(|one| (name(one), row(one))).collect();
        Ok(Facts::from_iter([("autoscalers".to_owned(), Value::Object(rows))]))
    }
}

fn row(autoscaler: &Value) -> Value {
    let (spec, status) = (&autoscaler["spec"], &autoscaler["status"]);
    let condition = |kind: &str| list(&status["conditions"]).iter().find(|condition| condition["type"] == kind);
    let holds = |kind: &str| condition(kind).is_some_and(|condition| condition["status"] == "True");
    // A metric that is not known stands as `null` in the list.
    let metrics = list(&status["currentMetrics"]).iter().filter(|metric| metric["type"].is_string()).count();
    json!({
        "target_kind": spec["scaleTargetRef"]["kind"],
        "target": spec["scaleTargetRef"]["name"],
        "able": holds("AbleToScale"),
        "active": holds("ScalingActive"),
        "reason": condition("ScalingActive").map(|condition| condition["reason"].clone()),
        "metrics": metrics,
        "room": spec["maxReplicas"].as_i64().unwrap_or(0) - spec["minReplicas"].as_i64().unwrap_or(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_without_metrics_is_not_active() {
        let autoscaler = json!({
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "opa"}, "minReplicas": 1, "maxReplicas": 3},
            "status": {"currentMetrics": [null], "conditions": [
                {"type": "AbleToScale", "status": "True"},
                {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"},
            ]},
        });
        let row = row(&autoscaler);
        assert_eq!((&row["able"], &row["active"], &row["metrics"]), (&json!(true), &json!(false), &json!(0)));
        assert_eq!((&row["reason"], &row["room"]), (&json!("FailedGetResourceMetric"), &json!(2)));
    }
}
