//! Text from outside, made harmless. What is printable here still has to be escaped for the markup it is written into.

/// The text without terminal control: escape sequences are dropped, other control and direction-changing characters
/// are shown as escapes, line breaks and tabs are kept.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\n' | '\t' => clean.push(character),
            '\u{1b}' => skip_escape_sequence(&mut rest),
            other if is_hidden(other) => clean.extend(other.escape_unicode()),
            other => clean.push(other),
        }
    }
    clean
}

/// [`printable`] in one line: breaks become spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(text).split(['\n', '\t']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What shows that a text was cut.
pub(super) const CUT: char = '…';

/// At most `most` characters; a cut is shown by an ellipsis.
#[must_use]
pub fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}{CUT}", &text[..end]),
    }
}

/// Control characters, and characters that reorder or hide what stands next to them, or that XML 1.0 cannot hold.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
        || matches!(character, '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

fn skip_escape_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next() {
        // CSI: parameters up to a final byte.
        Some('[') => {
            while rest.peek().is_some_and(|next| !('\u{40}'..='\u{7e}').contains(next) && *next != '\n') {
                rest.next();
            }
            if rest.peek().is_some_and(|next| *next != '\n') {
                rest.next();
            }
        }
        // OSC, DCS, PM, APC: up to BEL or ST.
        Some(']' | 'P' | '^' | '_') => {
            while let Some(next) = rest.peek() {
                if *next == '\n' {
                    return;
                }
                let next = rest.next();
                if next == Some('\u{7}') || (next == Some('\u{1b}') && rest.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_terminal_survives() {
        let cases = [
            ("a\u{1b}[31mred\u{1b}[0m b", "ared b"),
            ("x\u{1b}]0;title\u{7}y", "xy"),
            ("over\rwrite", "over\\u{d}write"),
            ("nul\0", "nul\\u{0}"),
            ("\u{202e}tac", "\\u{202e}tac"),
            ("\u{fffe}", "\\u{fffe}"),
            ("\u{1b}[", ""),
            ("line\nnext\tcell", "line\nnext\tcell"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ];
        for (text, expected) in cases {
            assert_eq!(printable(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_clip_counts_characters_not_bytes() {
        assert_eq!(clip("ééé", 2), "éé…");
        assert_eq!(clip("éé", 2), "éé");
    }
}
