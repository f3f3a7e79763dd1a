//! The difference between two runs as Markdown: a page of its own, and a section of `readiness.md`.

use askama::Template;

use crate::model::Difference;

use super::{
    super::{
        difference_view::{self, DifferenceView},
        finding::shown,
    },
    escape::filters,
};

/// Lines of each list of the page: nothing is cut from any real comparison.
const MOST: usize = 2_000;

/// The layout stands in `reports/templates/difference-page.md`; the section is shared with `readiness.md`.
#[derive(Template)]
#[template(path = "difference-page.md", config = "reports/templates/askama.toml")]
struct Page {
    profile: &'static str,
    verdict: String,
    since: DifferenceView,
}

/// The difference as a Markdown page.
#[must_use]
pub fn difference_markdown(difference: &Difference) -> String {
    let page = Page {
        profile: difference.new.profile.word(),
        verdict: shown(&format!("{} → {}", difference.old.verdict, difference.new.verdict), 60),
        since: difference_view::view(difference, MOST),
    };
    // Rendering into a `String` fails only when a filter does, and ours do not.
    page.render().unwrap_or_else(|error| format!("# {}\n\nThe rest could not be rendered: {error}\n", page.verdict))
}
