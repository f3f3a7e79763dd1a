use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::session::{Login, shared};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Asks one `select` over the connection that the checks of a server share.
///
/// The rows are facts as the server's own `json_agg` renders them: numbers as numbers, `boolean` as true and false,
/// arrays as lists, NULL as null, every other type as its text. So a setting is written
/// `select current_setting('fsync') as fsync` and expected as `row.fsync: "on"`; `SHOW` is no `select` and does not work.
/// A role that may not ask makes the check an error: its answer would say nothing of the server.
pub(in crate::probes) struct Query;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// One `select`, or `with … select`.
    sql: String,
    /// The declared replica of this number, from 0, instead of the contract's address.
    replica: Option<usize>,
}

impl Probe for Query {
    const NAME: &'static str = "postgres.query";
    const ABOUT: &'static str = "asks one select over a shared connection";
    const FACTS: &'static [Fact] = &[
        Fact { name: "row", about: "the first row by column; absent when there is none" },
        Fact { name: "rows", about: "all rows" },
        Fact { name: "row_count", about: "how many rows there are" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let login = Login::declared(&target, with.replica)?;
        let session = shared(&scope, &target, &login).await?;
        let rows = session.rows(&scope, "op", &with.sql).await?;
        let mut facts = Facts::new();
        if let Some(row) = rows.first() {
            facts.insert("row".to_owned(), row.clone());
        }
        facts.insert("row_count".to_owned(), json!(rows.len()));
        facts.insert("rows".to_owned(), json!(rows));
        Ok(facts)
    }
}
