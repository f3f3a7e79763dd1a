use jiff::Timestamp;
use serde_json::Value;

use super::session::{Login, Session, connect};
use crate::{
    model::{RunId, Target, Trouble},
    probes::Scope,
};

/// Leftovers of our naming are swept when they are older than this: no run lasts as long.
const OLD: std::time::Duration = std::time::Duration::from_secs(3600);

/// Drops schemas that earlier runs left behind, and says how many. What belongs to another role stays.
pub(super) async fn sweep(scope: &Scope, session: &Session) -> Result<usize, Trouble> {
    let ours = "select nspname::text as name from pg_namespace where starts_with(nspname, 'soma_conf_') limit 1000";
    let mut swept = 0;
    for row in session.rows(scope, "sweep", ours).await? {
        let Some(name) = row["name"].as_str().filter(|name| is_old(name)) else { continue };
        swept += usize::from(session.execute(scope, "sweep", &drop_schema(name)).await.is_ok());
    }
    Ok(swept)
}

fn is_old(name: &str) -> bool {
    RunId::age_of(name, Timestamp::now()).is_some_and(|age| age > OLD)
}

fn drop_schema(name: &str) -> String {
    format!("drop schema if exists \"{}\" cascade", name.replace('"', "\"\""))
}

/// Drops the schema and looks whether it is gone.
pub(super) async fn remove(scope: &Scope, session: &Session, schema: &str) -> Result<bool, Trouble> {
    session.execute(scope, "drop", &drop_schema(schema)).await?;
    let sql = format!("select not exists (select from pg_namespace where nspname = '{schema}') as gone");
    Ok(session.row(scope, "drop", &sql).await?["gone"] == Value::Bool(true))
}

/// Removes the schema over a new connection on a clock of its own, after a probe broke off in between. The connection
/// it used may hang; that nothing can be removed on a server that is gone is no news.
pub(super) async fn clean_up(scope: &Scope, target: &Target, login: &Login, schema: &str) {
    let scope = scope.for_clean_up();
    if let Ok(session) = connect(&scope, target, login).await {
        // What is left is found by the check for leftovers and by the sweep of a later run.
        let _ = remove(&scope, &session, schema).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_names_of_ours_are_swept() {
        let fresh = RunId::new().scratch_identifier();
        let cases = [
            ("soma_conf_018bcfe5687b7c3f8d2e5a6b7c8d9e0f", true),
            ("soma_conf_018bcfe5687b7c3f8d2e5a6b7c8d9e0f_lag", true),
            (fresh.as_str(), false),
            ("soma_config", false),
            ("soma_conf_customers_of_the_year_2024_and_before", false),
            ("public", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_old(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_from_the_server_cannot_leave_its_quotes() {
        assert_eq!(drop_schema("a\"; drop table b; --"), "drop schema if exists \"a\"\"; drop table b; --\" cascade");
    }
}
