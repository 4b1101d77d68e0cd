//! `destination add`.

use api_types::destinations::AddedDestination;
use domain::extension::{InvalidActivityName, InvalidQueue};
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;
use store::Insertion;
use store::administration::destination::add_destination;
use store::destinations::NewDestination;

use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::{Context, random};

pub const HELP: &str = "\
Examples:
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --email bob@example.com
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --slack https://hooks.slack.com/services/T00/B00/XXXX --label '#payments'
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --webhook https://alerts.example.com/sendpromptly
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --activity alerts.page --queue sendpromptly-ext.alerts

Create a Slack URL at https://api.slack.com/messaging/webhooks. A webhook receives signed JSON; its signing secret \
is shown once. Send a test message with \
`sendpromptly destination test`.";

/// What is added to which project.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    #[command(flatten)]
    place: AddressArgs,
    /// The task queue of the activity's worker, which begins with `sendpromptly-ext.`.
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// What people call it; by default the address, the last four characters of the Slack URL, the
    /// webhook's host, or the activity.
    #[arg(long)]
    label: Option<String>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct AddressArgs {
    /// An e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The URL of a Slack incoming webhook.
    #[arg(long, value_name = "URL")]
    slack: Option<String>,
    /// An HTTPS endpoint that receives signed JSON.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// An activity of your own worker, which gets the JSON of a webhook; with `--queue`.
    #[arg(long, value_name = "NAME")]
    activity: Option<String>,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project = admin.project(&args.project).await?;
    let new = read(&args.place, args.queue.as_deref(), project.mode, &admin.callback_allow()?)?;
    let new = new.with_label(args.label.as_deref()).map_err(|why| Failure::option("label", why))?;
    let key = admin.master_key().await?;
    let added = admin
        .transaction(async |tx| add_destination(tx, &admin.actor, &key, project.id, &new).await);
    let destination_id = match added.await? {
        Insertion::Inserted(id) => id,
        Insertion::Existing(id) => {
            let why = format!("already receives alerts, as destination {id}");
            return Err(Failure::option(new.target.kind(), why).into());
        }
    };
    let signing_secret = new.target.current_secret().map(SigningSecret::reveal);
    let secret = signing_secret.as_ref();
    let secret = secret.map(|secret| format!("\nSigning secret, shown this once: {secret}"));
    let human = format!(
        "Alerts of {} now go to {}.\n\
         Send a test message: sendpromptly destination test {destination_id}{}",
        domain::alert::one_line(&project.name),
        domain::alert::one_line(new.name()),
        secret.unwrap_or_default()
    );
    let kind = new.target.kind().to_owned();
    CommandOutput::new(&AddedDestination { destination_id, kind, signing_secret }, human)
}

fn read(
    place: &AddressArgs,
    queue: Option<&str>,
    mode: Mode,
    allow: &AllowedNetworks,
) -> anyhow::Result<NewDestination> {
    if let Some(activity) = &place.activity {
        let activity = activity
            .parse()
            .map_err(|why: InvalidActivityName| Failure::option("activity", why))?;
        let queue = queue.ok_or_else(|| Failure::option("queue", "is required with activity"))?;
        let queue = queue.parse().map_err(|why: InvalidQueue| Failure::option("queue", why))?;
        return Ok(NewDestination::activity(activity, queue));
    }
    if queue.is_some() {
        return Err(Failure::option("queue", "is only for an activity").into());
    }
    match (&place.email, &place.slack, &place.webhook) {
        (Some(address), _, _) => {
            Ok(NewDestination::email(address).map_err(|why| Failure::option("email", why))?)
        }
        (None, Some(url), _) => Ok(NewDestination::slack(url, mode, allow)
            .map_err(|error| Failure::Validation(error.to_string()))?),
        (None, None, Some(url)) => {
            let secret = random::signing_secret()?;
            Ok(NewDestination::webhook(url, secret, mode, allow)
                .map_err(|error| Failure::Validation(error.to_string()))?)
        }
        (None, None, None) => {
            Err(Failure::Validation("give --email, --slack, --webhook or --activity".into()).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(email: Option<&str>, slack: Option<&str>) -> anyhow::Result<NewDestination> {
        let (email, slack) = (email.map(Into::into), slack.map(Into::into));
        let place = AddressArgs { email, slack, webhook: None, activity: None };
        read(&place, None, Mode::Test, &AllowedNetworks::none())
    }

    #[test]
    fn each_option_names_its_own_kind_of_place() {
        let mail = place(Some("Bob@Example.com"), None).expect("an address");
        assert_eq!((mail.target.kind(), mail.shown.as_str()), ("email", "bob@example.com"));
        let url = "https://hooks.slack.com/services/T0/B0/secret";
        let slack = place(None, Some(url)).expect("a URL");
        assert_eq!((slack.target.kind(), slack.shown.as_str()), ("slack", "hooks.slack.com"));
    }

    #[test]
    fn bad_places_are_validation_errors_that_name_the_option() {
        let email = place(Some("bob"), None).expect_err("no address");
        assert_eq!(email.to_string(), "email must be an e-mail address such as bob@example.com");
        let slack = place(None, Some("http://hooks.slack.com/secret")).expect_err("no https");
        assert_eq!(slack.to_string(), "the Slack URL must begin with https://");
        assert_eq!(crate::failure::code(&slack), "validation_error");
    }
}
