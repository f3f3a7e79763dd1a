/// The name of an image, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Image<'a> {
    /// The tag.
    pub(super) tag: Option<&'a str>,
    /// The digest, `sha256:…`.
    pub(super) digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Reads `registry:5000/name:tag@sha256:…`. A colon before the last slash belongs to the registry.
    /// Source: distribution specification, references.
    pub(super) fn read(text: &'a str) -> Self {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let last = name.rsplit('/').next().unwrap_or(name);
        let tag = last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty());
        Self { tag, digest }
    }

    /// What holds the name to one image: `digest`, `tag`, `latest` or `nothing`.
    pub(super) fn pinned_by(&self) -> &'static str {
        match (self.digest, self.tag) {
            (Some(_), _) => "digest",
            (None, Some("latest")) => "latest",
            (None, Some(_)) => "tag",
            (None, None) => "nothing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn a_port_of_the_registry_is_no_tag() {
        for (text, tag, pinned_by) in [
            ("redis", None, "nothing"),
            ("redis:7.0", Some("7.0"), "tag"),
            ("redis:latest", Some("latest"), "latest"),
            ("host:5000/redis", None, "nothing"),
            ("host:5000/a/redis:7", Some("7"), "tag"),
            ("redis:latest@sha256:ab", Some("latest"), "digest"),
            ("redis@sha256:ab", None, "digest"),
        ] {
            let image = Image::read(text);
            assert_eq!((image.tag, image.pinned_by()), (tag, pinned_by), "{text}");
        }
    }
}
