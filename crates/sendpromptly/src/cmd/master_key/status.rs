//! `master-key status`: what each key sealed, which process has it, and whether the old one can go.

use std::collections::BTreeMap;

use serde::Serialize;
use store::MasterKey;
use store::key_holders::{self, Holder};
use store::seal::{SealingKeyId, Version};
use store::sealed_values::{self, SealedCount};

use super::{problems, values};
use crate::Context;
use crate::admin_context::{AdminContext, find_master_key};
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::{Tone, plain, table};

pub const HELP: &str = "\
Examples:
  sendpromptly master-key status
  until sendpromptly master-key status; do sleep 10; done

Takes SENDPROMPTLY_MASTER_KEY as api and worker have it. The exit code is 0 when everything is sealed with the \
newest key and every running process has it: an older key can go then. It is 1 otherwise.";

#[derive(Serialize)]
struct StatusReport {
    keys: Vec<KeyReport>,
    unreadable: i64,
    /// Values in envelopes of the release before, whatever their key.
    old_envelopes: i64,
    processes: Vec<ProcessReport>,
    can_go: Vec<String>,
    to_do: Vec<String>,
}

#[derive(Serialize)]
struct KeyReport {
    master_key_id: String,
    configured: bool,
    seals: bool,
    values: i64,
    tables: BTreeMap<&'static str, i64>,
}

#[derive(Serialize)]
struct ProcessReport {
    process: String,
    keys: Vec<String>,
}

pub(super) async fn run(context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let key = find_master_key(context)?;
    let counting = sealed_values::count(&admin.pool, true);
    let counts = while_waiting("counting sealed values", counting).await?;
    let report = report(&key, &counts, key_holders::list_running(&admin.pool).await?);
    let is_well = report.to_do.is_empty();
    Ok(CommandOutput::new(&report, describe(&report))?.with_verdict(is_well))
}

fn report(key: &MasterKey, counts: &[SealedCount], holders: Vec<Holder>) -> StatusReport {
    let mut ids: Vec<_> = key.ids().collect();
    for head in counts.iter().filter_map(|count| count.head) {
        if !ids.contains(&head.key) {
            ids.push(head.key);
        }
    }
    let keys: Vec<_> = ids.into_iter().map(|id| key_report(key, counts, id)).collect();
    let (lacking, behind) = problems(key, &holders);
    let sum = |wanted: fn(&SealedCount) -> bool| {
        counts.iter().filter(|count| wanted(count)).map(|count| count.values).sum()
    };
    let unreadable = sum(|count| count.head.is_none());
    let old_envelopes = sum(|count| count.head.is_some_and(|head| head.version == Version::One));
    let mut to_do = [lacking, behind].concat();
    to_do.extend(keys.iter().filter_map(left_to_do));
    if unreadable > 0 {
        let rotate = "`sendpromptly master-key rotate` names their rows";
        to_do.push(format!("{} cut off or damaged: {rotate}", values(unreadable)));
    }
    let is_well = to_do.is_empty();
    let older = keys.iter().filter(|one| is_well && one.configured && !one.seals);
    let can_go = older.map(|one| one.master_key_id.clone()).collect();
    let processes =
        holders.into_iter().map(|Holder { process, keys, .. }| ProcessReport { process, keys });
    StatusReport { keys, unreadable, old_envelopes, processes: processes.collect(), can_go, to_do }
}

fn key_report(key: &MasterKey, counts: &[SealedCount], id: SealingKeyId) -> KeyReport {
    let mut tables = BTreeMap::new();
    for count in counts.iter().filter(|count| count.head.is_some_and(|head| head.key == id)) {
        *tables.entry(count.column.table()).or_default() += count.values;
    }
    KeyReport {
        master_key_id: id.to_string(),
        configured: key.ids().any(|one| one == id),
        seals: key.newest() == id,
        values: tables.values().sum(),
        tables,
    }
}

fn left_to_do(key: &KeyReport) -> Option<String> {
    let (id, are) = (&key.master_key_id, values(key.values));
    match (key.configured, key.seals, key.values) {
        (_, true, _) | (_, _, 0) => None,
        (true, ..) => {
            Some(format!("{are} sealed with key {id}: run `sendpromptly master-key rotate`"))
        }
        (false, ..) => Some(format!(
            "{are} sealed with key {id}, which is not in SENDPROMPTLY_MASTER_KEY: put it there again, \
             behind the newest and a comma"
        )),
    }
}

fn describe(report: &StatusReport) -> String {
    let row = |key: &KeyReport| {
        let what = match (key.configured, key.seals) {
            (true, true) => ("seals and opens", Tone::Good),
            (true, false) => ("opens", Tone::Plain),
            (false, _) => ("not configured", Tone::Bad),
        };
        let tables = key.tables.iter().map(|(table, values)| format!("{table} {values}"));
        let tables = tables.collect::<Vec<_>>().join(", ");
        vec![
            plain(&key.master_key_id),
            (what.0.to_owned(), what.1),
            plain(&key.values),
            plain(&tables),
        ]
    };
    let keys = table(&["KEY", "HERE IT", "VALUES", "IN"], report.keys.iter().map(row).collect());
    let mut parts = vec![keys, processes(report)];
    if report.old_envelopes > 0 {
        let rotate = "`sendpromptly master-key rotate` binds them to their project, too";
        let values = values(report.old_envelopes);
        parts.push(format!("{values} in an envelope of an older release, and open: {rotate}."));
    }
    parts.extend(report.to_do.iter().map(|one| format!("To do: {one}.")));
    parts.extend(report.can_go.iter().map(|id| {
        format!("Key {id} can go: nothing is sealed with it. Remove it from SENDPROMPTLY_MASTER_KEY and restart.")
    }));
    if report.to_do.is_empty() && report.can_go.is_empty() {
        parts.push("Everything is sealed with the one key that is configured.".to_owned());
    }
    parts.join("\n\n")
}

fn processes(report: &StatusReport) -> String {
    if report.processes.is_empty() {
        return "No api or worker of this release runs.".to_owned();
    }
    let row = |one: &ProcessReport| vec![plain(&one.process), plain(&one.keys.join(", "))];
    let headers = ["PROCESS", "ITS KEYS, THE ONE THAT SEALS FIRST"];
    table(&headers, report.processes.iter().map(row).collect())
}
