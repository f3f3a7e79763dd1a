use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The id of one run: 32 hexadecimal digits, time-ordered, in the name of everything the run writes to a server.
///
/// Its first 48 bits are the milliseconds of its creation (RFC 9562, version 7), so the age of something left behind
/// can be read off its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

/// What stands before the id in every name the program writes, with `-`; with `_` where a server demands it.
const PREFIX: &str = "soma-conf-";

impl RunId {
    /// A new id.
    #[must_use]
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `soma-conf-<id>`: the name of what the run writes.
    #[must_use]
    pub fn scratch_name(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }

    /// `soma_conf_<id>`: the same where `-` is not allowed.
    #[must_use]
    pub fn scratch_identifier(&self) -> String {
        self.scratch_name().replace('-', "_")
    }

    /// How old something of this name is, if the program wrote it; `None` for everybody else's names.
    ///
    /// A name from the future (another machine's clock) has the age zero.
    #[must_use]
    pub fn age_of(name: &str, now: Timestamp) -> Option<Duration> {
        let id = name.strip_prefix(PREFIX).or_else(|| name.strip_prefix("soma_conf_"))?;
        let id = id.get(..32).filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let born = i64::from_str_radix(id.get(..12)?, 16).ok()?;
        Some(Duration::from_millis(u64::try_from(now.as_millisecond() - born).unwrap_or(0)))
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_read_off_the_name_and_only_off_ours() {
        let run = RunId::new();
        let in_an_hour = Timestamp::now() + Duration::from_secs(3600);
        for name in [run.scratch_name(), run.scratch_identifier(), format!("{}-2", run.scratch_name())] {
            let age = RunId::age_of(&name, in_an_hour).expect("ours").as_secs();
            assert!((3590..3610).contains(&age), "{name}: {age}");
        }
        for foreign in [
            "soma-conf-",
            "soma.events",
            "soma-conf-zz",
            "xsoma-conf-0123",
            "soma_conf_not-an-id-of-thirty-two-digits-",
        ] {
            assert_eq!(RunId::age_of(foreign, in_an_hour), None, "{foreign}");
        }
    }
}
