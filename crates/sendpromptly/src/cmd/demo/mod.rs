//! `demo`: a small fake shop goes through the whole story in a running `dev`.
//!
//! Everything is real but the customers: the shop reports over HTTP with a key of its own, its repair
//! endpoint checks the signature of each callback, and alerts arrive where `dev` sends them. The
//! shop's project stays behind, so that its incidents can be looked at.

mod shop;
mod story;

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
use crate::answer::Answer;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::random;

use shop::Shop;
use story::Story;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  sendpromptly dev      in one terminal
  sendpromptly demo     in another one, in the same folder

It takes a little over a minute, because the shortest time-out is one minute.";

/// Where the demo's alerts go. `dev` writes them to files unless it has a mail server.
const BOB: &str = "bob@shop.example";

/// Tells the whole story.
///
/// # Errors
/// When no `dev` runs, or the story does not go as it should.
pub async fn run(context: &Context) -> anyhow::Result<Answer> {
    let desk = Desk::open(context).await?;
    let dev = desk.dev().cloned().ok_or_else(|| {
        let cure =
            "the demo needs a running dev: start `sendpromptly dev`, and leave DATABASE_URL unset";
        Failure::Unavailable(cure.to_owned())
    })?;
    let secret = random::signing_secret()?;
    let key = random::api_key(Mode::Test)?;
    let shop = Shop::open(&dev.url, key.reveal(), secret.clone()).await?;
    let project_id = furnish(&desk, &shop, &secret, &key).await?;
    let story = Story { desk: &desk, dev: &dev, shop: &shop, quiet: context.json };
    story.tell().await?;
    Answer::new(&json!({ "project_id": project_id }), "")
}

/// The shop's own project, with its key and bob's address.
async fn furnish(
    desk: &Desk,
    shop: &Shop,
    secret: &SigningSecret,
    key: &domain::api_key::ApiKey,
) -> anyhow::Result<ProjectId> {
    let settings = ProjectSettings {
        name: "Demo shop".to_owned(),
        mode: Mode::Test,
        timeout_minutes: 1,
        repair_url: Some(shop.repair_url()),
        snapshots: false,
    };
    let master_key = desk.master_key().await?;
    let bob = NewDestination::email(BOB)?;
    desk.transaction(async |tx| {
        let id = create_project(tx, &desk.actor, &settings, secret, &master_key).await?;
        create_key(tx, &desk.actor, id, "demo", key).await?;
        add_destination(tx, &desk.actor, &master_key, id, &bob).await?;
        Ok(id)
    })
    .await
}
