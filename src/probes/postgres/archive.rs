use serde_json::{Value, json};

use super::session::{Login, shared};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Ends one segment of the write-ahead log, once in a run, and tells whether the archiver has taken it since.
///
/// Every later attempt of the check only looks, so that a bounded wait does not end segment after segment. What is
/// written is one message to the log itself, which nobody reads. The role must be granted `pg_switch_wal()`.
/// Source: PostgreSQL, "Backup Control Functions" and `pg_stat_archiver`.
pub(in crate::probes) struct ArchiveSwitch;

/// Whatever is compared is taken from the server: its own clock, its own names.
const STATE: &str = "select last_archived_wal, last_failed_wal, failed_count,
        coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as failing from pg_stat_archiver";

impl Probe for ArchiveSwitch {
    const NAME: &'static str = "postgres.archive_switch";
    const ABOUT: &'static str = "ends a segment of the write-ahead log and looks whether it is archived";
    const FACTS: &'static [Fact] = &[
        Fact { name: "segment", about: "the segment that was ended" },
        Fact { name: "archived", about: "whether the archiver has taken it, or a later one of the same timeline" },
        Fact { name: "last_archived", about: "the newest segment the archiver has taken; null without one" },
        Fact { name: "failing", about: "whether the archiver's last attempt failed" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let login = Login::declared(&target, None)?;
        let session = shared(&scope, &target, &login).await?;
        let ending = {
            let (scope, session) = (scope.clone(), session.clone());
            async move {
                // Without a record of our own, an idle server has nothing to end.
                let emit = format!(
                    "select pg_logical_emit_message(false, 'soma-conformance', '{}')",
                    scope.run.scratch_name()
                );
                session.row(&scope, "op", &emit).await?;
                let row = session.row(&scope, "op", "select pg_walfile_name(pg_switch_wal()) as segment").await?;
                let garbage = || Trouble::fault("op", "proto.garbage", "the server does not name the segment it ended");
                row["segment"].as_str().map(str::to_owned).ok_or_else(garbage)
            }
        };
        let segment = scope.sessions.shared(&format!("postgres archive switch {}", login.address), ending).await?;
        Ok(facts_of(&segment, &session.row(&scope, "op", STATE).await?))
    }
}

fn facts_of(segment: &str, state: &Value) -> Facts {
    let last = state["last_archived_wal"].as_str();
    // Names of one timeline sort as their positions do; a `.history` or `.partial` behind one does not disturb that.
    let is_archived = last.is_some_and(|last| last.get(..8) == segment.get(..8) && last >= segment);
    Facts::from_iter([
        ("segment".to_owned(), json!(segment)),
        ("archived".to_owned(), json!(is_archived)),
        ("last_archived".to_owned(), state["last_archived_wal"].clone()),
        ("failing".to_owned(), state["failing"].clone()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_archived_when_it_or_a_later_one_of_its_timeline_is() {
        let segment = "0000000100000000000000A1";
        for (last, expected) in [
            (json!("0000000100000000000000A0"), false),
            (json!("0000000100000000000000A1"), true),
            (json!("000000010000000100000000"), true),
            (json!("00000002.history"), false),
            (json!("0000000200000000000000A1"), false),
            (Value::Null, false),
        ] {
            let facts = facts_of(segment, &json!({"last_archived_wal": last, "failing": false}));
            assert_eq!(facts["archived"], json!(expected), "{last}");
        }
    }
}
