//! What the page shows.

use askama::Template;
use domain::alert::{
    heading_opened, heading_repair_failed, heading_resolved, humane_after, humane_duration,
    legible, one_line,
};
use domain::ids::ProofLinkId;
use domain::incident::{IncidentState, MAX_NOTE, Reason};
use domain::proof::{DEFAULT_DAYS, MAX_DAYS};
use domain::timeline::{actor_name, short_actor_name};
use store::proof_links::ProofLink;
use time::{Duration, OffsetDateTime};
use web::error::ApiError;

use super::dossier::Dossier;
use super::next::Next;
use crate::facts::{self, Fact, Value};
use crate::frame::{Frame, Section};
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::story::{Line, Running};
use crate::when::When;
use crate::words::Pill;

/// A field of a form as it was sent, with what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) problem: Option<String>,
}

/// What was typed into the forms of the page.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The note of a reprocess or an acknowledgement.
    pub(super) note: Field,
    /// The note of a resolution.
    pub(super) resolve: Field,
    /// How long a proof link opens.
    pub(super) days: Field,
    /// Why nothing was changed.
    pub(super) refusal: Option<String>,
}

impl Typed {
    /// A note that breaks no rule.
    pub(super) fn noted(text: String) -> Self {
        Self { note: Field { text, problem: None }, ..Self::default() }
    }
}

#[derive(Template)]
#[template(path = "pages/incident.html")]
pub(super) struct IncidentPage {
    frame: Frame,
    path: String,
    id: String,
    state: Pill,
    since: Option<When>,
    heading: String,
    taken: Taken,
    quote: Option<String>,
    running: Option<Running>,
    next: Next,
    project_path: String,
    typed: Typed,
    story: Vec<Line>,
    facts: Vec<Fact>,
    links: Vec<Link>,
    max_note: usize,
    max_days: i32,
}

/// What the app took and what it said since.
struct Taken {
    event_type: String,
    provider: String,
    at: When,
    then: String,
    error_code: Option<String>,
}

/// A proof link of the list.
struct Link {
    id: ProofLinkId,
    by: String,
    state: Pill,
    opens: bool,
    expires: When,
    views: i64,
    seen: Option<When>,
}

impl IncidentPage {
    pub(super) async fn new(
        state: &ConsoleState,
        signed_in: &SignedIn,
        dossier: Dossier,
        mut typed: Typed,
    ) -> Result<Self, ApiError> {
        let heading = heading(&dossier);
        let mut frame = Frame::of(state, signed_in, Section::Incidents, heading.as_str()).await?;
        frame.message = typed.refusal.take().map(Message::refused).or(frame.message);
        if typed.days.text.is_empty() && typed.days.problem.is_none() {
            typed.days.text = DEFAULT_DAYS.to_string();
        }
        let now = dossier.now;
        let incident = &dossier.incident;
        let unresolved = incident.state != IncidentState::Resolved;
        Ok(Self {
            path: format!("/incidents/{}", incident.id),
            id: incident.id.to_string(),
            project_path: format!("/projects/{}", dossier.project.id),
            state: pill(&dossier),
            since: unresolved.then(|| When::ago(incident.opened_at, now)),
            heading,
            taken: taken(&dossier),
            quote: incident.error.message.as_deref().map(legible),
            next: Next::of(&dossier, &frame),
            facts: facts::of_incident(state, &dossier.event, &dossier.project, &dossier.alerts),
            links: dossier.links.iter().map(|link| Link::new(link, now)).collect(),
            running: dossier.running,
            story: dossier.story,
            frame,
            typed,
            max_note: MAX_NOTE,
            max_days: MAX_DAYS,
        })
    }
}

/// The sentence that mails begin with, too.
fn heading(Dossier { incident, event, reprocesses, .. }: &Dossier) -> String {
    let (effect, reference) = (&event.effect_type, one_line(&event.internal_reference));
    let last = reprocesses.last().map(|last| last.state).filter(|state| !state.is_running());
    match incident.state {
        IncidentState::Resolved => heading_resolved(effect, &reference, incident.resolution),
        IncidentState::Open | IncidentState::Acknowledged if last.is_some() => {
            heading_repair_failed(effect, &reference, last)
        }
        IncidentState::Open | IncidentState::Acknowledged | IncidentState::Reprocessing => {
            heading_opened(effect, &reference, incident.reason)
        }
    }
}

/// Where it stands; the moment since when follows it while it is not resolved.
fn pill(dossier: &Dossier) -> Pill {
    let incident = &dossier.incident;
    let Pill { class, text } = Pill::of_incident(incident.state);
    let text = match incident.state {
        IncidentState::Open => "Open for".to_owned(),
        IncidentState::Acknowledged => match &dossier.acknowledged_by {
            Some(by) => format!("{text} by {}, open for", short_actor_name(by)),
            None => format!("{text}, open for"),
        },
        IncidentState::Reprocessing => format!("{text}, open for"),
        IncidentState::Resolved => match incident.resolved_at {
            Some(at) => format!("{text} {}", humane_after(at - incident.opened_at)),
            None => text,
        },
    };
    Pill { class, text }
}

fn taken(Dossier { incident, event, .. }: &Dossier) -> Taken {
    let then = match incident.reason {
        Reason::MissingResult => {
            let wait = Duration::minutes(i64::from(event.timeout_minutes));
            format!("It reported no result within {}.", humane_duration(wait))
        }
        Reason::FailedResult => match incident.opened_at - event.received_at {
            after if after < Duration::SECOND => "It reported a failure immediately.".to_owned(),
            after => format!("It reported a failure {} later.", humane_duration(after)),
        },
    };
    Taken {
        event_type: one_line(&event.event_type),
        provider: event.provider.name().to_owned(),
        at: When::exact(event.received_at),
        then,
        error_code: incident.error.code.as_deref().map(one_line),
    }
}

impl Link {
    fn new(link: &ProofLink, now: OffsetDateTime) -> Self {
        let expired = link.expires_at <= now;
        let state = match link.revoked_at {
            Some(_) => Pill::new("", "Revoked"),
            None if expired => Pill::new("", "Expired"),
            None => Pill::new("done", "Valid"),
        };
        Self {
            id: link.id,
            by: actor_name(&link.created_by),
            state,
            opens: link.revoked_at.is_none() && !expired,
            expires: When::brief(link.expires_at),
            views: link.views,
            seen: link.last_viewed_at.map(|at| When::ago(at, now)),
        }
    }
}
