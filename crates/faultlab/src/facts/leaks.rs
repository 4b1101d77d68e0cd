//! Where secrets and payloads must not be: logs, messages, proof pages, Temporal's histories, plain columns.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::IncidentId;
use domain::secret_token::ProofToken;
use store::{incidents, proof_links};
use temporalio_client::{UntypedWorkflow, WorkflowFetchHistoryOptions};
use uuid::Uuid;

use super::Rows;
use crate::shop::{App, CANARY};
use crate::stage::Stage;
use crate::stage::cast::random;

/// So many histories and proof pages are looked at, evenly spread.
const SAMPLE: usize = 20;

/// A secret where it must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// What it is, not its value.
    pub secret: String,
    pub place: String,
}

/// Something that may hold a secret.
type Place = (String, Vec<u8>);

/// Makes proof links of some incidents and opens them, as a customer does.
pub async fn open_proof_pages(stage: &Stage, apps: &[App; 2]) -> anyhow::Result<Vec<Place>> {
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM incidents ORDER BY id LIMIT 5")
        .fetch_all(&stage.owner)
        .await?;
    let mut pages = Vec::new();
    for id in ids {
        let id = IncidentId::from_uuid(id);
        let Some(incident) = incidents::find_incident(&stage.owner, id).await? else { continue };
        let token = ProofToken::from_bytes(random()?);
        proof_links::insert_link(&stage.owner, &incident, &token.hash(), "cli:bob", 1).await?;
        let (status, page) = apps[0].caller.get(&format!("/proof/{}", token.reveal())).await?;
        anyhow::ensure!(status == 200, "the proof of {id} is a {status}");
        pages.push((format!("the proof page of {id}"), page));
    }
    Ok(pages)
}

/// Looks for every secret everywhere.
pub async fn find(stage: &Stage, mut places: Vec<Place>, rows: &Rows) -> anyhow::Result<Vec<Leak>> {
    for part in [&stage.api, &stage.worker] {
        places.push((format!("the log of the {}", part.kind.name()), fs::read(&part.log)?));
    }
    for message in super::messages::read(stage) {
        places.push((format!("a message to shop {}", message.shop), message.text.into_bytes()));
    }
    places.extend(histories(stage, rows).await?);
    let secrets = secrets(stage);
    let mut leaks: Vec<Leak> = search(&places, &secrets);
    leaks.extend(columns(stage, &secrets).await?);
    Ok(leaks)
}

/// Name and value of each.
fn secrets(stage: &Stage) -> Vec<(String, String)> {
    let mut secrets = vec![
        ("a payload".to_owned(), CANARY.to_owned()),
        ("the master key".to_owned(), stage.master_key.clone()),
    ];
    for shop in &stage.shops {
        let signing = shop.secret.reveal();
        let of = |what: &str| format!("{what} of shop {}", shop.name);
        secrets.push((of("the API key"), shop.key.reveal().to_owned()));
        secrets.push((of("the Slack URL"), shop.slack_token.clone()));
        secrets.push((of("the URL or key of the third destination"), shop.relay_token.clone()));
        secrets.push((of("the signing secret"), signing.trim_start_matches("whsec_").to_owned()));
    }
    secrets
}

fn search(places: &[Place], secrets: &[(String, String)]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    for (place, bytes) in places {
        for (secret, value) in secrets {
            let holds =
                |needle: &str| bytes.windows(needle.len()).any(|part| part == needle.as_bytes());
            if holds(value) || encoded(value).iter().any(|text| holds(text)) {
                leaks.push(Leak { secret: secret.clone(), place: place.clone() });
            }
        }
    }
    leaks
}

/// What base64 makes of a value, wherever in a text it begins.
fn encoded(value: &str) -> [String; 3] {
    [0, 1, 2].map(|skipped| {
        let rest = value.as_bytes().get(skipped..).unwrap_or_default();
        STANDARD.encode(&rest[..rest.len() - rest.len() % 3])
    })
}

async fn histories(stage: &Stage, rows: &Rows) -> anyhow::Result<Vec<Place>> {
    let client = stage.engine.client().await?;
    let step = rows.incidents.len().div_ceil(SAMPLE).max(1);
    let mut places = Vec::new();
    for incident in rows.incidents.iter().step_by(step) {
        let id = workflows::names::workflow_id(domain::ids::EventId::from_uuid(incident.event_id));
        let workflow = client.get_workflow_handle::<UntypedWorkflow>(id.clone());
        // A Temporal that has lost its database has lost the history, too.
        let Ok(history) =
            workflow.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await
        else {
            continue;
        };
        let bytes = history.iter().flat_map(prost::Message::encode_to_vec).collect();
        places.push((format!("the history of {id}"), bytes));
    }
    Ok(places)
}

/// Each table as text, in which bytes are hexadecimal.
async fn columns(stage: &Stage, secrets: &[(String, String)]) -> anyhow::Result<Vec<Leak>> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&stage.owner)
            .await?;
    let mut leaks = Vec::new();
    for table in tables {
        for (secret, value) in secrets {
            let sql = format!(
                "SELECT count(*) FROM {table} AS t WHERE EXISTS (
                     SELECT FROM unnest($1::text[]) AS needle WHERE strpos(t::text, needle) > 0)"
            );
            let needles = [vec![value.clone(), hex::encode(value)], encoded(value).to_vec()];
            let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .bind(needles.concat())
                .fetch_one(&stage.owner)
                .await?;
            if count > 0 {
                let place = format!("{count} rows of {table}");
                leaks.push(Leak { secret: secret.clone(), place });
            }
        }
    }
    Ok(leaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_plain_and_in_base64() {
        let secrets = [("a payload".to_owned(), CANARY.to_owned())];
        let plain = format!("before {CANARY} after").into_bytes();
        let places = [
            ("plain".to_owned(), plain),
            ("encoded".to_owned(), STANDARD.encode(format!("it is {CANARY}.")).into_bytes()),
            ("clean".to_owned(), b"canary".to_vec()),
        ];
        let found = search(&places, &secrets);
        let found: Vec<_> = found.iter().map(|leak| leak.place.as_str()).collect();
        assert_eq!(found, ["plain", "encoded"]);
    }
}
