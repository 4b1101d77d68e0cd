//! What a person is told in Slack of the button that they pressed, and nobody else sees.

use domain::destination::SlackUserId;
use domain::slack_action::SlackOrder;

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

pub(super) fn rejected(why: &str) -> String {
    format!("Nothing was changed: {}.", escape(why))
}

/// Makes Slack's commands plain letters.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
