//! The neighbours in every bad mood: the mail server, Slack, the shops' repair endpoint, and other services that alerts
//! go to.

use std::time::Duration;

use super::{Fault, Kind, Scene, Shows, seconds};
use crate::journal::Journal;
use crate::stage::neighbours::{Mood as HttpMood, Neighbour};
use crate::stage::relay::Relay;
use crate::stage::way::Weather;

/// Whose mood, and which.
#[derive(Clone, Copy)]
pub(super) enum Mood {
    MailDown,
    MailHangs,
    /// The reply to every recipient.
    Mail(&'static str),
    Slack(fn() -> HttpMood),
    Repair(fn() -> HttpMood),
    Relay(Relay, fn() -> HttpMood),
}

impl Mood {
    /// What the shops alert in its rounds beside mail and Slack.
    pub(super) const fn relay(self) -> Option<Relay> {
        match self {
            Self::Relay(relay, _) => Some(relay),
            Self::MailDown | Self::MailHangs | Self::Mail(_) | Self::Slack(_) | Self::Repair(_) => {
                None
            }
        }
    }
}

/// Long enough for incidents to come by, which the deadline takes 12 s for.
const LASTS: (Duration, Duration) = seconds(18, 26);

const ALERTS: Shows =
    Shows::OneOf(&["alerts fail", "failing_destinations", "api check destinations"]);
const CALLBACKS: Shows = Shows::OneOf(&["callbacks fail"]);
/// What holds an attempt up for longer than its patience, or for less.
const ALERTS_HELD: Shows = Shows::OneOf(&["alerts are slow", "alerts fail"]);
const CALLBACKS_HELD: Shows = Shows::OneOf(&["callbacks are slow", "callbacks fail"]);
/// A body that is too long is no fault of anybody's work.
const CUT_OFF: Shows = Shows::Nothing(
    "the worker reads as much of a response as it keeps, so the callback is delivered as fast as any other",
);

const fn fault(name: &'static str, what: &'static str, shows: Shows, mood: Mood) -> Fault {
    Fault { name, family: "neighbours", what, shows, short: false, kind: Kind::Mood(mood) }
}

const fn relay(
    name: &'static str,
    what: &'static str,
    relay: Relay,
    mood: fn() -> HttpMood,
) -> Fault {
    fault(name, what, ALERTS_HELD, Mood::Relay(relay, mood))
}

pub(super) const ALL: &[Fault] = &[
    fault("mail-down", "the mail server is gone", ALERTS, Mood::MailDown),
    fault(
        "mail-hangs",
        "the mail server takes connections and says nothing",
        ALERTS_HELD,
        Mood::MailHangs,
    ),
    fault(
        "mail-4xx",
        "the mail server has every recipient come back later",
        ALERTS,
        Mood::Mail("451 4.3.0 later"),
    ),
    fault(
        "mail-5xx",
        "the mail server rejects every recipient",
        ALERTS,
        Mood::Mail("554 5.7.1 not here"),
    ),
    fault(
        "slack-429",
        "Slack asks for patience (429 with Retry-After)",
        ALERTS,
        Mood::Slack(|| HttpMood::Status("429 Too Many Requests", "Retry-After: 2\r\n")),
    ),
    fault(
        "slack-404",
        "Slack says that the channel is gone",
        ALERTS,
        Mood::Slack(|| HttpMood::Status("404 Not Found", "")),
    ),
    fault(
        "slack-500",
        "Slack fails",
        ALERTS,
        Mood::Slack(|| HttpMood::Status("500 Internal Server Error", "")),
    ),
    fault(
        "slack-302",
        "Slack redirects",
        ALERTS,
        Mood::Slack(|| HttpMood::Status("302 Found", ELSEWHERE)),
    ),
    fault("slack-silent", "Slack never responds", ALERTS_HELD, Mood::Slack(|| HttpMood::Silent)),
    fault(
        "slack-endless",
        "Slack's response never ends",
        ALERTS_HELD,
        Mood::Slack(|| HttpMood::Endless),
    ),
    fault(
        "slack-hangs-up",
        "Slack takes the message and hangs up",
        ALERTS,
        Mood::Slack(|| HttpMood::HangUp),
    ),
    fault(
        "repair-slow",
        "the repair endpoint takes 5 s",
        CALLBACKS_HELD,
        Mood::Repair(|| HttpMood::Slow(Duration::from_secs(5))),
    ),
    fault(
        "repair-silent",
        "the repair endpoint never responds",
        CALLBACKS_HELD,
        Mood::Repair(|| HttpMood::Silent),
    ),
    fault(
        "repair-huge",
        "the repair endpoint responds with 30 MB",
        CUT_OFF,
        Mood::Repair(|| HttpMood::Huge(30_000_000)),
    ),
    fault(
        "repair-endless",
        "the repair endpoint's response never ends",
        CALLBACKS_HELD,
        Mood::Repair(|| HttpMood::Endless),
    ),
    fault(
        "repair-hangs-up",
        "the repair endpoint does the work and hangs up",
        CALLBACKS,
        Mood::Repair(|| HttpMood::HangUp),
    ),
    fault(
        "repair-500",
        "the repair endpoint fails",
        CALLBACKS,
        Mood::Repair(|| HttpMood::Status("500 Internal Server Error", "")),
    ),
    fault(
        "repair-410",
        "the repair endpoint says that it is gone",
        CALLBACKS,
        Mood::Repair(|| HttpMood::Status("410 Gone", "")),
    ),
    fault(
        "repair-429",
        "the repair endpoint asks for patience (429 with Retry-After)",
        CALLBACKS,
        Mood::Repair(|| HttpMood::Status("429 Too Many Requests", "Retry-After: 3\r\n")),
    ),
    fault(
        "repair-302",
        "the repair endpoint redirects, to where nobody may be sent",
        CALLBACKS,
        Mood::Repair(|| HttpMood::Status("302 Found", ELSEWHERE)),
    ),
    fault(
        "repair-307",
        "the repair endpoint redirects callbacks as they are",
        CALLBACKS,
        Mood::Repair(|| HttpMood::Status("307 Temporary Redirect", ELSEWHERE)),
    ),
    relay("discord-429", "Discord asks for patience (429)", Relay::Discord, || {
        HttpMood::Status("429 Too Many Requests", "Retry-After: 2\r\n")
    }),
    relay("discord-endless", "Discord's response never ends", Relay::Discord, || HttpMood::Endless),
    relay("ntfy-500", "the ntfy server fails", Relay::Ntfy, || {
        HttpMood::Status("500 Internal Server Error", "")
    }),
    relay("ntfy-silent", "the ntfy server never responds", Relay::Ntfy, || HttpMood::Silent),
    relay("pagerduty-429", "PagerDuty asks for patience (429)", Relay::PagerDuty, || {
        HttpMood::Status("429 Too Many Requests", "")
    }),
    relay("pagerduty-hangs-up", "PagerDuty takes the event and hangs up", Relay::PagerDuty, || {
        HttpMood::HangUp
    }),
    relay("teams-404", "Teams says that the workflow is gone", Relay::Teams, || {
        HttpMood::Status("404 Not Found", "")
    }),
    relay("teams-302", "Teams redirects", Relay::Teams, || {
        HttpMood::Status("302 Found", ELSEWHERE)
    }),
    relay("webhook-500", "the webhook's receiver fails", Relay::Webhook, || {
        HttpMood::Status("500 Internal Server Error", "")
    }),
    relay("webhook-307", "the webhook's receiver redirects", Relay::Webhook, || {
        HttpMood::Status("307 Temporary Redirect", ELSEWHERE)
    }),
    relay(
        "webhook-endless",
        "the response of the webhook's receiver never ends",
        Relay::Webhook,
        || HttpMood::Endless,
    ),
];

/// A redirect to [`crate::stage::neighbours::ELSEWHERE`].
const ELSEWHERE: &str = "Location: /elsewhere\r\n";

pub(super) async fn strike(mood: Mood, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let time = scene.dice.between(LASTS.0, LASTS.1);
    // A response that says no says it after the message was kept, as that of a dying server may.
    scene.journal.crashed();
    match mood {
        Mood::MailDown => weather("the mail server down", Weather::Cut, time, scene).await,
        Mood::MailHangs => weather("the mail server silent", Weather::Hold, time, scene).await,
        Mood::Mail(reply) => {
            scene.stage.neighbours.mail.respond_to_all_recipients_with(Some(reply));
            scene.journal.lasting(format!("mail: {reply}"), time).await;
            scene.stage.neighbours.mail.respond_to_all_recipients_with(None);
        }
        Mood::Slack(mood) => {
            let slack = &scene.stage.neighbours.slack;
            sulk("Slack", mood(), time, slack, scene.journal).await;
        }
        Mood::Repair(mood) => {
            let repair = &scene.stage.neighbours.repair;
            sulk("repair endpoint", mood(), time, repair, scene.journal).await;
        }
        Mood::Relay(relay, mood) => {
            let neighbour = &scene.stage.neighbours.relay;
            sulk(relay.name(), mood(), time, neighbour, scene.journal).await;
        }
    }
    Ok(())
}

async fn weather(what: &str, weather: Weather, time: Duration, scene: &mut Scene<'_>) {
    scene.stage.ways.mail.set(weather);
    scene.journal.lasting(what, time).await;
    scene.stage.ways.mail.set(Weather::Fair);
}

async fn sulk(
    name: &str,
    mood: HttpMood,
    time: Duration,
    neighbour: &Neighbour,
    journal: &mut Journal,
) {
    let what = format!("{name}: {}", words(&mood));
    neighbour.set(mood);
    journal.lasting(what, time).await;
    neighbour.set(HttpMood::Good);
}

fn words(mood: &HttpMood) -> String {
    match mood {
        HttpMood::Good => "good".to_owned(),
        HttpMood::Slow(time) => format!("{time:?} slow"),
        HttpMood::Status(status, _) => (*status).to_owned(),
        HttpMood::Huge(_) => "huge responses".to_owned(),
        HttpMood::Endless => "endless responses".to_owned(),
        HttpMood::HangUp => "hangs up".to_owned(),
        HttpMood::Silent => "silent".to_owned(),
    }
}
