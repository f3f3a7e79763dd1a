use etcd_client::{Client, Compare, CompareOp, PutOptions, ResponseHeader, Txn, TxnOp};
use serde_json::json;

use super::{
    connection::{Leader, ask, connect_to, members},
    scratch_key,
};
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble},
    probes::{NoParameters, Probe, Scope, random_text},
};

/// The lease behind the key, in seconds: the key goes away with it if we cannot delete it.
const LEASE_S: i64 = 60;

/// Writes a key, reads it back through another member, deletes it.
///
/// The write is a transaction that demands that the key is new, the read is linearizable and, where there are several
/// members, comes from another one than took the write: both need a quorum. A serializable read from the same member
/// would prove neither.
pub(in crate::probes) struct RoundTrip;

impl Probe for RoundTrip {
    const NAME: &'static str = "etcd.round_trip";
    const ABOUT: &'static str = "writes a key, reads it back through another member, deletes it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "created", about: "whether the key was new and was written" },
        Fact { name: "same_value", about: "whether the linearizable read returned what was written" },
        Fact { name: "read_from", about: "the member that was read from" },
        Fact { name: "read_from_another", about: "whether that is another one than took the write" },
        Fact { name: "deleted", about: "how many keys the deletion removed" },
        Fact { name: "left", about: "how many keys are there after it" },
        Fact {
            name: "revisions_increase",
            about: "whether the deletion has a higher revision than the write, and the write than the state before it",
        },
        Fact { name: "swept", about: "how many keys of runs older than an hour were removed" },
    ];
    const WRITES: bool = true;
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let key = scratch_key::key(&scope, "round-trip");
        let mut lease = None;
        let looked = look(&scope, &key, &mut lease).await;
        let removed = scratch_key::remove(&scope, &key, lease).await;
        let facts = looked?;
        removed?;
        Ok(facts)
    }
}

async fn look(scope: &Scope, key: &str, lease: &mut Option<i64>) -> Result<Facts, Trouble> {
    let target = scope.target()?;
    let (writer_at, reader_at) = writer_and_reader(&target);
    let mut writer = connect_to(scope, &target, &writer_at, Leader::Required).await?;
    let swept = scratch_key::sweep(scope, &mut writer).await?;
    let granted = ask(scope, "lease_grant", writer.lease_grant(LEASE_S, None)).await?;
    *lease = Some(granted.id());
    let before = revision(granted.header());
    let value = random_text()?;
    let (created, written_at) = put_new(scope, &mut writer, key, &value, granted.id()).await?;
    let mut reader = connect_to(scope, &target, &reader_at, Leader::Required).await?;
    let read = ask(scope, "range", reader.get(key, None)).await?;
    let deletion = ask(scope, "delete", writer.delete(key, None)).await?;
    let deleted_at = revision(deletion.header());
    let after = ask(scope, "range", reader.get(key, None)).await?;
    Ok(Facts::from_iter([
        ("created".to_owned(), json!(created)),
        ("same_value".to_owned(), json!(read.kvs().first().is_some_and(|pair| pair.value() == value.as_bytes()))),
        ("read_from".to_owned(), json!(reader_at.to_string())),
        ("read_from_another".to_owned(), json!(reader_at != writer_at)),
        ("deleted".to_owned(), json!(deletion.deleted())),
        ("left".to_owned(), json!(after.count())),
        ("revisions_increase".to_owned(), json!(before < written_at && written_at < deleted_at)),
        ("swept".to_owned(), json!(swept)),
    ]))
}

/// The first declared member and the last, which is the same one where there is only one.
fn writer_and_reader(target: &Target) -> (HostPort, HostPort) {
    let members = members(target);
    let last = members.last().unwrap_or(&target.address).clone();
    (members.into_iter().next().unwrap_or_else(|| target.address.clone()), last)
}

async fn put_new(
    scope: &Scope,
    client: &mut Client,
    key: &str,
    value: &str,
    lease: i64,
) -> Result<(bool, i64), Trouble> {
    let is_new = Compare::version(key, CompareOp::Equal, 0);
    let put = TxnOp::put(key, value, Some(PutOptions::new().with_lease(lease)));
    let answer = ask(scope, "txn", client.txn(Txn::new().when([is_new]).and_then([put]))).await?;
    Ok((answer.succeeded(), revision(answer.header())))
}

fn revision(header: Option<&ResponseHeader>) -> i64 {
    header.map_or(0, ResponseHeader::revision)
}
