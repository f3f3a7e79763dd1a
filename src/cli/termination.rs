use std::{fs::OpenOptions, io::Write as _, path::Path};

use crate::model::Report;

/// Where the kubelet reads a container's last word from, which survives with the pod's status when its log is gone.
/// Source: Kubernetes, "Determine the Reason for Pod Failure".
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Leaves the verdict in the pod's status. Elsewhere there is no such file, and nothing is written.
pub(super) fn leave(report: &Report) {
    let path = Path::new(TERMINATION_LOG);
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_none() || !path.exists() {
        return;
    }
    let counts = &report.counts;
    let text = format!(
        "{}: {} planned, {} passed, {} failed, {} errors, {} blocked, {} not run, {} warnings, {} skipped; run {}\n",
        report.verdict,
        report.rows.len(),
        counts.pass,
        counts.fail,
        counts.error,
        counts.blocked,
        counts.not_run,
        counts.warn,
        counts.skip,
        report.plan.run,
    );
    // It is a courtesy: the journal and the reports are what counts.
    let _ = OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
}
