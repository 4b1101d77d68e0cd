//! The calls of one run, ready to paste. The same line pasted twice is the same request: its ids,
//! its time and its Idempotency-Key are those of the run.

use domain::project::Mode;
use time::format_description::well_known::Rfc3339;

use super::run::Run;

const EVENT_TYPE: &str = "invoice.paid";
const EFFECT_TYPE: &str = "credit_grant";

/// The calls, each as a line for a shell. Their keys are made as the documents advise.
pub(super) struct Calls {
    pub(super) first_receipt: String,
    pub(super) success: String,
    pub(super) second_receipt: String,
    pub(super) failure: String,
    /// For an app that has no repair endpoint yet.
    pub(super) repaired: String,
}

impl Calls {
    /// The calls of a run.
    pub(super) fn new(run: &Run, url: &str) -> Self {
        let (applied, failed) = (run.applied(), run.failed());
        let began = run.began().format(&Rfc3339).unwrap_or_default();
        let receipt = |event: &str| {
            let key = format!("receipt-{event}-{EVENT_TYPE}-{EFFECT_TYPE}");
            curl(url, "receipt", &key, &receipt(event, &began))
        };
        let success = |event: &str| {
            let body =
                [("provider_event_id", event), ("effect_type", EFFECT_TYPE), ("status", "success")];
            curl(url, "result", &format!("result-{event}-{EFFECT_TYPE}-success"), &body)
        };
        Self {
            first_receipt: receipt(&applied),
            success: success(&applied),
            second_receipt: receipt(&failed),
            failure: curl(
                url,
                "result",
                &format!("result-{failed}-{EFFECT_TYPE}-failed"),
                &failure(&failed),
            ),
            repaired: success(&failed),
        }
    }
}

/// Puts a key where the calls find it.
pub(super) fn export(mode: Mode) -> String {
    format!("export SENDPROMPTLY_KEY=sk_{mode}_…")
}

fn receipt<'a>(event: &'a str, occurred_at: &'a str) -> [(&'static str, &'a str); 6] {
    [
        ("provider", "stripe"),
        ("provider_event_id", event),
        ("event_type", EVENT_TYPE),
        ("effect_type", EFFECT_TYPE),
        ("internal_reference", "user_456"),
        ("occurred_at", occurred_at),
    ]
}

fn failure(event: &str) -> [(&'static str, &str); 5] {
    [
        ("provider_event_id", event),
        ("effect_type", EFFECT_TYPE),
        ("status", "failed"),
        ("error_code", "db_write_failed"),
        ("error_message", "The credits could not be written"),
    ]
}

/// Neither names nor values hold anything that JSON or a shell would read as its own.
fn curl(url: &str, path: &str, idempotency_key: &str, body: &[(&str, &str)]) -> String {
    let fields = body.iter().map(|(name, value)| format!("    \"{name}\": \"{value}\""));
    let fields = fields.collect::<Vec<_>>().join(",\n");
    format!(
        "curl -sS {url}/api/v1/{path} \\
  -H \"Authorization: Bearer $SENDPROMPTLY_KEY\" \\
  -H \"Idempotency-Key: {idempotency_key}\" \\
  -H \"Content-Type: application/json\" \\
  -d '{{
{fields}
  }}'"
    )
}
