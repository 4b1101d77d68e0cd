//! `destination add`.

use std::io::Read;

use api_types::destinations::AddedDestination;
use domain::field::FieldError;
use domain::signature::SigningSecret;
use store::Insertion;
use store::administration::destination::add_destination;
use store::destinations::{EnteredFields, EntryRules, NewDestination};

use crate::admin_context::AdminContext;
use crate::cmd::input::Input;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::{Context, random};

pub const HELP: &str = "\
Examples:
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --email bob@example.com
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --slack https://hooks.slack.com/services/T00/B00/XXXX --label '#payments'
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --slack-app xoxb-… --channel C0123ABCDEF --signing-secret 8f742231b10e8888abcd99badc0de5a5
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --pagerduty 0123456789abcdef0123456789abcdef --label 'Payments on call'
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --teams @teams-url.txt
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --ntfy https://ntfy.sh/cometcart-x7Kq2mWp --label \"Bob's phone\"
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --webhook https://alerts.example.com/sendpromptly
  sendpromptly destination add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
      --activity alerts.page --queue sendpromptly-ext.alerts

Create a Slack URL at https://api.slack.com/messaging/webhooks; a Slack app has the scope chat:write, and for its \
buttons the Request URL /slack/actions below SENDPROMPTLY_PUBLIC_URL. Create a Discord URL in the channel's settings under \
Integrations, and a Teams URL in the channel's menu under Workflows, Send webhook alerts to a channel. PagerDuty shows an integration key under Services, your \
service, Integrations: Events API V2. A webhook receives signed JSON; its signing secret is shown once. Other accounts of the machine can read a command line, and a shell keeps it: \
URLs, keys and tokens are also taken from a file (@path) or from standard input (@-). Send a test \
message with `sendpromptly destination test`.";

/// What is added to which project.
#[derive(clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    #[command(flatten)]
    place: AddressArgs,
    /// The id of the channel that the Slack app posts to, such as `C0123ABCDEF`.
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// The signing secret of the Slack app, which the app shows under Basic Information.
    #[arg(long, value_name = "SECRET")]
    signing_secret: Option<String>,
    /// Where the methods of Slack's Web API are, for a workspace of GovSlack: `https://slack-gov.com/api/`.
    #[arg(long, value_name = "URL")]
    slack_api: Option<String>,
    /// Where PagerDuty takes events, for an account in the EU:
    /// `https://events.eu.pagerduty.com/v2/enqueue`.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The access token of the ntfy server.
    #[arg(long)]
    token: Option<String>,
    /// The task queue of the activity's worker, which begins with `sendpromptly-ext.`.
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// What people call it; by default the address, the last four characters of its secret, the
    /// webhook's host, or the activity.
    #[arg(long)]
    label: Option<String>,
    /// Send it each incident by itself, as webhooks and activities get them by default.
    #[arg(long, conflicts_with = "no_every_incident")]
    every_incident: bool,
    /// Send it the first incident of a cause, and then messages about the cause, as all others get by
    /// default.
    #[arg(long)]
    no_every_incident: bool,
}

domain::debug_without!(Args {
    shown: [
        project,
        place,
        channel,
        slack_api,
        endpoint,
        queue,
        label,
        every_incident,
        no_every_incident
    ],
    hidden: [signing_secret, token],
});

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct AddressArgs {
    /// An e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The URL of a Slack incoming webhook.
    #[arg(long, value_name = "URL")]
    slack: Option<String>,
    /// The bot token of your own Slack app; with `--channel` and `--signing-secret`.
    #[arg(long, value_name = "TOKEN")]
    slack_app: Option<String>,
    /// The URL of a Teams workflow that posts webhook alerts to a channel.
    #[arg(long, value_name = "URL")]
    teams: Option<String>,
    /// The URL of a Discord webhook.
    #[arg(long, value_name = "URL")]
    discord: Option<String>,
    /// The integration key of a PagerDuty service.
    #[arg(long, value_name = "KEY")]
    pagerduty: Option<String>,
    /// The URL of an ntfy topic; with `--token` where it is protected.
    #[arg(long, value_name = "URL")]
    ntfy: Option<String>,
    /// An HTTPS endpoint that receives signed JSON.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// An activity of your own worker, which gets the JSON of a webhook; with `--queue`.
    #[arg(long, value_name = "NAME")]
    activity: Option<String>,
}

domain::debug_without!(AddressArgs {
    shown: [email, activity],
    hidden: [slack, slack_app, teams, discord, pagerduty, ntfy, webhook],
});

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let args = args.with_secrets(std::io::stdin())?;
    let admin = AdminContext::open(context).await?;
    let project = admin.project(&args.project).await?;
    let (mode, secret) = (project.mode, random::signing_secret()?);
    let rules = EntryRules { mode, allow: &admin.callback_allow()?, secret };
    let new = NewDestination::read(&args.entered(), rules).map_err(|errors| rejected(&errors))?;
    let new = NewDestination { every_incident: args.every_incident(), ..new };
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

impl Args {
    /// The same with the secrets that are in a file or come from standard input.
    fn with_secrets(mut self, stdin: impl Read) -> Result<Self, Failure> {
        let (mut input, place) = (Input::new(stdin), &mut self.place);
        let secrets = [
            ("slack", &mut place.slack),
            ("slack_app", &mut place.slack_app),
            ("signing_secret", &mut self.signing_secret),
            ("teams", &mut place.teams),
            ("discord", &mut place.discord),
            ("pagerduty", &mut place.pagerduty),
            ("ntfy", &mut place.ntfy),
            ("token", &mut self.token),
            ("webhook", &mut place.webhook),
        ];
        for (name, value) in secrets {
            if let Some(text) = value.as_deref() {
                *value = Some(input.read(&option(name), text)?.trim().to_owned());
            }
        }
        Ok(self)
    }

    /// What was entered, by the names of [`domain::destination`].
    fn entered(&self) -> EnteredFields<'_> {
        let Self { place, channel, signing_secret, slack_api, .. } = self;
        let Self { endpoint, token, queue, label, .. } = self;
        let AddressArgs { email, slack, slack_app, teams, discord, .. } = place;
        let AddressArgs { pagerduty, ntfy, webhook, activity, .. } = place;
        let all = [
            ("email", email),
            ("slack", slack),
            ("slack_app", slack_app),
            ("channel", channel),
            ("signing_secret", signing_secret),
            ("slack_api", slack_api),
            ("teams", teams),
            ("discord", discord),
            ("pagerduty", pagerduty),
            ("endpoint", endpoint),
            ("ntfy", ntfy),
            ("token", token),
            ("webhook", webhook),
            ("activity", activity),
            ("queue", queue),
            ("label", label),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }

    const fn every_incident(&self) -> Option<bool> {
        match (self.every_incident, self.no_every_incident) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

/// The option in which a field is given.
fn option(field: &str) -> String {
    field.replace('_', "-")
}

/// Options with what is wrong with them.
fn rejected(errors: &[FieldError]) -> Failure {
    let each = errors.iter().map(|it| format!("{} {}", option(&it.field), it.message));
    let each: Vec<_> = each.collect();
    Failure::Validation(each.join("; "))
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};
    use domain::destination::DestinationKind;

    use super::*;

    fn read(typed: &[&str]) -> Args {
        let typed = [&["add", "--project", "prj_1"][..], typed].concat();
        let matches = Args::augment_args(Command::new("add")).try_get_matches_from(typed);
        <Args as clap::FromArgMatches>::from_arg_matches(&matches.expect("options")).expect("them")
    }

    #[test]
    fn each_secret_also_comes_out_of_a_file_or_from_standard_input() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "canary\n").expect("written");
        let path = format!("@{}", file.path().display());
        for (kind, field) in DestinationKind::all_fields().filter(|(_, field)| field.is_secret) {
            let (given, address) =
                (format!("--{}", option(field.name)), format!("--{}", option(kind.as_str())));
            for place in ["@-", &path] {
                let typed = [given.as_str(), place, &address, "x"];
                let typed = if given == address { &typed[..2] } else { &typed[..] };
                let args = read(typed).with_secrets(&b"canary\n"[..]).expect("a secret");
                assert_eq!(args.entered().get(field.name), Some(&"canary"), "{}", field.name);
            }
        }
        let twice = read(&["--ntfy", "@-", "--token", "@-"]).with_secrets(&b"canary"[..]);
        let why = twice.expect_err("standard input twice").to_string();
        assert_eq!(why, "token can read standard input once");
        let label = read(&["--email", "bob@x.test", "--label", "@-"]).with_secrets(&b""[..]);
        assert_eq!(label.expect("a label").entered().get("label"), Some(&"@-"), "is no secret");
    }

    #[test]
    fn no_secret_is_printed() {
        for (kind, field) in DestinationKind::all_fields().filter(|(_, field)| field.is_secret) {
            let (given, address) =
                (format!("--{}", option(field.name)), format!("--{}", option(kind.as_str())));
            let typed = [given.as_str(), "canary", &address, "x"];
            let typed = if given == address { &typed[..2] } else { &typed[..] };
            let printed = format!("{:?}", read(typed));
            assert!(!printed.contains("canary"), "{}: {printed}", field.name);
        }
    }

    #[test]
    fn each_field_of_each_kind_is_an_option() {
        let command = Args::augment_args(Command::new("add"));
        let options: Vec<_> = command.get_arguments().filter_map(|it| it.get_long()).collect();
        for (kind, field) in DestinationKind::all_fields() {
            let name = option(field.name);
            assert!(options.contains(&name.as_str()), "{kind} {name}");
            let given = format!("--{name}");
            let address = format!("--{}", option(kind.as_str()));
            let typed = ["add", "--project", "prj_1", &given, "x", &address, "x"];
            let typed = if given == address { &typed[..5] } else { &typed[..] };
            let matches = Args::augment_args(Command::new("add")).try_get_matches_from(typed);
            let args = <Args as clap::FromArgMatches>::from_arg_matches(&matches.expect("options"));
            assert_eq!(args.expect("options").entered().get(field.name), Some(&"x"), "{kind}");
        }
    }

    #[test]
    fn bad_places_are_validation_errors_that_name_the_option() {
        let error = |field: &str, message: &str| FieldError::new(field, message);
        let failure = rejected(&[error("email", "must be short"), error("slack_api", "is odd")]);
        assert_eq!(failure.to_string(), "email must be short; slack-api is odd");
        assert_eq!(failure.code(), "validation_error");
    }
}
