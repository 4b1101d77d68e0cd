//! Which alerts go out alone and which the messages about their cause stand for, and when the next
//! of those messages is due.
//!
//! A destination is told of a cause in episodes. The first incident of one is told by its own alert.
//! While it lasts, what else happens to its incidents is told by messages about the cause: as soon as
//! there are 10 incidents, 100, 1,000 and so on, otherwise fifteen minutes after the last message,
//! and once when none is left. An incident that opens after that begins the next episode. To a destination
//! that was not there when the cause began, the first of its incidents that something happens to is the first; where that
//! healed or was acknowledged, the first that opens afterwards is told by a message that is due immediately.

use time::Duration;

use super::AlertKind;

/// The longest that an incident waits to be told by a message about its cause.
pub const AT_LEAST_EVERY: Duration = Duration::minutes(15);

/// How long after its end a cause that comes back is the same conversation.
pub const SAME_CONVERSATION: Duration = Duration::DAY;

/// What a destination knows of an incident by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    Nothing,
    /// An alert of its own.
    Alert,
    /// A message about its cause, sent or still to be sent.
    Cause,
}

/// The episode of a cause that a destination was told of last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episode {
    /// How many incidents it has.
    pub incidents: i32,
    /// Whether the alert is about the incident that was told alone.
    pub is_first: bool,
    /// Whether that incident is resolved, and nothing of the episode is still to be told.
    pub is_first_resolved: bool,
    /// Whether it began with what healed or was acknowledged, and nothing that opened is told of it yet.
    pub is_quiet: bool,
    /// How long ago its end was noticed.
    pub ended: Option<Duration>,
}

/// How an alert is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// By itself.
    Alone,
    /// By itself, as the first of an episode.
    First {
        /// In the conversation of the episode before.
        follows: bool,
    },
    /// By the next message about the cause.
    ByCause {
        /// The destination has not known of its incident.
        joins: bool,
        /// That message is due immediately.
        is_due: bool,
    },
}

impl Telling {
    /// How an alert is told to a destination that messages about causes go to.
    #[must_use]
    pub fn decide(kind: AlertKind, known: KnownBy, episode: Option<Episode>) -> Self {
        let opens = kind.opens();
        let recent = episode.filter(|it| it.ended.is_none_or(|passed| passed < SAME_CONVERSATION));
        let Some(episode) = recent else {
            // Also what has healed, or is acknowledged, before the destination was there: many of a cause are as many
            // messages otherwise.
            let begins = known == KnownBy::Nothing;
            return if begins { Self::First { follows: false } } else { Self::Alone };
        };
        if episode.is_first {
            let alone = episode.incidents == 1 || kind == AlertKind::IncidentOpened;
            return if alone { Self::Alone } else { Self::by_cause(false) };
        }
        let is_over = episode.ended.is_some()
            || (episode.incidents == 1 && episode.is_first_resolved && opens);
        match known {
            KnownBy::Cause => Self::by_cause(false),
            KnownBy::Alert => Self::Alone,
            KnownBy::Nothing if is_over && opens => Self::First { follows: true },
            KnownBy::Nothing => Self::ByCause { joins: true, is_due: opens && episode.is_quiet },
        }
    }

    /// By a message that is due when it is.
    const fn by_cause(joins: bool) -> Self {
        Self::ByCause { joins, is_due: false }
    }
}

impl AlertKind {
    /// Whether it says that something is to be done.
    #[must_use]
    pub const fn opens(self) -> bool {
        match self {
            Self::IncidentOpened | Self::ReprocessFailed => true,
            Self::IncidentAcknowledged | Self::IncidentResolved => false,
        }
    }
}

/// What a destination was told of a running episode, and what there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many incidents there are.
    pub incidents: i32,
    /// How many there were when the last message was written.
    pub told: i32,
    /// Whether anything happened to one of them since then.
    pub has_news: bool,
    /// How long ago that was.
    pub since_last: Duration,
    /// Whether no incident of the cause is left to be resolved.
    pub is_over: bool,
}

/// The message about a cause that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseMessage {
    NotYet,
    Update,
    End,
    /// It is over, and the one incident's own alerts told all of it: no alert waits for a message.
    EndUntold,
}

impl CauseMessage {
    #[must_use]
    pub fn decide(progress: Progress) -> Self {
        let Progress { incidents, told, has_news, since_last, is_over } = progress;
        if is_over {
            // What is folded waits for a message, also where one incident began again after others of its cause.
            return if incidents > 1 || has_news { Self::End } else { Self::EndUntold };
        }
        let due =
            has_news && (crosses_power_of_ten(told, incidents) || since_last >= AT_LEAST_EVERY);
        if due { Self::Update } else { Self::NotYet }
    }
}

/// Whether 10, 100, 1,000 … is more than the one and not more than the other.
fn crosses_power_of_ten(told: i32, incidents: i32) -> bool {
    let powers = (1..=9).map(|exponent| 10_i32.pow(exponent));
    powers.filter(|power| *power > told).any(|power| power <= incidents)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: Episode = Episode {
        incidents: 3,
        is_first: false,
        is_first_resolved: false,
        is_quiet: false,
        ended: None,
    };

    fn ended(passed: Duration) -> Episode {
        Episode { ended: Some(passed), ..RUNNING }
    }

    #[test]
    fn the_first_incident_of_an_episode_is_told_alone_and_what_follows_by_the_cause() {
        use AlertKind::{IncidentAcknowledged, IncidentOpened, IncidentResolved, ReprocessFailed};
        let first = Some(Episode { is_first: true, ..RUNNING });
        let only = Some(Episode { is_first: true, incidents: 1, ..RUNNING });
        let healed = Some(Episode { incidents: 1, is_first_resolved: true, ..RUNNING });
        let (joins, of_cause) = (Telling::by_cause(true), Telling::by_cause(false));
        let (begins, follows) =
            (Telling::First { follows: false }, Telling::First { follows: true });
        for (kind, known, episode, telling) in [
            (IncidentOpened, KnownBy::Nothing, None, begins),
            (ReprocessFailed, KnownBy::Nothing, None, begins),
            (IncidentResolved, KnownBy::Nothing, None, begins),
            (IncidentResolved, KnownBy::Alert, None, Telling::Alone),
            (IncidentOpened, KnownBy::Nothing, Some(RUNNING), joins),
            (IncidentResolved, KnownBy::Nothing, Some(RUNNING), joins),
            (ReprocessFailed, KnownBy::Cause, Some(RUNNING), of_cause),
            (IncidentResolved, KnownBy::Alert, Some(RUNNING), Telling::Alone),
            // It is tried again, after a failure or a crash.
            (IncidentOpened, KnownBy::Nothing, first, Telling::Alone),
            (IncidentOpened, KnownBy::Nothing, only, Telling::Alone),
            (IncidentResolved, KnownBy::Alert, only, Telling::Alone),
            (IncidentResolved, KnownBy::Alert, first, of_cause),
            (ReprocessFailed, KnownBy::Alert, first, of_cause),
            (IncidentOpened, KnownBy::Nothing, healed, follows),
            (IncidentOpened, KnownBy::Nothing, Some(ended(Duration::HOUR)), follows),
            (IncidentResolved, KnownBy::Nothing, Some(ended(Duration::HOUR)), joins),
            (IncidentOpened, KnownBy::Nothing, Some(ended(Duration::DAY)), begins),
            (IncidentAcknowledged, KnownBy::Nothing, None, begins),
            (IncidentAcknowledged, KnownBy::Alert, only, Telling::Alone),
            (IncidentAcknowledged, KnownBy::Alert, first, of_cause),
            (IncidentAcknowledged, KnownBy::Cause, Some(RUNNING), of_cause),
        ] {
            assert_eq!(
                Telling::decide(kind, known, episode),
                telling,
                "{kind} {known:?} {episode:?}"
            );
        }
    }

    #[test]
    fn what_opens_after_a_late_destination_was_told_of_what_heals_is_told_immediately() {
        use AlertKind::{IncidentAcknowledged, IncidentOpened, IncidentResolved, ReprocessFailed};
        let quiet = Some(Episode { is_quiet: true, ..RUNNING });
        for (kind, known, is_due) in [
            (IncidentOpened, KnownBy::Nothing, true),
            (ReprocessFailed, KnownBy::Nothing, true),
            (IncidentResolved, KnownBy::Nothing, false),
            (IncidentAcknowledged, KnownBy::Nothing, false),
        ] {
            let telling = Telling::ByCause { joins: true, is_due };
            assert_eq!(Telling::decide(kind, known, quiet), telling, "{kind}");
        }
        let known = Telling::decide(ReprocessFailed, KnownBy::Cause, quiet);
        assert_eq!(known, Telling::by_cause(false));
    }

    #[test]
    fn the_next_message_comes_at_powers_of_ten_every_fifteen_minutes_and_at_the_end() {
        let (soon, late) = (Duration::seconds(1), AT_LEAST_EVERY);
        for (told, incidents, has_news, since_last, is_over, due) in [
            (1, 1, false, late, false, CauseMessage::NotYet),
            (1, 9, true, soon, false, CauseMessage::NotYet),
            (1, 9, true, late, false, CauseMessage::Update),
            (1, 10, true, soon, false, CauseMessage::Update),
            (10, 99, true, soon, false, CauseMessage::NotYet),
            (10, 100, true, soon, false, CauseMessage::Update),
            (1, 2_000, true, soon, false, CauseMessage::Update),
            (2_000, 9_999, true, soon, false, CauseMessage::NotYet),
            (999_999_999, i32::MAX, true, soon, false, CauseMessage::Update),
            (100, 100, true, late, false, CauseMessage::Update),
            (100, 100, false, late, false, CauseMessage::NotYet),
            (100, 214, true, soon, true, CauseMessage::End),
            (214, 214, false, soon, true, CauseMessage::End),
            (1, 1, false, soon, true, CauseMessage::EndUntold),
            (1, 1, true, soon, true, CauseMessage::End),
        ] {
            let progress = Progress { incidents, told, has_news, since_last, is_over };
            assert_eq!(CauseMessage::decide(progress), due, "{progress:?}");
        }
    }
}
