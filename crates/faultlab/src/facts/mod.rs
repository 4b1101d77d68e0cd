//! The facts of a round that is over: what the shop, the database, the neighbours, Temporal and the logs know.
//!
//! They are gathered once, and judged by [`crate::checker`] without looking anywhere else.

mod answers;
mod database;
mod leaks;
mod messages;

use time::OffsetDateTime;
use uuid::Uuid;

pub use self::answers::{Repeated, Stranger};
pub use self::database::read as read_database;
pub use self::leaks::Leak;
pub use self::messages::Message;

use crate::shop::ledger::Entries;
use crate::shop::{App, Callback};
use crate::stage::{Stage, database as role};

/// An event, as the database has it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Event {
    pub id: Uuid,
    pub project_id: Uuid,
    pub provider_event_id: String,
    pub effect: String,
    pub timeout_at: OffsetDateTime,
    /// When a deadline is judged, as the outages of the round say.
    pub judged_at: OffsetDateTime,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Incident {
    pub id: Uuid,
    pub event_id: Uuid,
    pub project_id: Uuid,
    pub state: String,
    pub reason: String,
    pub opened_at: OffsetDateTime,
}

/// One message to one destination.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Alert {
    pub id: Uuid,
    pub incident_id: Uuid,
    pub destination_id: Uuid,
    pub kind: String,
    pub state: String,
    pub attempts: i32,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Reprocess {
    pub id: Uuid,
    pub event_id: Uuid,
    pub state: String,
}

/// A result that was kept, in the words of the API.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeptResult {
    pub event_id: Uuid,
    pub outcome: String,
    /// Of a repair.
    pub replay_id: Option<Uuid>,
}

/// How often an action stands in the audit of an event.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Audited {
    pub event_id: Uuid,
    pub action: String,
    pub entries: i64,
}

/// Where alerts of a project go.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Destination {
    pub id: Uuid,
    pub project_id: Uuid,
    pub kind: String,
}

/// What the database knows.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub events: Vec<Event>,
    pub incidents: Vec<Incident>,
    pub alerts: Vec<Alert>,
    pub reprocesses: Vec<Reprocess>,
    pub results: Vec<KeptResult>,
    pub audit: Vec<Audited>,
    pub destinations: Vec<Destination>,
    /// Messages for Temporal that wait, and that were parked.
    pub outbox: (i64, i64),
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub entries: Entries,
    pub rows: Rows,
    pub callbacks: Vec<Callback>,
    pub messages: Vec<Message>,
    pub leaks: Vec<Leak>,
    /// Redirects that were followed, to where nobody may be sent.
    pub followed: Vec<String>,
    pub repeated: Vec<Repeated>,
    pub strangers: Vec<Stranger>,
    /// Whether the product's role can rewrite the audit.
    pub audit_can_be_changed: bool,
    /// Watches that still run.
    pub watches_running: usize,
    /// Processes that may have sent what they could not note.
    pub crashes: usize,
    /// When the last disturbance was over.
    pub recovered_at: Option<OffsetDateTime>,
    /// Why the round did not come to rest.
    pub unrest: Option<String>,
}

impl Facts {
    /// Gathers them; the product must still run, and be at rest.
    pub async fn gather(stage: &mut Stage, apps: &[App; 2]) -> anyhow::Result<Self> {
        let entries = apps[0].ledger.entries();
        let repeated = answers::repeat(apps, &entries).await;
        let strangers = answers::ask_as_stranger(apps, &entries).await;
        let proof_pages = leaks::open_proof_pages(stage, apps).await?;
        let watches_running = Box::pin(watches_running(stage)).await?;
        let rows = read_database(&stage.owner).await?;
        let messages = messages::read(stage);
        let leaks = Box::pin(leaks::find(stage, proof_pages, &rows)).await?;
        Ok(Self {
            audit_can_be_changed: role::audit_can_be_changed(&stage.role_url).await?,
            callbacks: messages::callbacks(stage),
            followed: messages::followed(stage),
            entries,
            rows,
            messages,
            leaks,
            repeated,
            strangers,
            watches_running,
            ..Self::default()
        })
    }
}

/// How many watches Temporal still runs.
pub async fn watches_running(stage: &Stage) -> anyhow::Result<usize> {
    let client = stage.engine.client().await?;
    let query = "WorkflowType = 'EffectWatch' AND ExecutionStatus = 'Running'";
    let options = temporalio_client::WorkflowCountOptions::default();
    Ok(client.count_workflows(query, options).await?.count())
}
