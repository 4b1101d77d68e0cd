//! `destination rotate-secret`: a webhook's new signing secret, without a gap.

use api_types::destinations::RotatedSecret;
use domain::ids::DestinationId;
use store::administration::destination::rotate_secret;
use store::destinations::find_destination;

use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;
use crate::text::format_timestamp;
use crate::{Context, random};

pub const HELP: &str = "\
Example:
  sendpromptly destination rotate-secret dst_01K9QE0A1B2C3D4E5F6G7H8J9K

For 24 hours every message carries the signatures of both secrets, so that the receiver changes at its own pace. A \
secret that leaked goes on signing until then: to end it immediately, add the webhook again and remove this one.";

pub(super) async fn run(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let destination_id: DestinationId = parse_id("destination", id)?;
    let admin = AdminContext::open(context).await?;
    let found = find_destination(&admin.pool, destination_id).await?;
    let kind = found.ok_or_else(|| no_such("destination", destination_id))?.kind;
    if kind != "webhook" {
        let why = format!("destination {destination_id} has no signing secret: its kind is {kind}");
        return Err(Failure::Validation(why).into());
    }
    let (key, secret) = (admin.master_key().await?, random::signing_secret()?);
    let rotated = admin.transaction(async |tx| {
        rotate_secret(tx, &admin.actor, &key, destination_id, &secret).await
    });
    let rotation = rotated.await?.ok_or_else(|| no_such("destination", destination_id))?;
    let (signing_secret, older_sign_until) = (secret.reveal(), rotation.older_sign_until);
    let human = format!(
        "Signing secret, shown this once: {signing_secret}\n\
         The ones before it sign as well until {}.",
        format_timestamp(older_sign_until)
    );
    CommandOutput::new(&RotatedSecret { destination_id, signing_secret, older_sign_until }, human)
}
