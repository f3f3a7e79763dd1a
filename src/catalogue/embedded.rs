use rust_embed::RustEmbed;

use super::SourceFile;

#[derive(RustEmbed)]
#[folder = "checks"]
#[prefix = "checks/"]
#[include = "**/*.yaml"]
struct Checks;

#[derive(RustEmbed)]
#[folder = "vectors"]
#[prefix = "vectors/"]
#[include = "**/*.yaml"]
struct Vectors;

/// The data files of the program itself, sorted by name.
pub(super) fn files(prefix: &str) -> Vec<SourceFile> {
    let read = |name: String, data: &[u8]| SourceFile { name, text: String::from_utf8_lossy(data).into_owned() };
    let checks = Checks::iter().filter_map(|name| Checks::get(&name).map(|file| read(name.to_string(), &file.data)));
    let vectors = Vectors::iter().filter_map(|name| Vectors::get(&name).map(|file| read(name.to_string(), &file.data)));
    let mut files: Vec<_> = checks.chain(vectors).filter(|file| file.name.starts_with(prefix)).collect();
    files.sort_by(|left, right| left.name.cmp(&right.name));
    files
}
