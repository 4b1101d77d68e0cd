//! What the activities work with, set up once by the process that runs a worker.

use domain::dead_man::DeadManUrl;
use domain::ids::IncidentId;
use domain::repair_url::AllowedNetworks;
use store::{MasterKey, PgPool};

use crate::destinations::Senders;
use crate::http::GuardedClient;

/// What the activities work with.
pub struct Deps {
    pub pool: PgPool,
    /// Opens sealed secrets.
    pub master_key: MasterKey,
    /// Sends callbacks.
    pub http: GuardedClient,
    /// Networks and hosts that callbacks may reach beside the public ones.
    pub allow: AllowedNetworks,
    /// Delivers alerts.
    pub senders: Senders,
    /// Where people find the console, without a slash at the end.
    pub public_url: String,
    /// The domain of the mails' message ids.
    pub mail_domain: String,
    /// What a probe that ends well calls, where it is set.
    pub dead_man: Option<DeadManUrl>,
}

impl Deps {
    /// The page of an incident in the console.
    #[must_use]
    pub fn incident_url(&self, id: IncidentId) -> String {
        format!("{}/incidents/{id}", self.public_url)
    }
}
