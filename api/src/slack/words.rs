//! What a person is told in Slack of the button that they pressed, and nobody else sees.

use domain::destination::SlackUserId;
use domain::slack_action::{SlackCauseOrder, SlackOrder};
use store::slack_presses::Changed;

/// Nobody is known by this id.
pub(super) fn unknown(public_url: &str, user: &SlackUserId) -> String {
    let user = user.as_str();
    format!(
        "Nothing was changed: your Slack user {user} belongs to no operator of sendpromptly. Sign in at {public_url}/account \
         and enter {user} under Slack, or have an admin run: `sendpromptly operator slack --email … --user {user}`"
    )
}

pub(super) fn viewer(public_url: &str, email: &str) -> String {
    let email = escape(email);
    format!(
        "Nothing was changed: {email} is a viewer, and a viewer changes nothing. An admin gives you the role operator at \
         {public_url}/people"
    )
}

/// The incident is not of this destination's project, or left with its retention.
pub(super) fn gone() -> String {
    "Nothing was changed: this incident is not there any more.".to_owned()
}

pub(super) fn done(order: SlackOrder, email: &str) -> String {
    let email = escape(email);
    match order {
        SlackOrder::Acknowledge => {
            format!("Acknowledged, as {email}. Your colleagues see that you look after it.")
        }
        SlackOrder::Reprocess => {
            format!("Your app is asked to do it again, as {email}. What comes of it appears above.")
        }
        SlackOrder::Snooze => {
            format!("Snoozed for an hour, as {email}. Nobody is told of it again until then.")
        }
    }
}

/// What this press changes; none where it came a second time.
pub(super) fn done_for_cause(
    public_url: &str,
    order: SlackCauseOrder,
    changed: Option<Changed>,
    email: &str,
) -> String {
    let email = escape(email);
    let many = match changed.map(|changed| changed.incidents) {
        None => "them".to_owned(),
        Some(1) => "1 incident".to_owned(),
        Some(more) => format!("{more} incidents"),
    };
    let bulk_id = changed.and_then(|changed| changed.bulk_id);
    let how_far = bulk_id.map(|id| format!(" How far it is: {public_url}/bulk/{id}"));
    match order {
        SlackCauseOrder::AcknowledgeAll => format!(
            "Acknowledging {many}, as {email}. Your colleagues see that you look after all of this cause.{}",
            how_far.unwrap_or_default()
        ),
        SlackCauseOrder::SnoozeAll => {
            format!("Snoozed {many} for an hour, as {email}. Nobody is told again until then.")
        }
    }
}

pub(super) fn rejected(why: &str) -> String {
    format!("Nothing was changed: {}.", escape(why))
}

/// Makes Slack's commands plain letters.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
