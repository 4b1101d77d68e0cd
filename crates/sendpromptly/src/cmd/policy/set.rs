//! `policy set`.

use std::str::FromStr;

use api::v1::responses;
use domain::catalogue::EffectType;
use domain::ids::ProjectId;
use domain::reprocess_policy::{PolicySettings, takes};
use store::administration::policy::{PolicyRejection, set_policy};
use store::policies;

use super::{PolicyArgs, none_set};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly policy set --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --effect-type credit_grant --auto \\
      --attempts 1 --delay 0s --stop-failed 5/10 --stop-customers 20
  sendpromptly policy set --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --effect-type access_revocation --auto \\
      --allow access_revocation

A policy is set as a whole: what is not given has its default. It stops for a cause (why the incidents \
were opened, their error code, event type and effect) when 5 of the last 10 automatic reprocesses failed, \
or when more than 20 customers are affected at once. It goes on after `sendpromptly policy reset`, never by \
itself.";

/// Which policy, and how it shall be.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
    /// Start reprocesses without a person. To turn that off: sendpromptly policy off.
    #[arg(long)]
    auto: bool,
    /// How many reprocesses are started for one incident, 1 to 5.
    #[arg(long, default_value_t = 1)]
    attempts: i32,
    /// How long before each of them: 0s to 24h, such as 90s or 5m.
    #[arg(long, default_value = "0s", allow_hyphen_values = true)]
    delay: Delay,
    /// Stop for a cause when so many of so many latest automatic reprocesses failed.
    #[arg(long, default_value = "5/10", value_name = "FAILED/OF")]
    stop_failed: Share,
    /// Stop for a cause when more customers than these are affected at once.
    #[arg(long, default_value_t = 20, value_name = "CUSTOMERS")]
    stop_customers: i32,
    /// Let alerts wait for the outcome.
    #[arg(long)]
    wait_alerts: bool,
    /// The effect once more: without it, what takes something from customers stays manual.
    #[arg(long, value_name = "EFFECT")]
    allow: Option<String>,
}

/// A time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delay(i32);

impl FromStr for Delay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "must be a whole number with its unit: 90s, 5m or 1h";
        let text = text.trim();
        let unit = text.chars().last().ok_or(wrong)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return Err(wrong),
        };
        let number: i32 = text[..text.len() - 1].parse().map_err(|_| wrong)?;
        number.checked_mul(seconds).map(Self).ok_or(wrong)
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    failed: i32,
    of: i32,
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "must be two whole numbers such as 5/10";
        let (failed, of) = text.split_once('/').ok_or(wrong)?;
        let read = |text: &str| text.trim().parse().map_err(|_| wrong);
        Ok(Self { failed: read(failed)?, of: read(of)? })
    }
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    if !args.auto {
        let why = "give --auto to let reprocesses start without a person; to turn that off: sendpromptly policy off";
        return Err(Failure::Validation(why.to_owned()).into());
    }
    let effect_type = args.policy.effect_type()?;
    let settings = args.settings(&effect_type)?;
    let admin = AdminContext::open(context).await?;
    let project = admin.project(&args.policy.project).await?;
    let set = admin
        .transaction(async |tx| {
            set_policy(tx, &admin.actor, project.id, &effect_type, &settings).await
        })
        .await;
    let changed = match set {
        Ok(changed) => changed,
        Err(error) => return Err(rejected(project.id, error.rejection()?).into()),
    };
    let policy = policies::find_policy(&admin.pool, project.id, &effect_type).await?;
    let policy = policy.ok_or_else(|| none_set(project.id, &effect_type))?;
    let stops = policies::list_stops(&admin.pool, project.id, responses::MAX_STOPS).await?;
    let state = if changed { "is on" } else { "was so already" };
    let mut human = format!("Automatic reprocess of {effect_type} {state}.");
    if project.repair_url.is_none() {
        human.push_str(
            "\nThe project has no repair URL: until it has one, only an extension can reprocess.",
        );
    }
    if takes(&effect_type) {
        human.push_str("\nIt takes something from customers without asking anybody.");
    }
    CommandOutput::new(&responses::policy(policy, &stops), human)
}

impl Args {
    fn settings(&self, effect_type: &EffectType) -> Result<PolicySettings, Failure> {
        let may_take = match &self.allow {
            Some(text) => PolicySettings::read_allow(effect_type, text)
                .map_err(|why| Failure::option("allow", why))?,
            None => false,
        };
        Ok(PolicySettings {
            enabled: self.auto,
            attempts: self.attempts,
            delay_seconds: self.delay.0,
            stop_failed: self.stop_failed.failed,
            stop_of: self.stop_failed.of,
            stop_customers: self.stop_customers,
            wait_alerts: self.wait_alerts,
            may_take,
        })
    }
}

fn rejected(project_id: ProjectId, rejection: PolicyRejection) -> Failure {
    match rejection {
        PolicyRejection::NoProject => no_such("project", project_id),
        PolicyRejection::UnknownEffect(why) => Failure::option("effect_type", why),
        PolicyRejection::Invalid(broken) => {
            let broken = broken.iter().map(|why| format!("{} {why}", why.field()));
            Failure::Validation(broken.collect::<Vec<_>>().join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_have_units_and_shares_two_numbers() {
        for (text, seconds) in [("0s", 0), ("90s", 90), (" 5m ", 300), ("24h", 86_400), ("-1s", -1)]
        {
            assert_eq!(text.parse(), Ok(Delay(seconds)), "{text}");
        }
        for text in ["", "5", "m", "5d", "1.5h", "999999999h", "5é"] {
            assert!(text.parse::<Delay>().is_err(), "{text}");
        }
        assert_eq!("5/10".parse(), Ok(Share { failed: 5, of: 10 }));
        for text in ["", "5", "/", "5/", "a/b", "5/10/2", "99999999999/1"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
