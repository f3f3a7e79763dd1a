use globset::{GlobBuilder, GlobMatcher};

use crate::model::{CheckId, Severity};

/// A pattern of check ids: an id, a family, a service, or a glob such as `kafka/**` or `*/tcp`.
#[derive(Debug, Clone)]
pub struct Selector {
    text: String,
    glob: GlobMatcher,
}

/// A pattern that is none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{pattern}` is not a pattern of checks: {message}")]
pub struct SelectorError {
    /// As given.
    pub pattern: String,
    /// What is wrong with it.
    pub message: String,
}

impl Selector {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is not a glob.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let glob = GlobBuilder::new(text).literal_separator(true).build().map_err(|error| SelectorError {
            pattern: crate::model::clip(text, 100),
            message: error.kind().to_string(),
        })?;
        Ok(Self { text: text.to_owned(), glob: glob.compile_matcher() })
    }

    /// Whether it means this check.
    #[must_use]
    pub fn matches(&self, id: &CheckId) -> bool {
        self.text == id.service()
            || self.text == id.family()
            || self.glob.is_match(id.as_str())
            || self.glob.is_match(id.family())
    }

    /// As given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Which checks are asked for, before their needs are added.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted<'a> {
    pub(super) only: &'a [Selector],
    pub(super) without: &'a [Selector],
    pub(super) severity: Option<Severity>,
    pub(super) tags: &'a [String],
}

impl Wanted<'_> {
    pub(super) fn wants(&self, id: &CheckId, severity: Severity, tags: &[String]) -> bool {
        let by_pattern = self.only.is_empty() || self.only.iter().any(|selector| selector.matches(id));
        let by_severity = self.severity.is_none_or(|wanted| wanted == severity);
        let by_tag = self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag));
        by_pattern && by_severity && by_tag && !self.refuses(id)
    }

    pub(super) fn refuses(&self, id: &CheckId) -> bool {
        self.without.iter().any(|selector| selector.matches(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns, patterns to leave out, severity, tags; whether a required check of two tags is wanted.
    type Case<'a> = (&'a [&'a str], &'a [&'a str], Option<Severity>, &'a [&'a str], bool);

    #[test]
    fn a_pattern_means_ids_families_services_and_globs() {
        let id: CheckId = "opa/allow-vectors/own-tenant".parse().expect("id");
        for pattern in [
            "opa",
            "opa/allow-vectors",
            "opa/allow-vectors/own-tenant",
            "opa/**",
            "**",
            "*/allow-*",
            "opa/allow-vectors/*",
        ] {
            assert!(Selector::parse(pattern).expect("pattern").matches(&id), "{pattern}");
        }
        for pattern in ["op", "opa/allow", "redis/**", "*/tcp"] {
            assert!(!Selector::parse(pattern).expect("pattern").matches(&id), "{pattern}");
        }
        assert!(Selector::parse("opa/[").is_err());
    }

    #[test]
    fn a_check_is_wanted_when_everything_asked_for_holds_of_it() {
        let id: CheckId = "redis/ping".parse().expect("id");
        let selectors = |texts: &[&str]| texts.iter().map(|text| Selector::parse(text).expect("a pattern")).collect();
        let tags = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let required = Some(Severity::Required);
        let cases: [Case; 11] = [
            (&[], &[], None, &[], true),
            (&["redis"], &[], None, &[], true),
            (&["opa", "redis/ping"], &[], None, &[], true),
            (&["opa"], &[], None, &[], false),
            (&[], &["opa"], None, &[], true),
            (&["redis"], &["redis/ping"], None, &[], false),
            (&[], &[], required, &[], true),
            (&[], &[], Some(Severity::Advisory), &[], false),
            (&[], &[], None, &["none", "data"], true),
            (&[], &[], None, &["none"], false),
            (&["opa"], &[], required, &["data"], false),
        ];
        for (only, without, severity, tagged, expected) in cases {
            let (only, without): (Vec<Selector>, Vec<Selector>) = (selectors(only), selectors(without));
            let tagged = tags(tagged);
            let wanted = Wanted { only: &only, without: &without, severity, tags: &tagged };
            let is_wanted = wanted.wants(&id, Severity::Required, &tags(&["data", "protocol"]));
            assert_eq!(is_wanted, expected, "{wanted:?}");
            assert_eq!(wanted.refuses(&id), without.iter().any(|one| one.text() == "redis/ping"), "{wanted:?}");
        }
    }
}
