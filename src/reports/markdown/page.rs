//! `readiness.md`: the verdict first, then what to do, then everything that supports it.

use askama::Template;

use crate::model::{Level, Report, Verdict};

use super::{
    super::{
        difference_view::{self, DifferenceView},
        finding::shown,
        service_table::{ServiceLine, columns, service_lines},
        wording::{answer, counted, cut_short, headline, moment, took},
    },
    escape::filters,
    inventory::{self, InventoryView},
    limits::{Limits, STEPS},
    provenance::{Measured, measured, not_checked},
    reachability::{self, ReachabilityView},
    view::{self, CauseBox, CheckLine, Group, WaiverLine, WarningLine},
};

/// Bytes of a GitHub job summary: above 1 MiB the whole of it is thrown away.
pub const JOB_SUMMARY_BYTES: usize = 900 * 1024;

/// The layout stands in `reports/templates/readiness.md`.
#[derive(Template)]
#[template(path = "readiness.md", config = "reports/templates/askama.toml")]
struct Page {
    headline: String,
    profile: &'static str,
    answer: String,
    counted: String,
    ended: String,
    vantage: String,
    host: String,
    took: String,
    cut_short: Option<String>,
    boxes: Vec<CauseBox>,
    boxes_left_out: usize,
    columns: Vec<&'static str>,
    services: Vec<ServiceLine>,
    since: Option<DifferenceView>,
    reachability: Option<ReachabilityView>,
    inventory: Option<InventoryView>,
    warnings: Vec<WarningLine>,
    warning_notes: Vec<String>,
    waivers: Vec<WaiverLine>,
    blocked: Vec<Group>,
    lost: Vec<Group>,
    skipped: Vec<Group>,
    not_checked: Vec<String>,
    measured: Vec<Measured>,
    every_check: Vec<CheckLine>,
    planned: usize,
    cut: &'static str,
    budget: String,
}

/// The report as Markdown of at most `budget` bytes. Where not everything fits, detail is cut and the text says so.
#[must_use]
pub fn markdown(report: &Report, budget: usize) -> String {
    let mut text = String::new();
    for limits in &STEPS {
        text = page(report, limits, budget);
        if text.len() <= budget {
            break;
        }
    }
    text
}

fn page(report: &Report, limits: &Limits, budget: usize) -> String {
    let boxes = view::cause_boxes(report, limits);
    let deciding = report.causes.iter().filter(|cause| cause.decides).count();
    let page = Page {
        headline: headline(report),
        profile: report.plan.profile.word(),
        answer: answer(report),
        counted: counted(report),
        ended: moment(report.ended),
        vantage: shown(&report.provenance.vantage, 200),
        host: shown(&report.provenance.host, 200),
        took: took(report.took_ms() * 1_000),
        cut_short: cut_short(report),
        boxes_left_out: deciding.saturating_sub(boxes.len()),
        boxes,
        columns: columns(report).into_iter().map(Verdict::word).collect(),
        services: service_lines(report).into_iter().take(limits.lines.max(200)).collect(),
        since: report.since.as_deref().map(|since| difference_view::view(since, limits.lines)),
        reachability: reachability::view(report),
        inventory: inventory::view(report, limits),
        warnings: view::warning_lines(report, limits),
        warning_notes: view::notes(report, Level::Warning, limits),
        waivers: view::waiver_lines(report, limits),
        blocked: view::blocked_groups(report, limits),
        lost: view::lost_groups(report, limits),
        skipped: view::skipped_groups(report, limits),
        not_checked: not_checked(report, limits),
        measured: measured(report, limits),
        every_check: view::every_check(report, limits),
        planned: report.rows.len(),
        cut: limits.cut,
        budget: format!("{} KiB", budget / 1024),
    };
    // Rendering into a `String` fails only when a filter does, and ours do not.
    page.render().unwrap_or_else(|error| format!("# {}\n\nThe rest could not be rendered: {error}\n", report.verdict))
}
