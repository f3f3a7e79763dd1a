use serde_json::json;

use super::session::{Login, shared};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Lists what this run left on the server: schemas, relations and prepared transactions of its name.
pub(in crate::probes) struct Leftovers;

impl Probe for Leftovers {
    const NAME: &'static str = "postgres.leftovers";
    const ABOUT: &'static str = "lists what this run left on the server";
    const FACTS: &'static [Fact] =
        &[Fact { name: "leftovers", about: "names of schemas, relations, roles and slots of this run" }];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let session = shared(&scope, &target, &Login::declared(&target, None)?).await?;
        let name = scope.run.scratch_identifier();
        // The name is a prefix and hexadecimal digits: nothing in it needs quoting.
        let sql = format!(
            "select name from (
                 select nspname::text as name from pg_namespace union all select relname::text from pg_class
                 union all select rolname::text from pg_roles union all select slot_name::text from pg_replication_slots
                 union all select gid from pg_prepared_xacts) as everything
             where starts_with(name, '{name}') order by name limit 100"
        );
        let rows = session.rows(&scope, "op", &sql).await?;
        let names: Vec<_> = rows.into_iter().map(|row| row["name"].clone()).collect();
        Ok(Facts::from_iter([("leftovers".to_owned(), json!(names))]))
    }
}
