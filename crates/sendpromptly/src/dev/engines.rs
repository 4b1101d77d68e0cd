//! The engines of `dev`: found or installed, started together, kept running, stopped in order.

use std::future::pending;
use std::path::{Path, PathBuf};

use embedded::{
    EngineDirs, EngineEvent, Engines as Found, Postgres, PostgresOptions, StartError, Supervised,
    Temporal, TemporalOptions,
};
use tokio::sync::mpsc;
use workflows::names::search_attribute;

use super::{DevArgs, welcome};
use crate::failure::Failure;
use crate::progress::while_waiting;

/// A Postgres and a Temporal that are kept running.
pub(super) struct Engines {
    database_url: String,
    database_dir: PathBuf,
    temporal_address: String,
    postgres: Supervised,
    temporal: Supervised,
    events: mpsc::UnboundedReceiver<EngineEvent>,
}

impl Engines {
    pub(super) async fn start(args: &DevArgs, data_dir: &Path) -> anyhow::Result<Self> {
        welcome::say("looking for Postgres and Temporal");
        let found = Found::locate(&EngineDirs::from_env()?).await?;
        let postgres = PostgresOptions::new(data_dir.join("postgres"), args.postgres_port);
        let temporal = temporal_options(args, data_dir);
        welcome::say("starting Postgres and Temporal");
        let (postgres, temporal) = while_waiting("starting Postgres and Temporal", async {
            tokio::join!(
                Postgres::start(&found.postgres, postgres),
                Temporal::start(&found.temporal, temporal)
            )
        })
        .await;
        let postgres = postgres.map_err(|error| name_the_flag(error, args))?;
        let temporal = temporal.map_err(|error| name_the_flag(error, args))?;
        let (sender, events) = mpsc::unbounded_channel();
        Ok(Self {
            database_url: postgres.url(embedded::DATABASE),
            database_dir: postgres.data_dir().to_owned(),
            temporal_address: temporal.address(),
            postgres: Supervised::keep_running(postgres, sender.clone()),
            temporal: Supervised::keep_running(temporal, sender),
            events,
        })
    }

    pub(super) fn database_url(&self) -> String {
        self.database_url.clone()
    }

    /// Where the database is, which as root may be outside the data folder.
    pub(super) fn database_dir(&self) -> &Path {
        &self.database_dir
    }

    pub(super) fn temporal_address(&self) -> String {
        self.temporal_address.clone()
    }

    /// What happens to an engine next.
    pub(super) async fn next_event(&mut self) -> EngineEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => pending().await,
        }
    }

    /// Temporal first: it may still send its workers something, which they log.
    pub(super) async fn stop(self) {
        self.temporal.stop().await;
        self.postgres.stop().await;
    }
}

/// The relay paces itself by how long first tasks wait, which a server updates every 5 s only.
const FRESH_STATISTICS: &str = "matching.TaskQueueInfoByBuildIdTTL=\"250ms\"";

fn temporal_options(args: &DevArgs, data_dir: &Path) -> TemporalOptions {
    TemporalOptions {
        ui_port: Some(args.temporal_ui_port),
        db_file: Some(data_dir.join("temporal.db")),
        search_attributes: search_attribute::ALL.iter().map(ToString::to_string).collect(),
        dynamic_config: vec![FRESH_STATISTICS.to_owned()],
        ..TemporalOptions::new(args.temporal_port, data_dir.join("temporal.log"))
    }
}

/// Says which flag a taken port came from.
fn name_the_flag(error: StartError, args: &DevArgs) -> anyhow::Error {
    let flag = match &error {
        StartError::PortTaken { port } if *port == args.postgres_port => "--postgres-port",
        StartError::PortTaken { port } if *port == args.temporal_port => "--temporal-port",
        StartError::PortTaken { port } if *port == args.temporal_ui_port => "--temporal-ui-port",
        _ => return anyhow::Error::new(error).context("cannot start the engines"),
    };
    Failure::Unavailable(format!("{error}; {flag} names another one")).into()
}
