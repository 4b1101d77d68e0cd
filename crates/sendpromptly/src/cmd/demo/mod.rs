//! `demo`: a small fake shop goes through the whole life of an event in a running `dev`.
//!
//! Everything is real but the customers: the shop reports over HTTP with a key of its own, its
//! repair endpoint checks the signature of each callback, and alerts arrive where `dev` sends them.
//! The shop's project stays behind, so that its incidents can be viewed.

mod app;
mod run;

use domain::ids::ProjectId;
use domain::project::Mode;
use domain::signature::SigningSecret;
use serde_json::json;
use store::administration::destination::add_destination;
use store::administration::key::create_key;
use store::administration::project::create_project;
use store::destinations::NewDestination;
use store::projects::ProjectSettings;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::random;

use app::DemoApp;
use run::DemoRun;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  sendpromptly dev      in one terminal
  sendpromptly demo     in another one, in the same folder

It takes a little over a minute, because the shortest time-out is one minute.";

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
    let secret = random::signing_secret()?;
    let key = random::api_key(Mode::Test)?;
    let app = DemoApp::open(&dev.url, key.reveal(), secret.clone()).await?;
    let project_id = seed(&admin, &app, &secret, &key).await?;
    let demo = DemoRun { admin: &admin, dev: &dev, app: &app, quiet: context.json };
    demo.play().await?;
    CommandOutput::new(&json!({ "project_id": project_id }), "")
}

/// The shop's own project, with its key and bob's address.
async fn seed(
    admin: &AdminContext,
    app: &DemoApp,
    secret: &SigningSecret,
    key: &domain::api_key::ApiKey,
) -> anyhow::Result<ProjectId> {
    let settings = ProjectSettings {
        name: "Demo shop".to_owned(),
        mode: Mode::Test,
        timeout_minutes: 1,
        repair_url: Some(app.repair_url()),
        snapshots: false,
    };
    let master_key = admin.master_key().await?;
    let bob = NewDestination::email(BOB)?;
    admin
        .transaction(async |tx| {
            let id = create_project(tx, &admin.actor, &settings, secret, &master_key).await?;
            create_key(tx, &admin.actor, id, "demo", key).await?;
            add_destination(tx, &admin.actor, &master_key, id, &bob).await?;
            Ok(id)
        })
        .await
}
