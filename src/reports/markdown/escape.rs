//! Text made harmless for Markdown, in CommonMark and in GitHub's dialect.
//!
//! Everything a template prints passes through [`Prose`]; what was seen on the wire passes through [`code`]. Neither
//! can start a tag, a cell, a row, a heading, a link, a mention or an issue reference. Backslash escapes are not used:
//! parsers disagree about them inside table cells, about entities they do not.

use std::fmt::{self, Write};

use askama::{
    Values,
    filters::{Escaper, Safe},
};

use crate::model::printable;

/// The escaper of `*.md` templates: words of the catalogue, in which backticks mark code.
#[derive(Debug, Clone, Copy)]
pub(in crate::reports) struct Prose;

impl Escaper for Prose {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        dest.write_str(&prose(text))
    }
}

/// Filters of the template.
#[expect(
    unreachable_pub,
    clippy::inline_always,
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "the macro of the template engine asks for this shape"
)]
pub(super) mod filters {
    use super::{Safe, Values, fmt};

    /// What was seen on the wire: literal, whatever it holds.
    #[askama::filter_fn]
    pub(crate) fn code(text: impl fmt::Display, _: &dyn Values) -> askama::Result<Safe<String>> {
        Ok(Safe(super::code(&text.to_string())))
    }
}

/// Words with `` `code` `` in them; a backtick without a partner stays a backtick.
pub(super) fn prose(text: &str) -> String {
    let text = printable(text);
    let parts: Vec<&str> = text.split('`').collect();
    let mut out = String::with_capacity(text.len() + 16);
    for (index, part) in parts.iter().enumerate() {
        let is_code = index % 2 == 1;
        let has_partner = index + 1 < parts.len();
        match (is_code, has_partner) {
            (true, true) => out.push_str(&code(part)),
            (true, false) => {
                out.push_str("&#96;");
                push_words(&mut out, part);
            }
            (false, _) => push_words(&mut out, part),
        }
    }
    out
}

/// A text shown literally in a code font.
pub(super) fn code(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str("<code>");
    for (before, character, after) in with_neighbours(&text) {
        match character {
            '\n' => out.push_str("</code><br><code>"),
            // GitHub links an address in plain text after it has read the entities; a tag in between prevents it.
            '@' if before.is_some() && after.is_some() => out.push_str("</code><code>@"),
            other => push_escaped(&mut out, before, other, after),
        }
    }
    out.push_str("</code>");
    out
}

fn push_words(out: &mut String, text: &str) {
    for (before, character, after) in with_neighbours(text) {
        match character {
            '\n' => out.push_str("<br>"),
            // A zero-width space: neither a mention nor an issue reference, nor an address.
            '@' => out.push_str("&#64;&#8203;"),
            '#' => out.push_str("&#35;&#8203;"),
            // Some dialects read attributes of a heading in braces.
            '{' => out.push_str("&#123;"),
            '}' => out.push_str("&#125;"),
            other => push_escaped(out, before, other, after),
        }
    }
}

fn push_escaped(out: &mut String, before: Option<char>, character: char, after: Option<char>) {
    let is_word = |neighbour: Option<char>| neighbour.is_some_and(|one| one.is_ascii_alphanumeric());
    let is_special = match character {
        '&' | '<' | '>' | '|' | '`' | '[' | ']' | '*' | '~' | '\\' | '#' | '@' | '$' => true,
        // Inside a word it emphasises nothing, and names stay readable in the source.
        '_' => !(is_word(before) && is_word(after)),
        // `https://` and `www.` become links by themselves.
        ':' => after == Some('/'),
        '.' => ends_with_www(out),
        // A list or a heading begins with these.
        '+' | '-' | '=' => before.is_none(),
        _ => false,
    };
    match character {
        '\t' => out.push(' '),
        special if is_special => {
            // Writing into a `String` cannot fail.
            let _ = write!(out, "&#{};", u32::from(special));
        }
        plain => out.push(plain),
    }
}

fn ends_with_www(text: &str) -> bool {
    text.len().checked_sub(3).is_some_and(|start| text.as_bytes()[start..].eq_ignore_ascii_case(b"www"))
}

fn with_neighbours(text: &str) -> impl Iterator<Item = (Option<char>, char, Option<char>)> {
    let mut before = None;
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        let character = rest.next()?;
        let found = (before, character, rest.peek().copied());
        before = Some(character);
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_markup_survives_in_literal_text() {
        let cases = [
            ("</table><h1>", "<code>&#60;/table&#62;&#60;h1&#62;</code>"),
            ("a|b", "<code>a&#124;b</code>"),
            ("`x`", "<code>&#96;x&#96;</code>"),
            ("[x](http://y)", "<code>&#91;x&#93;(http&#58;//y)</code>"),
            ("a\nb", "<code>a</code><br><code>b</code>"),
            ("user@host.example", "<code>user</code><code>@host.example</code>"),
            ("@team", "<code>&#64;team</code>"),
            ("&lt;", "<code>&#38;lt;</code>"),
            ("a_b _c_", "<code>a_b &#95;c&#95;</code>"),
            ("www.x.example", "<code>www&#46;x.example</code>"),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected);
        }
    }

    #[test]
    fn words_keep_their_code_and_lose_mentions_and_references() {
        let cases = [
            ("run `a|b` now", "run <code>a&#124;b</code> now"),
            ("an odd ` one", "an odd &#96; one"),
            ("ask @team, see #12", "ask &#64;&#8203;team, see &#35;&#8203;12"),
            ("<br>", "&#60;br&#62;"),
            ("- x", "&#45; x"),
        ];
        for (text, expected) in cases {
            assert_eq!(prose(text), expected);
        }
    }
}
