//! What an erasure did, table by table.

use domain::erasure::ErasureState;
use domain::ids::{CustomerHash, ErasureId, IncidentId};
use serde::Serialize;
use store::erasure::{Erasure, Preview, Rows, SentMessage};
use time::OffsetDateTime;

use crate::text::{counted, format_timestamp, plain, table};

#[derive(Serialize)]
pub(super) struct ErasureReport {
    /// None of one that was only counted.
    erasure_id: Option<ErasureId>,
    state: Option<ErasureState>,
    /// What stands in the reference's place.
    tombstone: Option<CustomerHash>,
    rows: Rows,
    watches_left: i64,
    sent: Vec<SentReport>,
    #[serde(with = "time::serde::rfc3339::option")]
    erased_before: Option<OffsetDateTime>,
}

#[derive(Serialize)]
struct SentReport {
    incident_id: IncidentId,
    kind: String,
    destination: String,
    #[serde(with = "time::serde::rfc3339")]
    sent_at: OffsetDateTime,
}

impl From<&SentMessage> for SentReport {
    fn from(sent: &SentMessage) -> Self {
        Self {
            incident_id: sent.incident_id,
            kind: sent.kind.clone(),
            destination: sent.destination.clone(),
            sent_at: sent.sent_at,
        }
    }
}

impl ErasureReport {
    pub(super) fn previewed(preview: &Preview) -> Self {
        Self {
            erasure_id: None,
            state: None,
            tombstone: None,
            rows: preview.rows.clone(),
            watches_left: 0,
            sent: preview.sent.iter().map(SentReport::from).collect(),
            erased_before: preview.erased_before.as_ref().map(|before| before.requested_at),
        }
    }

    /// The messages are those of the moment before.
    pub(super) fn done(erasure: &Erasure, preview: &Preview) -> Self {
        Self {
            erasure_id: Some(erasure.id),
            state: Some(erasure.state),
            tombstone: Some(erasure.customer),
            rows: erasure.erased.clone(),
            watches_left: erasure.watches_left,
            ..Self::previewed(preview)
        }
    }
}

pub(super) fn describe(report: &ErasureReport) -> String {
    let rows = report.rows.iter().map(|(table, rows)| vec![plain(table), plain(rows)]).collect();
    let mut parts = vec![table(&["TABLE", "ROWS"], rows)];
    if !report.sent.is_empty() {
        let sent = report.sent.iter().map(|sent| {
            vec![
                plain(&format_timestamp(sent.sent_at)),
                plain(&sent.kind),
                plain(&sent.destination),
                plain(&sent.incident_id),
            ]
        });
        parts.push("Sent, and not erased where it arrived:".to_owned());
        parts.push(table(&["SENT", "ALERT", "TO", "INCIDENT"], sent.collect()));
    }
    parts.extend(report.erased_before.map(|before| {
        format!("The same reference was erased before, on {}.", format_timestamp(before))
    }));
    parts.push(match report.tombstone {
        None => "Nothing was erased. The same command with --yes erases it.".to_owned(),
        Some(tombstone) => format!("Erased. In the reference's place stands {tombstone}."),
    });
    if report.watches_left > 0 {
        let watches = counted(report.watches_left, "watch", "watches");
        parts.push(format!(
            "Temporal still has {watches} under the reference: api and worker see to that while they run."
        ));
    }
    parts.join("\n\n")
}
