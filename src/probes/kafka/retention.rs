use super::configs::Settings;

/// How long a broker keeps records by default, in milliseconds; -1 for ever. `None` when the three settings that say so
/// were not all asked for.
///
/// `log.retention.ms` wins over `.minutes`, and that over `.hours` (which alone has a default, 168): a broker whose
/// hours look short may keep records for years. Source: the broker settings in the Kafka documentation.
pub(super) fn default_retention_ms(settings: &Settings) -> Option<i64> {
    let units = [("log.retention.ms", 1), ("log.retention.minutes", 60_000), ("log.retention.hours", 3_600_000)];
    if !units.iter().all(|(name, _)| settings.contains_key(*name)) {
        return None;
    }
    units.iter().find_map(|(name, unit)| {
        let value = settings.get(*name)?.as_deref()?.parse::<i64>().ok()?;
        Some(if value < 0 { -1 } else { value.saturating_mul(*unit) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finest_unit_that_is_set_decides() {
        let cases = [
            ((None, None, Some("24")), Some(86_400_000)),
            ((None, Some("30"), Some("24")), Some(1_800_000)),
            ((Some("1000"), Some("30"), Some("24")), Some(1000)),
            ((Some("-1"), None, Some("24")), Some(-1)),
            ((None, None, Some("-1")), Some(-1)),
            ((None, None, Some("9223372036854775807")), Some(i64::MAX)),
            ((None, None, None), None),
        ];
        for ((ms, minutes, hours), expected) in cases {
            let settings = Settings::from([
                ("log.retention.ms".to_owned(), ms.map(str::to_owned)),
                ("log.retention.minutes".to_owned(), minutes.map(str::to_owned)),
                ("log.retention.hours".to_owned(), hours.map(str::to_owned)),
            ]);
            assert_eq!(default_retention_ms(&settings), expected, "{ms:?} {minutes:?} {hours:?}");
        }
    }

    #[test]
    fn a_unit_that_was_not_asked_for_leaves_the_question_open() {
        let settings = Settings::from([("log.retention.hours".to_owned(), Some("24".to_owned()))]);
        assert_eq!(default_retention_ms(&settings), None);
    }
}
