use std::{collections::BTreeMap, sync::OnceLock};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use regex::Regex;

use super::SourceFile;
use crate::model::{SourcePlace, printable};

/// One fault in a data file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The file, as the user knows it.
    pub file: String,
    /// Line and column, both from 1; `(0, 0)` when the fault has no place inside the file.
    pub place: (u64, u64),
    /// What is wrong.
    pub title: String,
    /// What to do.
    pub hint: String,
}

/// Every fault found, to be shown together.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    texts: BTreeMap<String, String>,
    misses_names: bool,
}

impl Diagnostics {
    /// Remembers the text of a file, so that faults can be shown in it.
    pub fn know(&mut self, file: &SourceFile) {
        self.texts.insert(file.name.clone(), file.text.clone());
    }

    /// Adds a fault; the same fault twice counts once.
    pub fn add(&mut self, file: &str, place: (u64, u64), title: impl Into<String>, hint: impl Into<String>) {
        let one = Diagnostic { file: file.to_owned(), place, title: title.into(), hint: hint.into() };
        if !self.found.contains(&one) {
            self.found.push(one);
        }
    }

    /// Adds the fault of a file of which nothing can be read. What it names is not known then.
    pub fn add_unreadable(&mut self, file: &str, place: (u64, u64), title: impl Into<String>, hint: impl Into<String>) {
        self.misses_names = true;
        self.add(file, place, title, hint);
    }

    /// Whether a file could not be read at all, so that a name which nothing bears may well be borne there: telling each of
    /// them would hide the one fault behind twenty that follow from it.
    #[must_use]
    pub fn misses_names(&self) -> bool {
        self.misses_names
    }

    /// Adds a fault at a place that a check remembers.
    pub fn add_at(&mut self, place: &SourcePlace, title: impl Into<String>, hint: impl Into<String>) {
        self.add(&place.file, (place.line, place.column), title, hint);
    }

    /// Takes over the faults of another collection.
    pub fn merge(&mut self, other: Self) {
        self.texts.extend(other.texts);
        self.misses_names |= other.misses_names;
        for one in other.found {
            if !self.found.contains(&one) {
                self.found.push(one);
            }
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many faults there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// The faults, by file and place.
    #[must_use]
    pub fn sorted(&self) -> Vec<Diagnostic> {
        let mut found = self.found.clone();
        found.sort();
        found
    }

    /// All faults with a caret under each, as a compiler shows them.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for one in self.sorted() {
            text.push_str(&self.render_one(&one, &renderer));
            text.push_str("\n\n");
        }
        let count = self.found.len();
        text.push_str(&format!("{count} {} found; nothing was sent\n", if count == 1 { "error" } else { "errors" }));
        text
    }

    fn render_one(&self, one: &Diagnostic, renderer: &Renderer) -> String {
        let title = printable(&one.title);
        let hint = printable(&one.hint);
        let source = self.texts.get(&one.file).map(|text| masked(&printable(text)));
        let span = source.as_deref().and_then(|source| span_of(source, one.place));
        let mut group = Level::ERROR
            .primary_title(title.as_str())
            .elements(std::iter::empty::<Snippet<'_, annotate_snippets::Annotation<'_>>>());
        if let (Some(source), Some(span)) = (source.as_deref(), span) {
            group = group.element(
                Snippet::source(source).path(one.file.as_str()).annotation(AnnotationKind::Primary.span(span)),
            );
        } else {
            group = group.element(annotate_snippets::Origin::path(one.file.as_str()));
        }
        if !hint.is_empty() {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        renderer.render(&[group])
    }
}

/// The text with every literal after a credential's key hidden: a secret in the wrong place is a secret all the same.
fn masked(source: &str) -> String {
    static LITERAL: OnceLock<Option<Regex>> = OnceLock::new();
    let literal =
        LITERAL.get_or_init(|| Regex::new(r#"(?m)((?:password|token|secret)["']?\s*:[ \t]*)([^\s{$][^\n,}]*)"#).ok());
    literal.as_ref().map_or_else(String::new, |literal| literal.replace_all(source, "${1}***").into_owned())
}

/// The bytes from a place to the end of the word or quoted text that begins there.
fn span_of(source: &str, (line, column): (u64, u64)) -> Option<std::ops::Range<usize>> {
    // A parser that ran out of text stops behind the last line: shown is that one.
    let line = usize::try_from(line).ok()?.checked_sub(1)?.min(source.lines().count().checked_sub(1)?);
    let start_of_line: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let text = source.get(start_of_line..)?.lines().next()?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let start = text.char_indices().nth(column).map_or(text.len(), |(index, _)| index);
    let rest = &text[start..];
    let length = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
        Some(_) => rest.find([' ', ':', ',', ']', '}']).unwrap_or(rest.len()).max(1),
        None => 0,
    };
    Some(start_of_line + start..start_of_line + start + length)
}

/// The known name nearest to a misspelt one, if any is near enough to be meant.
#[must_use]
pub fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .min()
        .map(|(_, candidate)| candidate)
}
