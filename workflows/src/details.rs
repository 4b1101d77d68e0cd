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
    let incident = incident.map(|incident| match &incident.url {
        Some(url) => format!("\n\nIncident: <{url}>"),
        None => format!("\n\nIncident: `{}`", incident.incident_id),
    });
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
            let latest = watch_state.reprocess.as_ref();
            let due = latest.and_then(|latest| latest.next_attempt_at).filter(|due| *due > now);
            let due = due.map(|due| format!(", the next one at {}", at(due)));
            let made = latest.map_or(0, |latest| latest.attempts);
            format!(
                "the callback of `{replay_id}`; attempts so far: {made}{}",
                due.unwrap_or_default()
            )
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
    use domain::reprocess::ReprocessState;
    use domain::watch::{IncidentView, ReprocessView};
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
            let state = IncidentState::Open.into();
            let watch_state = WatchState {
                effect: Effect::Missing.into(),
                incident: Some(IncidentView { incident_id, state, url: None }),
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

    #[test]
    fn it_links_to_the_incident_and_says_when_the_callback_is_tried_next() {
        let replay_id = ReplayId::from_uuid(Uuid::nil());
        let url = "https://watch.example.com/incidents/inc_1".to_owned();
        let now = datetime!(2026-11-29 3:10 UTC);
        let text = |next_attempt_at| {
            let state = WatchState {
                effect: Effect::Failed.into(),
                incident: Some(IncidentView {
                    incident_id: IncidentId::from_uuid(Uuid::nil()),
                    state: IncidentState::Reprocessing.into(),
                    url: Some(url.clone()),
                }),
                reprocess: Some(ReprocessView {
                    replay_id,
                    state: ReprocessState::Delivering.into(),
                    attempts: 2,
                    next_attempt_at: Some(next_attempt_at),
                }),
                alerts: Vec::new(),
                asks: Vec::new(),
                next: NextStep::SendCallback { replay_id },
            };
            render("reprocessing", now, now, &state)
        };
        let head = "**reprocessing** since 2026-11-29T03:10:00Z\n\n\
                    Incident: <https://watch.example.com/incidents/inc_1>\n\n\
                    Next: the callback of `rpl_00000000000000000000000000`; attempts so far: 2";
        assert_eq!(
            text(datetime!(2026-11-29 3:20 UTC)),
            format!("{head}, the next one at 2026-11-29T03:20:00Z")
        );
        assert_eq!(text(now), head, "it is being made");
    }
}
