//! The end of a run for a person at a terminal: causes, warnings, services, and the verdict as the last line.

use std::path::Path;

use anstyle::{AnsiColor, Effects, Style};
use textwrap::{Options, wrap};

use crate::model::{Report, Row, RunVerdict, Verdict};

use super::{
    difference_view,
    finding::{fields, observed, shown},
    log_safe::log_safe,
    progress::{verdict_style, verdict_word},
    service_table::{columns, service_lines},
    wording::{answer, counted, cut_short, headline, moment, number, took},
};

/// Boxes shown; the rest stands in the files.
const MOST_CAUSES: usize = 50;
/// Warnings shown.
const MOST_WARNINGS: usize = 20;
/// Characters of one text.
const LONGEST_TEXT: usize = 1_000;
/// The lines of a box that help to act; the files hold the rest.
const LABELS: [&str; 7] = ["expected", "observed", "likely cause", "do next", "blocks", "waiver", "written in"];

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours are wanted and possible.
    pub colour: bool,
}

/// The summary. Its last line is the verdict and where the reports are.
#[must_use]
pub fn terminal(report: &Report, reports: Option<&Path>, options: TerminalOptions) -> String {
    let pen = Pen { options: TerminalOptions { width: options.width.clamp(40, 160), ..options } };
    let mut lines = Vec::new();
    pen.causes(report, &mut lines);
    pen.warnings(report, &mut lines);
    pen.services(report, &mut lines);
    lines.push(String::new());
    let sentences = [Some(answer(report)), Some(counted(report)), since(report), cut_short(report)];
    lines.extend(sentences.into_iter().flatten().flat_map(|sentence| pen.wrapped(&sentence, "", "")));
    lines.push(pen.last_line(report, reports));
    lines.join("\n") + "\n"
}

/// What changed since the last run, when there is a history.
fn since(report: &Report) -> Option<String> {
    let since = report.since.as_deref()?;
    Some(format!("Since {}: {}", moment(since.old.started), difference_view::summary(since)))
}

struct Pen {
    options: TerminalOptions,
}

impl Pen {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.options.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn wrapped(&self, text: &str, first: &str, following: &str) -> Vec<String> {
        let options = Options::new(self.options.width).initial_indent(first).subsequent_indent(following);
        wrap(&log_safe(text), options).into_iter().map(std::borrow::Cow::into_owned).collect()
    }

    fn causes(&self, report: &Report, lines: &mut Vec<String>) {
        let deciding: Vec<&Row> =
            report.causes.iter().filter(|cause| cause.decides).filter_map(|cause| report.row(&cause.id)).collect();
        for row in deciding.iter().take(MOST_CAUSES) {
            lines.push(String::new());
            lines.push(self.title(row));
            for field in fields(report, row).iter().filter(|field| LABELS.contains(&field.label)) {
                // Each line begins with a bar, so that foreign text never begins one.
                let first = format!("  | {:<14}", field.label);
                let text = shown(&field.text, LONGEST_TEXT);
                lines.extend(self.wrapped(&text, &first, &format!("  | {:<14}", "")));
            }
        }
        if let more @ 1.. = deciding.len().saturating_sub(MOST_CAUSES) {
            lines.push(format!("\n{} more in the reports", number(more, "cause")));
        }
    }

    fn title(&self, row: &Row) -> String {
        let verdict = row.result.verdict;
        let word = self.paint(verdict_style(verdict).bold(), &format!("{:<7}", verdict_word(verdict)));
        let id = self.paint(Style::new().bold(), row.check.id.as_str());
        let room = self.options.width.saturating_sub(11 + row.check.id.as_str().len()).max(20);
        format!("{word}  {id}  {}", log_safe(&shown(&row.check.title.replace('\n', " "), room - 1)))
    }

    fn warnings(&self, report: &Report, lines: &mut Vec<String>) {
        let is_cause = |row: &&Row| report.causes.iter().any(|cause| cause.decides && cause.id == row.check.id);
        let rows: Vec<&Row> = report
            .rows
            .iter()
            .filter(|row| matches!(row.result.verdict, Verdict::Warn | Verdict::Fail | Verdict::Error))
            .filter(|row| !is_cause(row))
            .collect();
        if !rows.is_empty() {
            lines.push(String::new());
        }
        for row in rows.iter().take(MOST_WARNINGS) {
            let verdict = row.result.verdict;
            let word = self.paint(verdict_style(verdict), &format!("{:<7}", verdict_word(verdict)));
            lines.push(format!("{word}  {}", row.check.id));
            lines.extend(self.wrapped(&shown(&observed(row), 300), "  | ", "  | "));
        }
        if let more @ 1.. = rows.len().saturating_sub(MOST_WARNINGS) {
            lines.push(format!("{} more in the reports", number(more, "warning")));
        }
    }

    fn services(&self, report: &Report, lines: &mut Vec<String>) {
        let services = service_lines(report);
        let names = services.iter().map(|line| line.service.len()).max().unwrap_or(0).max("service".len());
        let columns = columns(report);
        let widths: Vec<usize> = columns.iter().map(|verdict| verdict.word().len()).chain([10]).collect();
        let headings: Vec<&str> = columns.iter().map(|verdict| verdict.word()).chain(["time"]).collect();
        let cells = |texts: &[&str]| -> String {
            let cell = |(text, width): (&&str, &usize)| format!("  {text:>width$}");
            texts.iter().zip(&widths).map(cell).collect::<Vec<_>>().concat()
        };
        lines.push(String::new());
        lines.push(format!("{:<names$}  {:<10}{}", "service", "verdict", cells(&headings)));
        for line in &services {
            let texts: Vec<&str> = line.cells.iter().map(String::as_str).collect();
            let colour = if line.is_bad { AnsiColor::Red } else { AnsiColor::Green };
            let words = match line.words {
                "skipped" => format!("{:<10}", line.words),
                words => self.paint(Style::new().fg_color(Some(colour.into())), &format!("{words:<10}")),
            };
            lines.push(format!("{:<names$}  {words}{}", line.service, cells(&texts)));
        }
    }

    fn last_line(&self, report: &Report, reports: Option<&Path>) -> String {
        let colour = match report.verdict {
            RunVerdict::Ready => AnsiColor::Green,
            RunVerdict::Incomplete => AnsiColor::Magenta,
            RunVerdict::NotReady => AnsiColor::Red,
        };
        let style = Style::new().fg_color(Some(colour.into())).effects(Effects::BOLD);
        let place = reports.map_or_else(String::new, |directory| {
            let directory = shown(&directory.display().to_string(), LONGEST_TEXT).replace('\n', " ");
            format!("; reports in {}", log_safe(&directory))
        });
        let verdict = self.paint(style, &headline(report));
        let time = took(report.took_ms() * 1_000);
        format!("{verdict}: profile {}, {time}{place}", report.plan.profile)
    }
}
