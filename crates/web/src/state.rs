//! What handlers work with. Cheap to clone.

use std::sync::Arc;

use domain::repair_url::AllowedNetworks;
use engine::{Engine, Monitor, Relay};
use store::{MasterKey, PgPool};

use crate::admission::Admission;
use crate::body_room::BodyRoom;
use crate::foreign_requests::ForeignRequests;
use crate::rate_limit::RateLimit;
use crate::serve::Detached;
use crate::slack_answer::AnswerSlack;
use crate::test_message::TestDestination;
use crate::trial::TryExtension;

/// What handlers work with.
#[derive(Clone)]
pub struct AppState {
    pub pool: PgPool,
    /// Seals snapshots.
    pub master_key: MasterKey,
    /// Whether the product does its work, for `/readyz` and the console's head.
    pub health: Arc<Monitor>,
    /// Dispatches committed outbox messages to Temporal.
    pub relay: Relay,
    /// Whose a key is.
    pub admission: Admission,
    /// How much each key may send.
    pub limits: Arc<RateLimit>,
    /// Room for the bodies of calls.
    pub bodies: Arc<BodyRoom>,
    /// Which addresses send what nobody known has signed.
    pub foreign: Arc<ForeignRequests>,
    /// Runs commits to their end when a client hangs up.
    pub detached: Detached,
    /// What links begin with, without a slash at the end.
    pub public_url: Arc<str>,
    /// Private networks and hosts that callbacks may reach.
    pub allow: Arc<AllowedNetworks>,
    /// Sends test messages, in the name of who asked for it.
    pub test_destination: TestDestination,
    /// Tells people in Slack what came of their press.
    pub answer_slack: AnswerSlack,
    /// Tries extensions, in the name of who asked for it.
    pub try_extension: TryExtension,
    /// Temporal, for what only it knows: whether an extension's worker polls.
    pub engine: Arc<Engine>,
}
