use serde_json::{Value, json};

use super::{
    scratch::{clean_up, remove, sweep},
    session::{Login, Session, connect},
};
use crate::{
    model::{Fact, Facts, Target, Trouble},
    probes::{NoParameters, Probe, Scope, random_text},
};

/// Writes in a schema of its own, commits, and reads on a second connection what was written.
///
/// A temporary table or a transaction that is rolled back never exercises commit, write-ahead log or visibility; this
/// does. The schema has the run's name and is dropped at the end, also when a step failed; schemas that earlier runs
/// left behind are dropped first.
pub(in crate::probes) struct Roundtrip;

impl Probe for Roundtrip {
    const NAME: &'static str = "postgres.roundtrip";
    const ABOUT: &'static str = "writes and commits in a schema of its own, reads on a second connection, drops it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "read_back", about: "whether the second connection read exactly the committed rows" },
        Fact { name: "read", about: "the rows the second connection read" },
        Fact { name: "wal_bytes", about: "bytes the write-ahead log grew by" },
        Fact { name: "other_backend", about: "whether the second connection is another process of the server" },
        Fact { name: "updated", about: "rows the second connection updated, as the first one sees them" },
        Fact { name: "remaining", about: "rows that are left after the delete" },
        Fact { name: "dropped", about: "whether the schema is gone at the end" },
        Fact { name: "swept", about: "schemas of earlier runs that were dropped first" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let login = Login::declared(&target, None)?;
        let schema = format!("{}_rw", scope.run.scratch_identifier());
        let outcome = write_and_read(&scope, &target, &login, &schema).await;
        if outcome.is_err() {
            clean_up(&scope, &target, &login, &schema).await;
        }
        outcome
    }
}

const POSITION: &str = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal, pg_backend_pid() as backend";

async fn write_and_read(scope: &Scope, target: &Target, login: &Login, schema: &str) -> Result<Facts, Trouble> {
    let writer = connect(scope, target, login).await?;
    let swept = sweep(scope, &writer).await?;
    let nonce = random_text()?;
    writer.execute(scope, "create", &create(schema)).await?;
    let before = writer.row(scope, "read", POSITION).await?;
    writer.execute(scope, "write", &insert(schema, &nonce)).await?;
    let after = writer.row(scope, "read", POSITION).await?;

    let reader = connect(scope, target, login).await?;
    let read = reader
        .rows(scope, "read", &format!("select id, note, encode(raw, 'hex') as raw from {schema}.note order by id"))
        .await?;
    let backend = reader.row(scope, "read", POSITION).await?["backend"].clone();
    let (updated, remaining) = change(scope, &writer, &reader, schema).await?;
    let dropped = remove(scope, &writer, schema).await?;

    let grown = after["wal"].as_f64().unwrap_or(0.0) - before["wal"].as_f64().unwrap_or(0.0);
    Ok(Facts::from_iter([
        ("read_back".to_owned(), json!(read == rows(&nonce))),
        ("read".to_owned(), json!(read)),
        ("wal_bytes".to_owned(), json!(grown)),
        ("other_backend".to_owned(), json!(backend != before["backend"])),
        ("updated".to_owned(), updated),
        ("remaining".to_owned(), remaining),
        ("dropped".to_owned(), json!(dropped)),
        ("swept".to_owned(), json!(swept)),
    ]))
}

/// The second connection updates and deletes; the first one counts.
async fn change(scope: &Scope, writer: &Session, reader: &Session, schema: &str) -> Result<(Value, Value), Trouble> {
    reader.execute(scope, "change", &format!("update {schema}.note set note = 'updated' where id <= 2")).await?;
    let updated = format!("select count(*) as n from {schema}.note where note = 'updated'");
    let updated = writer.row(scope, "read", &updated).await?["n"].clone();
    reader.execute(scope, "change", &format!("delete from {schema}.note where id = 1")).await?;
    let remaining = writer.row(scope, "read", &format!("select count(*) as n from {schema}.note")).await?["n"].clone();
    Ok((updated, remaining))
}

fn create(schema: &str) -> String {
    format!(
        "create schema {schema}; create table {schema}.note (id int primary key, note text not null, raw bytea not null)"
    )
}

/// One transaction, ended by its commit. Beyond ASCII in the text and beyond text in the bytes: a wrong encoding anywhere
/// on the way shows.
fn insert(schema: &str, nonce: &str) -> String {
    let values: Vec<_> = rows(nonce)
        .iter()
        .map(|row| format!("({}, '{}', decode('{}', 'hex'))", row["id"], text(&row["note"]), text(&row["raw"])))
        .collect();
    format!("begin; insert into {schema}.note values {}; commit", values.join(", "))
}

fn rows(nonce: &str) -> Vec<Value> {
    vec![
        json!({"id": 1, "note": nonce, "raw": ""}),
        json!({"id": 2, "note": format!("grüße Ж 🦀 {nonce}"), "raw": "00ff5c27"}),
        json!({"id": 3, "note": "line\nbreak", "raw": nonce}),
    ]
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_that_are_written_are_the_rows_that_are_expected() {
        let sql = insert("s", "ab12");
        for part in ["(1, 'ab12', decode('', 'hex'))", "grüße Ж 🦀 ab12", "decode('00ff5c27', 'hex')", "; commit"]
        {
            assert!(sql.contains(part), "{sql}");
        }
    }
}
