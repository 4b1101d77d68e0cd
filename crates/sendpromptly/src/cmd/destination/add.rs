//! `destination add`.

use domain::alert::SlackUrl;
use domain::audit::Action;
use domain::ids::DestinationId;
use domain::operator::parse_email;
use domain::repair_url::AllowedNetworks;
use serde::Serialize;
use serde_json::json;
use store::audit::Subject;
use store::destinations::{self, Target};

use crate::Context;
use crate::answer::Answer;
use crate::desk::Desk;
use crate::failure::Failure;

pub const HELP: &str = "\
Examples:
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --email bob@example.com
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --slack https://hooks.slack.com/services/T00/B00/XXXX

Make a Slack URL at https://api.slack.com/messaging/webhooks. Try the destination afterwards with
`sendpromptly destination test`.";

/// What is added to which project.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// An e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The URL of a Slack incoming webhook.
    #[arg(long, value_name = "URL")]
    slack: Option<String>,
}

#[derive(Serialize)]
struct Added {
    destination_id: DestinationId,
    kind: &'static str,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<Answer> {
    let desk = Desk::open(context).await?;
    let (target, shown) = read(&args.place, &desk.callback_allow()?)?;
    let project = desk.project(&args.project).await?;
    let key = desk.master_key().await?;
    let mut tx = desk.begin().await?;
    let added = destinations::insert_destination(&mut *tx, &key, project.id, &target, &shown);
    let destination_id = added.await?;
    let kind = target.kind();
    let detail = json!({ "destination_id": destination_id, "kind": kind, "address": shown });
    desk.commit(tx, Action::DestinationAdded, Subject::project(project.id), detail).await?;
    let human = format!(
        "Alerts of {} go to {shown} from now on.\n\
         Try it: sendpromptly destination test {destination_id}",
        domain::alert::one_line(&project.name)
    );
    Answer::new(&Added { destination_id, kind }, human)
}

/// The target, and what people see of it.
fn read(place: &Place, allow: &AllowedNetworks) -> Result<(Target, String), Failure> {
    match (&place.email, &place.slack) {
        (Some(address), _) => {
            let address = parse_email(address).map_err(|why| Failure::option("email", why))?;
            Ok((Target::Email(address.clone()), address))
        }
        (None, Some(url)) => {
            let url = SlackUrl::parse(url, allow);
            let url = url.map_err(|error| Failure::Validation(error.to_string()))?;
            Ok((Target::Slack(url.as_url().to_string()), url.host().to_owned()))
        }
        (None, None) => Err(Failure::Validation("give --email or --slack".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(email: Option<&str>, slack: Option<&str>) -> Result<(Target, String), Failure> {
        let place = Place { email: email.map(Into::into), slack: slack.map(Into::into) };
        read(&place, &AllowedNetworks::none())
    }

    #[test]
    fn an_address_is_kept_in_lower_case() {
        let (target, shown) = place(Some("Bob@Example.com"), None).expect("an address");
        assert_eq!(target, Target::Email("bob@example.com".into()));
        assert_eq!(shown, "bob@example.com");
    }

    #[test]
    fn only_the_host_of_a_slack_url_is_shown() {
        let url = "https://hooks.slack.com/services/T0/B0/secret";
        let (target, shown) = place(None, Some(url)).expect("a URL");
        assert_eq!(target, Target::Slack(url.into()));
        assert_eq!(shown, "hooks.slack.com");
    }

    #[test]
    fn bad_places_are_validation_errors_that_name_the_option() {
        let email = place(Some("bob"), None).expect_err("no address");
        assert_eq!(email.to_string(), "email must be an e-mail address such as bob@example.com");
        let slack = place(None, Some("http://hooks.slack.com/secret")).expect_err("no https");
        assert_eq!(slack.to_string(), "the Slack URL must begin with https://");
        assert_eq!(slack.code(), "validation_error");
    }

    #[test]
    fn the_answer_has_exactly_the_fields_of_the_contract() {
        let destination_id = "dst_00000000000000000000000001".parse().expect("an id");
        assert_eq!(
            serde_json::to_string(&Added { destination_id, kind: "email" }).expect("json"),
            r#"{"destination_id":"dst_00000000000000000000000001","kind":"email"}"#
        );
    }
}
