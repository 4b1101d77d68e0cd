//! Looking for a canary wherever it must not be.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::ids::EventId;
use store::PgPool;
use temporalio_client::WorkflowFetchHistoryOptions;
use workflows::EffectWatch;
use workflows::names::workflow_id;

use crate::World;

/// Everything that a database holds, as text; bytes are in hex.
///
/// # Panics
/// When it cannot be read.
pub async fn dump(pool: &PgPool) -> String {
    let tables =
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.expect("tables");
    let mut all = String::new();
    for table in tables {
        let sql = format!("SELECT coalesce(string_agg(t::text, '\n'), '') FROM {table} t");
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await;
        let rows: String = rows.unwrap_or_else(|error| panic!("{table}: {error}"));
        all.push_str(&rows);
    }
    all
}

/// An event's history in Temporal, as JSON; payloads are in base64.
///
/// # Panics
/// When it cannot be read.
pub async fn history(world: &World, event_id: EventId) -> String {
    let client = world.temporal().await;
    let handle = client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
    let history = handle.fetch_history(WorkflowFetchHistoryOptions::default()).to_json();
    String::from_utf8(history.await.expect("a history")).expect("text")
}

/// Whether a text holds the canary: as it is, in hex, or in base64 wherever in it the canary begins.
#[must_use]
pub fn holds(text: &str, canary: &str) -> bool {
    let encoded = (0..3_usize).map(|before| {
        let encoded = BASE64_STANDARD.encode(" ".repeat(before) + canary);
        // The letters at both ends depend on what stands beside it.
        encoded[4..encoded.len() - 4].to_owned()
    });
    let mut spellings = encoded.chain([canary.to_owned(), hex::encode(canary)]);
    spellings.any(|spelling| text.contains(&spelling))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_however_it_is_spelled() {
        let canary = "canary-7f3a91-of-bob";
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{canary}{before}");
            assert!(holds(&text, canary));
            assert!(holds(&hex::encode(&text), canary), "{before}");
            assert!(holds(&BASE64_STANDARD.encode(&text), canary), "{before}");
        }
        assert!(!holds("canary-7f3a91-of-alice", canary));
    }
}
