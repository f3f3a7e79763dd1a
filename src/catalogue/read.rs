use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use super::{
    Diagnostics, Node, SourceError, SourceFile,
    configuration::digest_of,
    vectors::{self, Vector},
};
use crate::model::SourcePlace;

/// All check stanzas and vectors, parsed but not yet resolved for an environment.
#[derive(Debug, Clone)]
pub struct Catalogue {
    pub(super) stanzas: Vec<CheckStanza>,
    pub(super) vectors: Vec<Vector>,
    /// The first 16 hexadecimal digits of the SHA-256 of all files.
    pub digest: String,
}

/// One stanza with its place.
#[derive(Debug, Clone)]
pub struct CheckStanza {
    pub(super) node: Node,
    pub(super) raw: Value,
    pub(super) id: String,
    /// Where it is written.
    pub place: SourcePlace,
}

impl Catalogue {
    /// The program's own catalogue, with the files of `folder` added to it: `FOLDER/checks/**` and `FOLDER/vectors/**`,
    /// or, when it has neither, `FOLDER/**` as checks. A stanza of the same id replaces ours, and so does a vector.
    #[must_use]
    pub fn load(folder: Option<&Path>, diagnostics: &mut Diagnostics) -> Self {
        let own_checks: Vec<_> = SourceFile::embedded("checks/")
            .into_iter()
            .filter(|file| !file.name.starts_with("checks/profiles/"))
            .collect();
        let own_vectors = SourceFile::embedded("vectors/");
        let (more_checks, more_vectors) = folder.map_or_else(Default::default, |folder| added(folder, diagnostics));
        let everything: String = own_checks
            .iter()
            .chain(&own_vectors)
            .chain(&more_checks)
            .chain(&more_vectors)
            .map(|file| file.text.as_str())
            .collect();
        let mut stanzas = read_layer(&own_checks, diagnostics);
        for stanza in read_layer(&more_checks, diagnostics) {
            stanzas.retain(|own: &CheckStanza| own.id != stanza.id);
            stanzas.push(stanza);
        }
        let mut vectors = read_vectors(&own_vectors, diagnostics);
        let more = read_vectors(&more_vectors, diagnostics);
        vectors.retain(|own| !more.iter().any(|vector| (&own.folder, &own.id) == (&vector.folder, &vector.id)));
        vectors.extend(more);
        Self { stanzas, vectors, digest: digest_of(everything.as_bytes()) }
    }
}

fn read_vectors(files: &[SourceFile], diagnostics: &mut Diagnostics) -> Vec<Vector> {
    let folder_of = |file: &SourceFile| {
        Path::new(&file.name).parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned())
    };
    files.iter().flat_map(|file| vectors::read(file, &folder_of(file).unwrap_or_default(), diagnostics)).collect()
}

/// Whether a file of the user's folder is a profile and no check file: a map below `profiles/`, as ours are. A list there
/// is a check file all the same, so that no check vanishes by the name of its folder.
fn is_profile(checks: &Path, file: &SourceFile) -> bool {
    let is_map = || serde_saphyr::from_str::<Node>(&file.text).is_ok_and(|node| node.to_value().is_object());
    Path::new(&file.name).starts_with(checks.join("profiles")) && is_map()
}

fn added(folder: &Path, diagnostics: &mut Diagnostics) -> (Vec<SourceFile>, Vec<SourceFile>) {
    let mut read = |folder: &Path| {
        SourceFile::read_folder(folder).unwrap_or_else(|errors| {
            for error in errors {
                let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                let path = match &error {
                    SourceError::Read { path, .. } | SourceError::TooLarge { path } | SourceError::NotText { path } => {
                        path
                    }
                };
                diagnostics.add_unreadable(
                    &path.display().to_string(),
                    (0, 0),
                    format!("{error}{why}"),
                    "name another folder with --checks",
                );
            }
            Vec::new()
        })
    };
    let (checks, vectors) = (folder.join("checks"), folder.join("vectors"));
    let is_layered = checks.is_dir() || vectors.is_dir();
    let checks = if is_layered { checks } else { folder.to_owned() };
    let mut read_if_there = |folder: &Path, wanted: bool| if wanted { read(folder) } else { Vec::new() };
    let mut check_files = read_if_there(&checks, !is_layered || checks.is_dir());
    check_files.retain(|file| !is_profile(&checks, file));
    let vector_files = read_if_there(&vectors, vectors.is_dir());
    (check_files, vector_files)
}

/// Parses one file; a syntax error is shown where the parser stopped.
pub(super) fn parse(file: &SourceFile, diagnostics: &mut Diagnostics) -> Option<Node> {
    match serde_saphyr::from_str::<Node>(&file.text) {
        Ok(node) => Some(node),
        Err(error) => {
            let place = error.location().map_or((0, 0), |location| (location.line(), location.column()));
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = first.split(" at line ").next().unwrap_or(first).trim_start_matches("error: ");
            diagnostics.add_unreadable(&file.name, place, format!("not YAML: {first}"), String::new());
            None
        }
    }
}

fn read_layer(files: &[SourceFile], diagnostics: &mut Diagnostics) -> Vec<CheckStanza> {
    let mut stanzas: Vec<CheckStanza> = Vec::new();
    let mut first_places: BTreeMap<String, SourcePlace> = BTreeMap::new();
    for file in files {
        diagnostics.know(file);
        let Some(node) = parse(file, diagnostics) else { continue };
        if node.elements().is_empty() {
            diagnostics.add(
                &file.name,
                node.place,
                "a check file is a list of checks",
                "begin each with `- id: service/name`",
            );
        }
        for entry in node.elements() {
            let place_of =
                |node: &Node| SourcePlace { file: file.name.clone(), line: node.place.0, column: node.place.1 };
            let Some((id, place)) = entry.get("id").map(|id| (id.to_value(), place_of(id))) else {
                diagnostics.add(&file.name, entry.place, "a check without `id`", "begin it with `- id: service/name`");
                continue;
            };
            let Value::String(id) = id else {
                diagnostics.add_at(&place, "the `id` of a check is a text", "");
                continue;
            };
            if let Some(first) = first_places.get(&id) {
                diagnostics.add_at(
                    &place,
                    format!("a second check is called `{id}`"),
                    format!("the first is at {first}"),
                );
                continue;
            }
            first_places.insert(id.clone(), place.clone());
            stanzas.push(CheckStanza { raw: entry.to_value(), node: entry.clone(), id, place });
        }
    }
    stanzas
}

#[cfg(test)]
impl Catalogue {
    /// One of nothing but these files.
    pub(super) fn of(checks: &[SourceFile], vectors: &[SourceFile], diagnostics: &mut Diagnostics) -> Self {
        let stanzas = read_layer(checks, diagnostics);
        Self { stanzas, vectors: read_vectors(vectors, diagnostics), digest: String::new() }
    }
}
