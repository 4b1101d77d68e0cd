//! `demo`: a small fake shop goes through the whole life of an event in a running `dev`.
//!
//! Everything is real but the customers: the shop reports over HTTP with a key of its own, its
//! endpoints check the signature of what they get, and alerts arrive where `dev` sends them.
//! The shop's project stays behind, so that its incidents can be viewed.

mod app;
mod run;

use domain::extension::{DEFAULT_CALLS_PER_SECOND, ExtensionTarget, NewExtension, Point, Trust};
use domain::ids::ProjectId;
use domain::project::Mode;
use domain::retention::DEFAULT_MONTHS;
use serde_json::json;
use store::ChangeError;
use store::administration::destination::add_destination;
use store::administration::extension::{ExtensionRejection, add_extension};
use store::administration::key::create_key;
use store::administration::project::create_project;
use store::destinations::NewDestination;
use store::projects::ProjectSettings;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::random;

use app::{DemoApp, DemoSecrets};
use run::DemoRun;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  sendpromptly dev      in one terminal
  sendpromptly demo     in another one, in the same folder

It takes a little over a minute, because the shortest time-out is one minute.";

/// The probe is asked so long before an incident would open: half of the shortest time-out.
const PROBE_BUDGET_SECONDS: i32 = 30;

/// Where the demo's alerts go. `dev` writes them to files unless it has a mail server.
const BOB: &str = "bob@shop.example";

/// Runs the whole demo.
///
/// # Errors
/// When no `dev` runs, or the demo does not go as it should.
pub async fn run(context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let dev = admin.dev().cloned().ok_or_else(|| {
        let cure =
            "the demo needs a running dev: start `sendpromptly dev`, and leave DATABASE_URL unset";
        Failure::Unavailable(cure.to_owned())
    })?;
    let (repair, probe) = (random::signing_secret()?, random::signing_secret()?);
    let key = random::api_key(Mode::Test)?;
    let secrets = DemoSecrets { repair: repair.clone(), probe: probe.clone() };
    let app = DemoApp::open(&dev.url, key.reveal(), secrets).await?;
    let secrets = DemoSecrets { repair, probe };
    let project_id = seed(&admin, &app, &secrets, &key).await?;
    let demo = DemoRun { admin: &admin, dev: &dev, app: &app, quiet: context.json };
    demo.play().await?;
    CommandOutput::new(&json!({ "project_id": project_id }), "")
}

/// The shop's own project, with its key, its probe and bob's address.
async fn seed(
    admin: &AdminContext,
    app: &DemoApp,
    secrets: &DemoSecrets,
    key: &domain::api_key::ApiKey,
) -> anyhow::Result<ProjectId> {
    let settings = ProjectSettings {
        timeout_minutes: 1,
        retention_months: DEFAULT_MONTHS,
        repair_url: Some(app.repair_url()),
        ..ProjectSettings::new("Demo shop".to_owned(), Mode::Test)
    };
    let master_key = admin.master_key().await?;
    let bob = NewDestination::email(BOB)?;
    let probe = NewExtension {
        point: Point::BeforeIncident,
        target: ExtensionTarget::Https { url: app.probe_url() },
        trust: Trust::Settle,
        budget_seconds: PROBE_BUDGET_SECONDS,
        heartbeat_seconds: None,
        fallback: None,
        calls_per_second: DEFAULT_CALLS_PER_SECOND,
    };
    let seeded = admin.transaction(async |tx| {
        let id = create_project(tx, &admin.actor, &settings, &secrets.repair, &master_key).await?;
        create_key(tx, &admin.actor, id, "demo", key).await?;
        add_destination(tx, &admin.actor, &master_key, id, &bob).await?;
        let secret = Some(&secrets.probe);
        add_extension(tx, &admin.actor, &master_key, id, &probe, secret).await?;
        Ok::<_, ChangeError<ExtensionRejection>>(id)
    });
    Ok(seeded.await?)
}
