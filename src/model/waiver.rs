use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// A declared exception: the check still runs, but its failure does not decide readiness until the waiver expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    /// The check, or a pattern of checks.
    pub check: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is acceptable for now.
    pub reason: String,
    /// The last day on which it holds (UTC).
    #[schemars(with = "String", extend("format" = "date"))]
    #[serde(deserialize_with = "date")]
    pub expires: Date,
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong =
        |_| D::Error::custom(format!("`{}` is not a day: expected such as `2026-12-31`", super::clip(&text, 40)));
    text.parse::<Date>().map_err(wrong)
}

impl Waiver {
    /// Whether it no longer holds on `today` (UTC).
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        today > self.expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiver_holds_on_its_last_day_and_not_after_it() {
        let of = |expires: &str| {
            let value = serde_json::json!({"check": "a/b", "owner": "team", "reason": "known", "expires": expires});
            serde_json::from_value::<Waiver>(value)
        };
        let waiver = of("2026-12-31").expect("a waiver");
        let is_expired = |today: &str| waiver.is_expired(today.parse().expect("a day"));
        assert!(!is_expired("2026-12-30") && !is_expired("2026-12-31") && is_expired("2027-01-01"));
        for bad in ["soon", "", "2026-13-01", "31.12.2026"] {
            let error = of(bad).expect_err("no day").to_string();
            assert!(error.contains(&format!("`{bad}` is not a day")), "{error}");
        }
    }
}
