//! What is shown while a run is under way: one plain line for each finished check.

use anstyle::{AnsiColor, Style};

use crate::model::{CheckResult, PlannedCheck, Verdict, clip, one_line};

use super::{log_safe::log_safe, wording::took};

/// The line of a finished check for a log: `PASS      3/87  postgres/select-1  4 ms`; what is not a pass says why.
///
/// It never starts with foreign text, and is always one line.
#[must_use]
pub fn plain_line(check: &PlannedCheck, result: &CheckResult, done: usize, total: usize) -> String {
    let width = total.to_string().len();
    let time = if result.attempts == 0 { String::new() } else { format!("  {}", took(result.took_us)) };
    let repeated = match result.attempts {
        0 | 1 => String::new(),
        attempts => format!(" in {attempts} attempts"),
    };
    let why = if result.reason.is_empty() {
        String::new()
    } else {
        format!("  {}", log_safe(&clip(&one_line(&clip(&result.reason, 2_000)), 300)))
    };
    let word = verdict_word(result.verdict);
    format!("{word:<7}  {done:>width$}/{total}  {}{time}{repeated}{why}", check.id)
}

/// The verdict as it stands at the start of a line.
#[must_use]
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Skip => "SKIP",
        Verdict::Warn => "WARN",
        Verdict::NotRun => "NOT RUN",
        Verdict::Blocked => "BLOCKED",
        Verdict::Error => "ERROR",
        Verdict::Fail => "FAIL",
    }
}

/// The colour of a verdict; never the only sign of it.
#[must_use]
pub fn verdict_style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Skip => AnsiColor::BrightBlack,
        Verdict::Warn | Verdict::Blocked => AnsiColor::Yellow,
        Verdict::NotRun | Verdict::Error => AnsiColor::Magenta,
        Verdict::Fail => AnsiColor::Red,
    };
    Style::new().fg_color(Some(colour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_ended_how_and_why() {
        let check = PlannedCheck::sample("postgres/select-1");
        let mut result = CheckResult::without_run(Verdict::Pass, "");
        (result.attempts, result.took_us) = (1, 4_200);
        assert_eq!(plain_line(&check, &result, 3, 87), "PASS      3/87  postgres/select-1  4 ms");
        let result = CheckResult::without_run(Verdict::Fail, "refused\n::error::x\r##[y]");
        let line = plain_line(&check, &result, 3, 87);
        assert_eq!(line, "FAIL      3/87  postgres/select-1  refused ::error::x\\u{d}# #[y]");
    }
}
