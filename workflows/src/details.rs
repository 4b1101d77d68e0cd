//! What the web UI and `temporal workflow metadata` show of a running watch: its state and what comes
//! next, in words. It is a part of no history, so it costs no event and no action, and it holds ids,
//! states and times only.

use std::time::Duration;

use domain::watch::{NextStep, WatchState};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The details, as Markdown.
pub(crate) fn render(
    state: &str,
    since: OffsetDateTime,
    now: OffsetDateTime,
    watch_state: &WatchState,
) -> String {
    let incident = watch_state.incident.as_ref();
    let incident = incident.map(|incident| format!("\n\nIncident: `{}`", incident.incident_id));
    let until = |wait_ms: u64| at(now.saturating_add(wait(wait_ms)));
    let next = match watch_state.next {
        NextStep::Finish => "nothing but alerts that are on their way".to_owned(),
        NextStep::WaitForResult { wait_ms } => {
            format!("without a result the incident opens at {}", until(wait_ms))
        }
        NextStep::WaitForPeople => "an operator, or a late success".to_owned(),
        NextStep::WaitForExtension { replay_id, wait_ms } => {
            format!("an extension has `{replay_id}` until {}", until(wait_ms))
        }
        NextStep::SendCallback { replay_id } => {
            let made = watch_state.reprocess.as_ref().map_or(0, |latest| latest.attempts);
            format!("the callback of `{replay_id}`; attempts so far: {made}")
        }
        NextStep::WaitForRepair { replay_id, wait_ms } => {
            format!("without a result `{replay_id}` ends at {}", until(wait_ms))
        }
        NextStep::Unknown => "asks the database every minute".to_owned(),
    };
    format!("**{state}** since {}{}\n\nNext: {next}", at(since), incident.unwrap_or_default())
}

/// Before the database was asked for the first time.
pub(crate) fn pending(deadline: OffsetDateTime) -> String {
    format!("**pending**\n\nNext: without a result the incident opens at {}", at(deadline))
}

fn wait(wait_ms: u64) -> time::Duration {
    time::Duration::try_from(Duration::from_millis(wait_ms)).unwrap_or(time::Duration::MAX)
}

/// To the second, which is what people compare.
fn at(time: OffsetDateTime) -> String {
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_else(|_| whole.to_string())
}

#[cfg(test)]
mod tests {
    use domain::event::Effect;
    use domain::ids::{IncidentId, ReplayId};
    use domain::incident::IncidentState;
    use domain::watch::IncidentView;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_step_says_what_comes_next_and_when() {
        let replay_id = ReplayId::from_uuid(Uuid::nil());
        let incident_id = IncidentId::from_uuid(Uuid::nil());
        let (since, now) =
            (datetime!(2026-11-29 3:00:00.5 UTC), datetime!(2026-11-29 3:10:00.25 UTC));
        for (next, words) in [
            (NextStep::Finish, "Next: nothing but alerts that are on their way".to_owned()),
            (
                NextStep::WaitForResult { wait_ms: 60_000 },
                "Next: without a result the incident opens at 2026-11-29T03:11:00Z".to_owned(),
            ),
            (NextStep::WaitForPeople, "Next: an operator, or a late success".to_owned()),
            (
                NextStep::WaitForExtension { replay_id, wait_ms: 60_000 },
                format!("Next: an extension has `{replay_id}` until 2026-11-29T03:11:00Z"),
            ),
            (
                NextStep::SendCallback { replay_id },
                format!("Next: the callback of `{replay_id}`; attempts so far: 0"),
            ),
            (
                NextStep::WaitForRepair { replay_id, wait_ms: u64::MAX },
                format!("Next: without a result `{replay_id}` ends at 9999-12-31T23:59:59Z"),
            ),
            (NextStep::Unknown, "Next: asks the database every minute".to_owned()),
        ] {
            let watch_state = WatchState {
                effect: Effect::Missing.into(),
                incident: Some(IncidentView { incident_id, state: IncidentState::Open.into() }),
                reprocess: None,
                alerts: Vec::new(),
                asks: Vec::new(),
                next,
            };
            let head = format!("**open** since 2026-11-29T03:00:00Z\n\nIncident: `{incident_id}`");
            let text = render("open", since, now, &watch_state);
            assert_eq!(text, format!("{head}\n\n{words}"));
        }
    }
}
