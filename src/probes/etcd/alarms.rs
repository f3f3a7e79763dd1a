use etcd_client::{AlarmAction, AlarmType};
use serde_json::{Value, json};

use super::{
    connection::{ask, connect},
    status::id,
};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Asks for the alarms of every member.
///
/// NOSPACE makes the whole cluster refuse writes until it is disarmed; CORRUPT means that a member's data differ.
/// `/readyz` stays good under NOSPACE.
pub(in crate::probes) struct Alarms;

impl Probe for Alarms {
    const NAME: &'static str = "etcd.alarms";
    const ABOUT: &'static str = "asks for the alarms of every member";
    const FACTS: &'static [Fact] = &[Fact { name: "alarms", about: "the alarms: `{member, alarm}`" }];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let mut client = connect(&scope).await?;
        let answer = ask(&scope, "alarm_list", client.alarm(AlarmAction::Get, AlarmType::None, None)).await?;
        let alarms = answer.alarms().iter().map(|alarm| {
            let name = match alarm.alarm() {
                AlarmType::None => "NONE",
                AlarmType::Nospace => "NOSPACE",
                AlarmType::Corrupt => "CORRUPT",
            };
            json!({"member": id(alarm.member_id()), "alarm": name})
        });
        Ok(Facts::from_iter([("alarms".to_owned(), alarms.collect::<Value>())]))
    }
}
