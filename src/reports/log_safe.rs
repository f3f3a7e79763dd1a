//! Text made harmless for the log of a continuous integration system.

use crate::model::printable;

/// The text without anything that a log reader takes for a command.
///
/// `##[…]`, `##vso[…]` and `##teamcity[…]` are obeyed wherever they stand in a line (GitHub, Azure, `TeamCity`);
/// `::…::` only at the start of one, where no writer of ours puts foreign text; GitLab's section marks need the control
/// characters that [`printable`] removes. Tabs become spaces, which every terminal gives the same width.
pub(super) fn log_safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    for character in printable(text).chars() {
        if character == '#' && before == Some('#') {
            out.push(' ');
        }
        out.push(if character == '\t' { ' ' } else { character });
        before = Some(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_mark_survives() {
        for text in ["##[error]x", "###[error]x", "##vso[task]", "a ##teamcity[x]", "#\u{1b}[0m#[x"] {
            assert!(!log_safe(text).contains("##"), "{text:?}");
        }
        assert_eq!(log_safe("issue #1 of a#b"), "issue #1 of a#b");
    }
}
