//! Text made harmless for XML 1.0.

use crate::model::printable;

/// The text as it may stand in an attribute or a CDATA section.
///
/// Terminal sequences are dropped, other control characters and what XML 1.0 cannot hold are shown as escapes, and the
/// end of a CDATA section is broken up: the JUnit writer would end the section there, and what follows would be markup.
pub(super) fn xml_clean(text: &str) -> String {
    let legal = |character: &char| matches!(character, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    printable(text).chars().filter(legal).collect::<String>().replace("]]>", "]] >")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_breaks_xml_survives() {
        let cases = [
            ("a\u{1b}[31mb", "ab"),
            ("\0\u{7}\u{c}", "\\u{0}\\u{7}\\u{c}"),
            ("\u{fffe}\u{ffff}", "\\u{fffe}\\u{ffff}"),
            ("]]>]]>", "]] >]] >"),
            ("]]]>", "]]] >"),
            ("]]\u{1b}[0m>", "]] >"),
            ("é Ж 漢 🦀\n\t.", "é Ж 漢 🦀\n\t."),
        ];
        for (text, expected) in cases {
            assert_eq!(xml_clean(text), expected, "{text:?}");
        }
    }
}
