//! The difference between two runs for a person at a terminal: what got worse first, the summary as the last line.

use anstyle::{AnsiColor, Style};
use textwrap::{Options, wrap};

use crate::model::{Change, Difference};

use super::{
    difference_view::{self, ChangeLine},
    log_safe::log_safe,
    terminal::TerminalOptions,
};

/// Lines of one list; the other formats hold all.
const MOST: usize = 200;

/// The table. Its last line says how many changes of which kind there are.
#[must_use]
pub fn difference_terminal(difference: &Difference, options: TerminalOptions) -> String {
    let view = difference_view::view(difference, MOST);
    let width = options.width.clamp(40, 160);
    let paint = |style: Style, text: &str| {
        if options.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    };
    let wrapped = |text: &str, first: &str, next: &str| -> Vec<String> {
        let options = Options::new(width).initial_indent(first).subsequent_indent(next);
        wrap(&log_safe(text), options).into_iter().map(std::borrow::Cow::into_owned).collect()
    };
    let mut lines = Vec::new();
    let loud = Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold();
    for warning in &view.warnings {
        let text = format!("NOT COMPARABLE: {warning}");
        lines.extend(wrapped(&text, "", "  ").iter().map(|line| paint(loud, line)));
    }
    lines.extend(view.context.iter().flat_map(|text| wrapped(text, "note: ", "      ")));
    for line in &view.lines {
        let word = paint(style(line.change), &format!("{:<22}", line.change.words()));
        lines.push(format!("{word}  {}  {}", plain(&line.checks), line.verdicts));
        lines.extend(observed(line).iter().flat_map(|text| wrapped(text, "  | ", "  | ")));
    }
    let slower =
        |text: &String| format!("{}  {}", paint(style(Change::NewWarning), &format!("{:<22}", "slower")), plain(text));
    lines.extend(view.slower.iter().map(slower));
    if view.left_out > 0 {
        lines.push(format!("{} more lines stand in the other formats", view.left_out));
    }
    lines.push(String::new());
    lines.extend(wrapped(&view.compared, "", ""));
    lines.extend(wrapped(&view.summary, "", ""));
    lines.join("\n") + "\n"
}

fn observed(line: &ChangeLine) -> Option<String> {
    (!line.observed.is_empty()).then(|| plain(&line.observed))
}

/// Ids need no marks where nothing is markup.
fn plain(text: &str) -> String {
    log_safe(&text.replace('`', ""))
}

fn style(change: Change) -> Style {
    let colour = match change {
        Change::NewRed | Change::StillRed => AnsiColor::Red,
        Change::NewUndecided | Change::NotMeasured | Change::StillUndecided => AnsiColor::Magenta,
        Change::NewWarning | Change::Vanished | Change::NoLongerChecked | Change::StillWarns => AnsiColor::Yellow,
        Change::Fixed => AnsiColor::Green,
        Change::NowChecked | Change::Added => AnsiColor::BrightBlack,
    };
    Style::new().fg_color(Some(colour.into()))
}
