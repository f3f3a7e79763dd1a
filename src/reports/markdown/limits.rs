//! How much of a report fits: a job summary above its budget is thrown away whole, so detail is cut before.

/// How much detail one rendering keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Boxes of causes.
    pub(super) boxes: usize,
    /// Lines of any other list.
    pub(super) lines: usize,
    /// Characters of one text.
    pub(super) text: usize,
    /// Whether every check is listed with its verdict.
    pub(super) every_check: bool,
    /// What was cut, in words; empty when nothing was.
    pub(super) cut: &'static str,
}

/// From everything to what always fits, each step smaller than the one before.
pub(super) const STEPS: [Limits; 4] = [
    Limits { boxes: usize::MAX, lines: usize::MAX, text: usize::MAX, every_check: true, cut: "" },
    Limits { boxes: 100, lines: 200, text: 1_000, every_check: true, cut: "long lists and texts are cut" },
    Limits { boxes: 20, lines: 50, text: 300, every_check: true, cut: "most lists and texts are cut" },
    Limits { boxes: 20, lines: 50, text: 100, every_check: false, cut: "it names only the first of everything" },
];

/// The texts of one list of names.
pub(super) const NAMES: usize = 10;
