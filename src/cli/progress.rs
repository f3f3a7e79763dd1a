use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::say;
use crate::{
    model::{CheckId, Event, Plan, PlannedCheck, Severity, Verdict, What},
    reports,
};

/// How a run shows that it lives.
pub(super) enum Progress {
    /// A line for each service, kept up to date in place.
    Live(Live),
    /// One line for each finished check.
    Plain(Plain),
    /// The journal's own lines.
    Journal,
    /// Nothing: standard output belongs to a report.
    Silent,
}

pub(super) struct Plain {
    checks: BTreeMap<CheckId, PlannedCheck>,
    done: usize,
    colour: bool,
}

pub(super) struct Live {
    lines: BTreeMap<String, ServiceLine>,
    _all: MultiProgress,
}

struct ServiceLine {
    bar: ProgressBar,
    running: Vec<String>,
    red: usize,
    advisory: Vec<CheckId>,
}

impl Progress {
    pub(super) fn plain(plan: &Plan, colour: bool) -> Self {
        let checks = plan.checks.iter().map(|check| (check.id.clone(), check.clone())).collect();
        Self::Plain(Plain { checks, done: 0, colour })
    }

    pub(super) fn live(plan: &Plan) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let mut lines = BTreeMap::new();
        // The template is a literal; a mistake in it would show in the first run of anybody.
        let style = ProgressStyle::with_template("{spinner} {prefix:14} {pos:>3}/{len:<3} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ");
        let mut names: Vec<&str> = Vec::new();
        for check in &plan.checks {
            if !names.contains(&check.id.service()) {
                names.push(check.id.service());
            }
        }
        for name in names {
            let own: Vec<&PlannedCheck> = plan.checks.iter().filter(|check| check.id.service() == name).collect();
            let bar =
                all.add(ProgressBar::new(own.len() as u64).with_style(style.clone()).with_prefix(name.to_owned()));
            bar.enable_steady_tick(Duration::from_millis(100));
            let advisory =
                own.iter().filter(|check| check.severity == Severity::Advisory).map(|check| check.id.clone()).collect();
            lines.insert(name.to_owned(), ServiceLine { bar, running: Vec::new(), red: 0, advisory });
        }
        Self::Live(Live { lines, _all: all })
    }

    /// Takes in one event of the run.
    pub(super) fn take(&mut self, event: &Event) {
        match self {
            Self::Live(live) => live.take(event),
            Self::Plain(plain) => plain.take(event),
            Self::Journal => {
                if let Ok(line) = serde_json::to_string(event) {
                    say(&(line + "\n"));
                }
            }
            Self::Silent => {}
        }
    }

    /// Leaves the terminal as it was found.
    pub(super) fn finish(self) {
        if let Self::Live(live) = self {
            for line in live.lines.values() {
                line.bar.finish_and_clear();
            }
        }
    }
}

impl Plain {
    fn take(&mut self, event: &Event) {
        if let What::CheckFinished { id, result } = &event.what {
            self.done += 1;
            if let Some(check) = self.checks.get(id) {
                let line = reports::plain_line(check, result, self.done, self.checks.len());
                let style = if self.colour { reports::verdict_style(result.verdict) } else { anstyle::Style::new() };
                say(&format!(
                    "{style}{line}{style:#}
"
                ));
            }
        }
    }
}

impl Live {
    fn take(&mut self, event: &Event) {
        match &event.what {
            What::CheckStarted { id } => self.with(id, |line, name| {
                line.running.push(name);
            }),
            What::CheckFinished { id, result } => {
                let verdict = result.verdict;
                self.with(id, |line, name| {
                    line.running.retain(|other| *other != name);
                    line.bar.inc(1);
                    if matches!(verdict, Verdict::Fail | Verdict::Error)
                        && !line.advisory.iter().any(|id| id.as_str().ends_with(&name))
                    {
                        line.red += 1;
                    }
                });
            }
            _ => {}
        }
    }

    fn with(&mut self, id: &CheckId, change: impl FnOnce(&mut ServiceLine, String)) {
        let Some(line) = self.lines.get_mut(id.service()) else { return };
        let name = id.as_str().split_once('/').map_or("", |(_, name)| name).to_owned();
        change(line, name);
        let red = if line.red > 0 { format!("{} red  ", line.red) } else { String::new() };
        line.bar.set_message(format!("{red}{}", line.running.join("  ")));
        if line.bar.position() == line.bar.length().unwrap_or(0) {
            line.bar.finish();
        }
    }
}
