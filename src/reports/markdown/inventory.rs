//! The section "Pods, Services, Endpoints".

use crate::model::{Inventory, Report};

use super::{
    super::{finding::shown, wording::number},
    limits::Limits,
};

/// Its heading.
pub(in crate::reports) const INVENTORY_HEADING: &str = "Pods, Services, Endpoints";

/// What the template prints of it.
pub(super) struct InventoryView {
    pub(super) heading: &'static str,
    pub(super) not_read: Option<String>,
    pub(super) counted: String,
    pub(super) pods: Vec<PodRow>,
    pub(super) services: Vec<ServiceRow>,
}

/// One pod.
pub(super) struct PodRow {
    pub(super) name: String,
    pub(super) component: String,
    pub(super) phase: String,
    pub(super) ready: bool,
    pub(super) restarts: u64,
    pub(super) node: String,
    pub(super) address: String,
}

/// One Service with its endpoints.
pub(super) struct ServiceRow {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) address: String,
    pub(super) ports: String,
    pub(super) ready: String,
    pub(super) not_ready: String,
}

/// The section, where a check of the run looked at a cluster.
pub(super) fn view(report: &Report, limits: &Limits) -> Option<InventoryView> {
    let inventory = report.inventory()?;
    let text = |text: &str| shown(text, limits.text.min(300));
    let pods = inventory.pods.iter().take(limits.lines).map(|pod| PodRow {
        name: text(&pod.name),
        component: text(&pod.component),
        phase: text(pod.phase.as_deref().unwrap_or("unknown")),
        ready: pod.ready,
        restarts: pod.restarts,
        node: text(pod.node.as_deref().unwrap_or("none")),
        address: text(pod.address.as_deref().unwrap_or("none")),
    });
    let services = inventory.services.iter().take(limits.lines).map(|service| {
        let of_service = inventory.endpoints.iter().find(|line| line.service == service.name);
        let joined = |addresses: Option<&Vec<String>>| text(&addresses.cloned().unwrap_or_default().join(" "));
        ServiceRow {
            name: text(&service.name),
            kind: text(service.kind.as_deref().unwrap_or("unknown")),
            address: text(service.address.as_deref().unwrap_or("none")),
            ports: text(&service.ports.join(", ")),
            ready: joined(of_service.map(|line| &line.ready)),
            not_ready: joined(of_service.map(|line| &line.not_ready)),
        }
    });
    let (pods, services): (Vec<PodRow>, Vec<ServiceRow>) = (pods.collect(), services.collect());
    Some(InventoryView {
        heading: INVENTORY_HEADING,
        not_read: inventory.not_read.as_deref().map(|why| shown(why, limits.text.min(1_000))),
        counted: counted(&inventory, pods.len(), services.len()),
        pods,
        services,
    })
}

fn counted(inventory: &Inventory, pods: usize, services: usize) -> String {
    let listed = |count: usize, noun: &str, listed: usize| {
        let cut = if listed < count { format!(" ({listed} of them are listed)") } else { String::new() };
        format!("{}{cut}", number(count, noun))
    };
    format!(
        "{} and {} in namespace `{}`.",
        listed(inventory.pod_count, "pod", pods),
        listed(inventory.service_count, "Service", services),
        shown(&inventory.namespace, 100)
    )
}
