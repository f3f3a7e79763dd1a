use std::{fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A length of time as people write it: `300ms`, `5s`, `1m 30s`, `2h`. Always more than nothing, at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// Whole milliseconds.
    #[must_use]
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!("`{}` is not a duration: expected such as `300ms`, `5s` or `1m 30s`", crate::model::clip(text, 40))
        };
        let parsed = text.parse::<SignedDuration>().map_err(|_| wrong())?;
        let duration = Duration::try_from(parsed).map_err(|_| wrong())?;
        if duration.is_zero() || duration > Duration::from_secs(86_400) {
            return Err(format!("`{text}` is out of range: more than nothing and at most a day"));
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX))
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "A duration such as 300ms, 5s or 1m 30s.", "examples": ["300ms", "5s", "1m 30s"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [("300ms", 300), ("5s", 5_000), ("1m 30s", 90_000), ("2h", 7_200_000)] {
            assert_eq!(text.parse::<HumanDuration>().map(HumanDuration::millis), Ok(millis), "{text}");
        }
        for bad in ["", "5", "-5s", "0s", "25h", "soon"] {
            assert!(bad.parse::<HumanDuration>().is_err(), "{bad}");
        }
    }
}
