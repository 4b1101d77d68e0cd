//! The ways between the parts: slow, stalled, reset, cut.

use std::time::Duration;

use super::{Fault, Kind, Scene, Shows, seconds};
use crate::stage::Ways;
use crate::stage::way::{Way, Weather};

/// Which way, and its weather.
#[derive(Clone, Copy)]
pub(super) struct Trouble {
    way: Leads,
    weather: Weather,
    lasts: (Duration, Duration),
}

#[derive(Clone, Copy)]
enum Leads {
    Postgres,
    Temporal,
    Mail,
    Slack,
    Repair,
}

const SLOW: Weather = Weather::Latency(Duration::from_millis(60));
const A_WHILE: (Duration, Duration) = seconds(8, 14);
const LONG: (Duration, Duration) = seconds(12, 25);

const fn trouble(way: Leads, weather: Weather, lasts: (Duration, Duration)) -> Kind {
    Kind::Network(Trouble { way, weather, lasts })
}

const fn fault(name: &'static str, what: &'static str, shows: Shows, kind: Kind) -> Fault {
    Fault { name, family: "network", what, shows, short: false, kind }
}

const DATABASE: Shows =
    Shows::OneOf(&["api is not ready", "api check database", "responses of 5xx"]);
const TEMPORAL: Shows = Shows::OneOf(&[
    "api check temporal",
    "worker check temporal",
    "worker is not ready",
    "dispatch to Temporal fails",
]);
const ALERTS: Shows =
    Shows::OneOf(&["alerts fail", "failing_destinations", "api check destinations"]);
const CALLBACKS: Shows = Shows::OneOf(&["callbacks fail"]);

pub(super) const ALL: &[Fault] = &[
    fault(
        "slow-postgres",
        "each message to and from Postgres takes 60 ms longer",
        Shows::OneOf(&["calls are slow"]),
        trouble(Leads::Postgres, SLOW, A_WHILE),
    ),
    fault(
        "hold-postgres",
        "nothing comes through to Postgres for 8 to 14 s, then all of it",
        DATABASE,
        trouble(Leads::Postgres, Weather::Hold, A_WHILE),
    ),
    fault(
        "reset-postgres",
        "connections to Postgres are reset, old and new",
        DATABASE,
        trouble(Leads::Postgres, Weather::Reset, A_WHILE),
    ),
    fault(
        "cut-postgres",
        "connections to Postgres end in the middle, new ones at once",
        DATABASE,
        trouble(Leads::Postgres, Weather::Cut, A_WHILE),
    ),
    fault(
        "slow-temporal",
        "each message to and from Temporal takes 60 ms longer",
        Shows::OneOf(&["dispatch to Temporal is slow"]),
        trouble(Leads::Temporal, SLOW, A_WHILE),
    ),
    fault(
        "hold-temporal",
        "nothing comes through to Temporal for 12 to 25 s, then all of it",
        TEMPORAL,
        trouble(Leads::Temporal, Weather::Hold, LONG),
    ),
    fault(
        "reset-temporal",
        "connections to Temporal are reset, old and new",
        TEMPORAL,
        trouble(Leads::Temporal, Weather::Reset, LONG),
    ),
    fault(
        "cut-temporal",
        "connections to Temporal end in the middle, new ones at once",
        TEMPORAL,
        trouble(Leads::Temporal, Weather::Cut, LONG),
    ),
    fault(
        "reset-mail",
        "connections to the mail server are reset",
        ALERTS,
        trouble(Leads::Mail, Weather::Reset, LONG),
    ),
    fault(
        "hold-slack",
        "nothing comes through to Slack for 12 to 25 s, then all of it",
        Shows::OneOf(&["alerts are slow", "alerts fail"]),
        trouble(Leads::Slack, Weather::Hold, LONG),
    ),
    fault(
        "cut-slack",
        "connections to Slack end in the middle",
        ALERTS,
        trouble(Leads::Slack, Weather::Cut, LONG),
    ),
    fault(
        "reset-repair",
        "connections to the repair endpoint are reset",
        CALLBACKS,
        trouble(Leads::Repair, Weather::Reset, LONG),
    ),
    fault(
        "cut-repair",
        "connections to the repair endpoint end in the middle",
        CALLBACKS,
        trouble(Leads::Repair, Weather::Cut, LONG),
    ),
];

impl Leads {
    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "Postgres",
            Self::Temporal => "Temporal",
            Self::Mail => "the mail server",
            Self::Slack => "Slack",
            Self::Repair => "the repair endpoint",
        }
    }

    const fn way(self, ways: &Ways) -> &Way {
        match self {
            Self::Postgres => &ways.postgres,
            Self::Temporal => &ways.temporal,
            Self::Mail => &ways.mail,
            Self::Slack => &ways.slack,
            Self::Repair => &ways.repair,
        }
    }
}

pub(super) async fn strike(trouble: Trouble, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let Trouble { way, weather, lasts } = trouble;
    let time = scene.dice.between(lasts.0, lasts.1);
    let what = match weather {
        Weather::Fair => "fair",
        Weather::Latency(_) => "slow",
        Weather::Hold => "held",
        Weather::Reset => "reset",
        Weather::Cut => "cut",
    };
    way.way(&scene.stage.ways).set(weather);
    // What arrived without its response coming back may be sent again.
    scene.journal.crashed();
    scene.journal.lasting(format!("the way to {}: {what}", way.name()), time).await;
    way.way(&scene.stage.ways).set(Weather::Fair);
    Ok(())
}
