use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{KUBERNETES, Report, Row, Verdict};

/// The probe whose facts fill the inventory of a report.
pub const INVENTORY: &str = "kubernetes.inventory";

/// What was there in the infrastructure's namespace, or why it is not known.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// Why it could not be read; then all else is empty.
    pub not_read: Option<String>,
    /// The namespace.
    pub namespace: String,
    /// How many pods there are; more than are listed where the list was cut.
    pub pod_count: usize,
    /// How many Services there are.
    pub service_count: usize,
    /// The pods.
    pub pods: Vec<PodLine>,
    /// The Services.
    pub services: Vec<ServiceEntry>,
    /// The endpoints of each Service.
    pub endpoints: Vec<EndpointsLine>,
}

/// A pod.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodLine {
    /// Its name.
    pub name: String,
    /// Which component it belongs to.
    pub component: String,
    /// Its phase.
    pub phase: Option<String>,
    /// Whether it is ready.
    pub ready: bool,
    /// How often its containers were started again.
    pub restarts: u64,
    /// The node it runs on.
    pub node: Option<String>,
    /// Its address.
    pub address: Option<String>,
}

/// A Service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceEntry {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its address; `None` as a text for a headless one.
    pub address: Option<String>,
    /// Its ports, as PORT/PROTOCOL.
    pub ports: Vec<String>,
}

/// The endpoints of a Service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointsLine {
    /// The Service.
    pub service: String,
    /// Addresses that take connections.
    pub ready: Vec<String>,
    /// Addresses that do not.
    pub not_ready: Vec<String>,
}

impl Report {
    /// The inventory of the infrastructure's namespace; nothing where no check of this run looked at a cluster.
    ///
    /// Where one did, there is an answer: what was there, or why it is not known. It is never empty in silence.
    #[must_use]
    pub fn inventory(&self) -> Option<Inventory> {
        let of_cluster =
            |row: &&Row| row.check.target.as_deref() == Some(KUBERNETES) && row.result.verdict != Verdict::Skip;
        self.rows.iter().find(of_cluster)?;
        let not_read = |why: String| Some(Inventory { not_read: Some(why), ..Inventory::default() });
        let Some(row) = self.rows.iter().find(|row| row.check.probe == INVENTORY) else {
            return not_read("the check that reads them was not selected".to_owned());
        };
        let facts = row.result.observation.as_ref().map(|observation| &observation.facts);
        match facts.filter(|facts| facts.contains_key("pods")) {
            Some(facts) => Some(Inventory {
                not_read: None,
                namespace: facts.get("namespace").and_then(Value::as_str).unwrap_or_default().to_owned(),
                pod_count: count(facts.get("pod_count")),
                service_count: count(facts.get("service_count")),
                pods: rows(facts.get("pods")),
                services: rows(facts.get("services")),
                endpoints: rows(facts.get("endpoints")),
            }),
            None => not_read(why(row)),
        }
    }
}

fn why(row: &Row) -> String {
    let trouble = row.result.trouble.as_ref().map(|trouble| trouble.message.clone());
    let root = row.result.root.as_ref().map(|root| format!("blocked by `{root}`"));
    let reason = (!row.result.reason.is_empty()).then(|| row.result.reason.clone());
    let why = trouble.or(root).or(reason).unwrap_or_else(|| "no reason was recorded".to_owned());
    format!("`{}` is {}: {why}", row.check.id, row.result.verdict.word())
}

fn count(value: Option<&Value>) -> usize {
    value.and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

/// The rows of a list. Its last element may be a text that says how many were cut.
fn rows<T: DeserializeOwned>(value: Option<&Value>) -> Vec<T> {
    let rows = value.and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| serde_json::from_value(row.clone()).ok()).collect()
}
