//! `extension add`.

use api::v1::responses;
use domain::alert::one_line;
use domain::extension::{ExtensionKind, NewExtension};
use domain::field::FieldError;
use serde_json::{Map, Value};
use store::ChangeError;
use store::administration::extension::{ExtensionRejection, add_extension};

use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::{Context, random};

pub const HELP: &str = "\
Examples:
  sendpromptly extension add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --point before_incident \\
      --activity credits.verify --queue sendpromptly-ext.credits --budget 60s --trust propose
  sendpromptly extension add --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --point reprocess \\
      --url https://shop.example.com/reprocess --fallback callback

It is asked about events that are received from now on. Try it with `sendpromptly extension trial`. The task \
queue begins with sendpromptly-ext. and its worker runs in the namespace of sendpromptly's own workers.";

/// What is registered in which project.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    /// When it is asked: `before_incident`, `after_failure` or `reprocess`.
    #[arg(long)]
    point: String,
    /// The name of the activity, as its worker registered it.
    #[arg(long, value_name = "NAME", required_unless_present = "url", conflicts_with = "url")]
    activity: Option<String>,
    /// The activity's task queue; begins with sendpromptly-ext.
    #[arg(long, value_name = "NAME", required_unless_present = "url", conflicts_with = "url")]
    queue: Option<String>,
    /// An endpoint instead of an activity; it gets signed requests.
    #[arg(long)]
    url: Option<String>,
    /// How long it may take to answer, from 5s to 600s.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    budget: String,
    /// How long the activity may be silent while it works, 2s to 15s, if it sends heartbeats: its worker counts as dead
    /// then, and another one is asked.
    #[arg(long, value_name = "TIME", conflicts_with = "url")]
    heartbeat: Option<String>,
    /// Whether an answer is shown to a person, `propose`, or counts as a result, `settle`. Default: `propose` in live
    /// projects, `settle` in test projects.
    #[arg(long)]
    trust: Option<String>,
    /// What follows if it does not take over a reprocess: the signed `callback`, or `none`. Default: `callback`.
    #[arg(long)]
    fallback: Option<String>,
    /// Calls above so many a second are not made, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = domain::extension::DEFAULT_CALLS_PER_SECOND)]
    calls_per_second: i32,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let fields = read_fields(&args)?;
    let admin = AdminContext::open(context).await?;
    let project = admin.project(&args.project).await?;
    let new = NewExtension::read(&fields, project.mode, &admin.callback_allow()?);
    let new = new.map_err(|errors| rejected_fields(&errors))?;
    let secret = match new.target.kind() {
        ExtensionKind::Activity => None,
        ExtensionKind::Https => Some(random::signing_secret()?),
    };
    let key = admin.master_key().await?;
    let added = admin.transaction(async |tx| {
        add_extension(tx, &admin.actor, &key, project.id, &new, secret.as_ref()).await
    });
    let added = added.await.map_err(rejected)?;
    let asked = format!(
        "{} is registered at {} of {}. It is asked about events that are received from now on.\n\
         Try it: sendpromptly extension trial {} --example",
        one_line(&added.name()),
        added.point,
        one_line(&project.name),
        added.id
    );
    let shown = secret.map(|secret| secret.reveal());
    let human = match &shown {
        Some(secret) => {
            format!("{asked}\n\nSigning secret: {secret}\nKeep it now: it is not shown again.")
        }
        None => asked,
    };
    CommandOutput::new(&responses::added_extension(&added, shown), human)
}

/// The options as the fields of a registration.
fn read_fields(args: &Args) -> Result<Map<String, Value>, Failure> {
    let texts = [
        ("point", Some(&args.point)),
        ("activity", args.activity.as_ref()),
        ("queue", args.queue.as_ref()),
        ("url", args.url.as_ref()),
        ("trust", args.trust.as_ref()),
        ("fallback", args.fallback.as_ref()),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?.as_str()))));
    let mut fields: Map<_, _> = texts.collect();
    fields.insert("budget_seconds".to_owned(), read_seconds("budget", &args.budget)?.into());
    if let Some(heartbeat) = &args.heartbeat {
        let seconds = read_seconds("heartbeat", heartbeat)?;
        fields.insert("heartbeat_seconds".to_owned(), seconds.into());
    }
    fields.insert("calls_per_second".to_owned(), args.calls_per_second.into());
    Ok(fields)
}

/// Seconds: `60s`, `2m`, or a bare number.
fn read_seconds(option: &str, text: &str) -> Result<i64, Failure> {
    let (number, factor) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(seconds), _) => (seconds, 1),
        (None, Some(minutes)) => (minutes, 60),
        (None, None) => (text, 1),
    };
    let number = number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
    number.ok_or_else(|| Failure::option(option, "must be a time such as 60s or 2m"))
}

fn rejected_fields(errors: &[FieldError]) -> Failure {
    let sentences = errors.iter().map(|error| {
        let option = match error.field.as_str() {
            "budget_seconds" => "budget",
            "heartbeat_seconds" => "heartbeat",
            field => field,
        };
        format!("{option} {}", error.message)
    });
    Failure::Validation(sentences.collect::<Vec<_>>().join("; "))
}

fn rejected(error: ChangeError<ExtensionRejection>) -> anyhow::Error {
    match error.rejection() {
        Ok(why @ ExtensionRejection::Registered(_)) => {
            Failure::option("this extension", why).into()
        }
        Ok(ExtensionRejection::NoProject) => {
            Failure::NotFound("there is no such project".to_owned()).into()
        }
        Ok(why @ ExtensionRejection::TooMany) => Failure::Validation(why.to_string()).into(),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_said_in_seconds_or_minutes() {
        for (text, seconds) in [("60s", 60), ("2m", 120), ("45", 45)] {
            assert_eq!(read_seconds("budget", text).expect(text), seconds);
        }
        for text in ["", "s", "1h", "a minute", "99999999999999999999m"] {
            let failure = read_seconds("budget", text).expect_err("no time");
            assert_eq!(failure.to_string(), "budget must be a time such as 60s or 2m");
        }
    }

    #[test]
    fn a_rejection_names_the_option() {
        let errors = [
            FieldError::new("queue", "must begin with it"),
            FieldError::new("budget_seconds", "must be less"),
        ];
        let failure = rejected_fields(&errors);
        assert_eq!(failure.to_string(), "queue must begin with it; budget must be less");
        assert_eq!(failure.code(), "validation_error");
    }
}
