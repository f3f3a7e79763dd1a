use serde_json::Value;

use super::{
    Catalogue, Configuration, Diagnostics, Node, SourceFile, context::walk, diagnostics::suggestion, node::Step,
};
use crate::model::{PlannedCheck, SourcePlace};

/// A value that the user's file declares, with its place there.
#[derive(Debug, Clone)]
pub(super) struct DeclaredValue {
    segments: Vec<String>,
    place: SourcePlace,
}

/// The paths of values that mean something: those of the profiles, and those that a check names.
///
/// A segment `*` stands for any name, where a check is one of a family: `cluster.versions.{component}`.
#[derive(Debug)]
pub(super) struct KnownValues(Vec<Vec<String>>);

/// Every value that a user's file declares. A map is only the way to its members.
pub(super) fn declared(node: &Node, file: &str) -> Vec<DeclaredValue> {
    let mut paths = Vec::new();
    if let Some(values) = node.get("values") {
        leaves(&values.to_value(), &mut Vec::new(), &mut paths);
    }
    let place_of = |segments: &[String]| {
        let steps: Vec<Step> = std::iter::once("values".to_owned()).chain(segments.to_vec()).map(Step::Key).collect();
        let (line, column) = node.place_of(&steps);
        SourcePlace { file: file.to_owned(), line, column }
    };
    paths.into_iter().map(|segments| DeclaredValue { place: place_of(&segments), segments }).collect()
}

impl KnownValues {
    /// Those of every profile and of every check that was loaded, whatever profile it is for.
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let mut paths = Vec::new();
        for file in SourceFile::embedded("checks/profiles/") {
            let node = super::read::parse(&file, &mut Diagnostics::default());
            let values = node.as_ref().and_then(|node| node.get("values")).map(Node::to_value);
            leaves(&values.unwrap_or_default(), &mut Vec::new(), &mut paths);
        }
        for stanza in &catalogue.stanzas {
            collect(&stanza.raw, &mut paths);
        }
        paths.sort();
        paths.dedup();
        Self(paths)
    }

    /// Tells each declared value that nothing reads: it is misspelt, and would be without effect.
    pub(super) fn tell_unknown(&self, declared: &[DeclaredValue], diagnostics: &mut Diagnostics) {
        for one in declared.iter().filter(|one| !self.knows(&one.segments)) {
            let path = one.segments.join(".");
            let hint = match self.nearest(&path) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "docs/configuration.md lists every value; those of checks of your own need --checks".to_owned(),
            };
            diagnostics.add_at(&one.place, format!("no check reads a value `{path}`"), hint);
        }
    }

    /// The known paths as a reader knows them, without those that a shorter one or one of a family stands for.
    #[cfg(test)]
    fn words(&self) -> Vec<String> {
        let covers = |other: &&Vec<String>, path: &Vec<String>| {
            let same = |(other, own): (&String, &String)| other == "*" || other == own;
            *other != path && other.len() <= path.len() && other.iter().zip(path).all(same)
        };
        let alone = |path: &&Vec<String>| !self.0.iter().any(|other| covers(&other, path));
        self.0.iter().filter(alone).map(|path| path.join(".")).collect()
    }

    /// Whether the path, a part of it, or something in it is read: a map as a whole is its owner's business.
    fn knows(&self, segments: &[String]) -> bool {
        let same = |(known, own): (&String, &String)| known == "*" || known == own;
        self.0.iter().any(|known| known.iter().zip(segments).all(same))
    }

    fn nearest(&self, path: &str) -> Option<String> {
        let plain = self.0.iter().filter(|known| known.iter().all(|segment| segment != "*"));
        let known: Vec<String> = plain.map(|known| known.join(".")).collect();
        suggestion(path, known.iter().map(String::as_str)).map(str::to_owned)
    }
}

impl Catalogue {
    /// The values that a check compares with or depends on, each with what it is in this environment.
    #[must_use]
    pub fn values_of(&self, check: &PlannedCheck, configuration: &Configuration) -> Vec<String> {
        let mut paths = Vec::new();
        for stanza in self.stanzas.iter().filter(|stanza| stanza.place == check.source) {
            collect(&stanza.raw, &mut paths);
        }
        paths.sort();
        paths.dedup();
        let told = |path: &Vec<String>| {
            let path = path.join(".");
            let value = walk(&configuration.values, &path).map(|value| format!(" = {value}"));
            format!("`values.{}`{}", path.replace('*', "NAME"), value.unwrap_or_default())
        };
        paths.iter().map(told).collect()
    }
}

/// The paths of everything in `value` that is no map; of an empty map, its own.
fn leaves(value: &Value, way: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, member) in map {
                way.push(name.clone());
                leaves(member, way, paths);
                way.pop();
            }
        }
        _ if way.is_empty() => {}
        _ => paths.push(way.clone()),
    }
}

/// The paths that a stanza names, in placeholders and in the conditions of `when`.
fn collect(value: &Value, paths: &mut Vec<Vec<String>>) {
    match value {
        Value::String(text) => paths.extend(named(text)),
        Value::Array(list) => list.iter().for_each(|element| collect(element, paths)),
        Value::Object(map) => {
            for (name, member) in map {
                paths.extend(named(name));
                collect(member, paths);
            }
        }
        _ => {}
    }
}

/// The paths behind every `values.` of a text.
fn named(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for rest in text.split("values.").skip(1) {
        let mut inside = false;
        let end = rest.find(|letter: char| {
            let closes = letter == '}' && inside;
            inside = (inside || letter == '{') && !closes;
            let belongs = letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
            !(inside || closes || belongs)
        });
        let path = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
        let segment = |segment: &str| if segment.contains('{') { "*".to_owned() } else { segment.to_owned() };
        if !path.is_empty() {
            found.push(path.split('.').map(segment).collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownValues {
        KnownValues::of(&Catalogue::load(None, &mut Diagnostics::default()))
    }

    #[test]
    fn the_paths_of_a_text_end_where_the_placeholder_ends() {
        for (text, expected) in [
            ("${values.kafka.brokers}", vec!["kafka.brokers"]),
            ("values.cluster.versions.{component}", vec!["cluster.versions.*"]),
            ("${values.opa.bundle}.revision and ${values.opa.revision}.", vec!["opa.bundle", "opa.revision"]),
            ("declare values.vault.pki.mount.", vec!["vault.pki.mount"]),
            ("no value here", vec![]),
        ] {
            let found: Vec<String> = named(text).iter().map(|path| path.join(".")).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_misspelt_value_is_unknown_and_what_is_read_is_known() {
        let values = known();
        let is_known = |path: &str| values.knows(&path.split('.').map(str::to_owned).collect::<Vec<_>>());
        for path in ["kafka.brokers", "cluster.versions.redis", "postgres.backup.age_query", "cluster.outside", "kafka"]
        {
            assert!(is_known(path), "{path}");
        }
        for path in ["kafka.broker", "prometheus.job", "cluster.nothing", "bogus"] {
            assert!(!is_known(path), "{path}");
        }
        assert_eq!(values.nearest("kafka.broker").as_deref(), Some("kafka.brokers"));
    }

    #[test]
    fn the_manual_page_names_every_value_and_no_other() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        let page = std::fs::read_to_string(path).expect("the page");
        let rows = page.lines().skip_while(|line| *line != "## Values").take_while(|line| *line != "## The contract");
        let cells = rows.filter_map(|row| row.strip_prefix("| `")?.split(" | ").next().map(|cell| format!("`{cell}")));
        let told: Vec<String> =
            cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect();
        let known: Vec<String> = known().words().iter().map(|path| path.replace('*', "NAME")).collect();
        assert!(known.len() > 80, "{known:?}");
        let without = |all: &[String], others: &[String]| -> Vec<String> {
            all.iter().filter(|one| !others.contains(one)).cloned().collect()
        };
        assert_eq!(without(&known, &told), Vec::<String>::new(), "known, and not on the page");
        assert_eq!(without(&told, &known), Vec::<String>::new(), "on the page, and not known");
    }
}
