//! What the page shows.

use askama::Template;
use domain::alert::{
    format_duration, format_elapsed, heading_opened, heading_repair_failed, heading_resolved,
    judged_later, one_line, sanitize,
};
use domain::extension::describe_evidence;
use domain::ids::{CallId, ProofLinkId};
use domain::incident::{IncidentState, MAX_NOTE, Reason};
use domain::likely_cause::{self, Symptoms};
use domain::maintenance::Hold;
use domain::proof::MAX_DAYS;
use domain::timeline::{actor_name, short_actor_name};
use domain::urgency::{AtStake, Urgency};
use store::proof_links::ProofLink;
use store::proposals::Proposal;
use time::{Duration, OffsetDateTime};
use web::error::ApiError;

use super::details::IncidentDetails;
use super::forms::IncidentForms;
use super::next::NextAction;
use super::owner::Ownership;
use super::siblings::{Siblings, SimilarItem};
use super::snooze::SnoozeView;
use crate::badge::Badge;
use crate::facts::{self, Fact, Value};
use crate::layout::{Layout, Section};
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::timeline_view::{self, Running, TimelineItemView};
use crate::warnings::held::{self, Held};
use crate::when::When;

#[derive(Template)]
#[template(path = "pages/incident.html")]
pub(super) struct IncidentPage {
    layout: Layout,
    path: String,
    id: String,
    state: Badge,
    /// Where it is more urgent than usual.
    urgency: Option<Badge>,
    since: Option<When>,
    heading: String,
    taken: Taken,
    quote: Option<String>,
    /// What is likely wrong, while it is not resolved.
    likely: Option<String>,
    running: Option<Running>,
    next: NextAction,
    evidence: Vec<EvidenceItem>,
    owned: Ownership,
    /// That people are not told of it now, with where that is set.
    held: Option<(Held, String)>,
    snooze: Option<SnoozeView>,
    project_path: String,
    values: IncidentForms,
    timeline: Vec<TimelineItemView>,
    facts: Vec<Fact>,
    /// How others of its cause ended.
    similar: Vec<SimilarItem>,
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

/// What an extension found, for a person to resolve the incident by.
struct EvidenceItem {
    call_id: CallId,
    name: String,
    at: When,
    note: Option<String>,
    entries: Vec<(String, String)>,
}

/// A proof link of the list.
struct Link {
    id: ProofLinkId,
    by: String,
    state: Badge,
    opens: bool,
    expires: When,
    views: i64,
    seen: Option<When>,
}

impl IncidentPage {
    pub(super) async fn new(
        state: &ConsoleState,
        signed_in: &SignedIn,
        details: IncidentDetails,
        forms: IncidentForms,
    ) -> Result<Self, ApiError> {
        let heading = heading(&details);
        let layout = Layout::load(state, signed_in, Section::Incidents, heading.as_str()).await?;
        let (now, incident) = (details.now, &details.incident);
        let path = format!("/incidents/{}", incident.id);
        let mut layout = layout.at(path.as_str());
        let next = NextAction::new(&details, &layout);
        let mut values = forms.shown(&next);
        layout.message = values.rejection.take().map(Message::rejected).or(layout.message);
        let unresolved = incident.state != IncidentState::Resolved;
        Ok(Self {
            path,
            id: incident.id.to_string(),
            project_path: format!("/projects/{}", details.project.id),
            state: badge(&details),
            urgency: urgency(&details),
            since: unresolved.then(|| When::ago(incident.opened_at, now)),
            heading,
            taken: taken(&details),
            quote: incident.error.message.as_deref().map(sanitize),
            likely: likely(&details).filter(|_| unresolved),
            next,
            evidence: details.proposals.iter().map(|found| EvidenceItem::new(found, now)).collect(),
            owned: Ownership::load(&state.pool, incident.owner.as_deref(), signed_in).await?,
            held: unresolved.then_some(details.hold).flatten().map(|hold| held_in(&hold, &details)),
            snooze: SnoozeView::new(&details),
            facts: facts(state, &details),
            similar: similar(&details),
            links: details.links.iter().map(|link| Link::new(link, now)).collect(),
            running: details.running,
            timeline: timeline_view::fit(details.timeline, details.event.id),
            layout,
            values,
            max_note: MAX_NOTE,
            max_days: MAX_DAYS,
        })
    }
}

fn held_in(hold: &Hold, details: &IncidentDetails) -> (Held, String) {
    (Held::new(hold), held::path(details.project.id))
}

fn likely(details: &IncidentDetails) -> Option<String> {
    let error = &details.incident.error;
    likely_cause::describe(Symptoms {
        reason: details.incident.reason,
        error_code: error.code.as_deref(),
        error_message: error.message.as_deref(),
        others_waiting: details.siblings.as_ref().map_or(0, Siblings::others_waiting),
    })
}

fn facts(state: &ConsoleState, details: &IncidentDetails) -> Vec<Fact> {
    let mut facts = details.siblings.as_ref().map(Siblings::facts).unwrap_or_default();
    facts.extend(repair_facts(details));
    let own = facts::list_for_incident(state, &details.event, &details.project, &details.alerts);
    facts.extend(own);
    facts
}

fn similar(details: &IncidentDetails) -> Vec<SimilarItem> {
    details.siblings.as_ref().map(|it| it.similar(details.now)).unwrap_or_default()
}

/// Which endpoint does the work again, without what its query may hide, and what it answered last.
fn repair_facts(details: &IncidentDetails) -> Vec<Fact> {
    let Some(url) = details.project.repair_url.as_deref() else { return Vec::new() };
    let shown = url.split('?').next().unwrap_or_default();
    let settings = format!("/projects/{}#settings", details.project.id);
    let mut facts =
        vec![Fact::new("Repair URL", Value::Code(one_line(shown))).leading_to(settings)];
    let last = details.timeline.iter().flat_map(|item| &item.attempts).next_back();
    if let Some(last) = last {
        let answer =
            last.answer.as_deref().map(|text| one_line(text).chars().take(200).collect::<String>());
        let lines = std::iter::once(last.outcome.clone()).chain(answer).collect();
        facts.push(Fact::new("Its last answer", Value::Lines(lines)));
    }
    facts
}

/// The sentence that mails begin with, too.
fn heading(IncidentDetails { incident, event, reprocesses, .. }: &IncidentDetails) -> String {
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

/// Its state; the moment since when follows it while it is not resolved.
fn badge(details: &IncidentDetails) -> Badge {
    let incident = &details.incident;
    let Badge { class, text } = Badge::from_incident(incident.state);
    let text = match incident.state {
        IncidentState::Open => "Open for".to_owned(),
        IncidentState::Acknowledged => match &details.acknowledged_by {
            Some(by) => format!("{text} by {}, open for", short_actor_name(by)),
            None => format!("{text}, open for"),
        },
        IncidentState::Reprocessing => format!("{text}, open for"),
        IncidentState::Resolved => match incident.resolved_at {
            Some(at) => format!("{text} {}", format_elapsed(at - incident.opened_at)),
            None => text,
        },
    };
    Badge { class, text }
}

fn urgency(IncidentDetails { incident, project, now, .. }: &IncidentDetails) -> Option<Badge> {
    let age = *now - incident.opened_at;
    let at_stake = AtStake::of_one(incident.state, age, incident.amount.as_ref());
    Badge::from_urgency(Urgency::decide(project.mode, &at_stake))
}

fn taken(IncidentDetails { incident, event, .. }: &IncidentDetails) -> Taken {
    let then = match incident.reason {
        Reason::MissingResult => {
            let wait = Duration::minutes(i64::from(event.timeout_minutes));
            let later = incident.outage_grace_seconds.map(judged_later);
            let later = later.map_or_else(String::new, |later| format!("; {later}"));
            format!("It reported no result within {}{later}.", format_duration(wait))
        }
        Reason::FailedResult => match incident.opened_at - event.received_at {
            after if after < Duration::SECOND => "It reported a failure immediately.".to_owned(),
            after => format!("It reported a failure {} later.", format_duration(after)),
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

impl EvidenceItem {
    fn new(found: &Proposal, now: OffsetDateTime) -> Self {
        Self {
            call_id: found.call_id,
            name: one_line(&found.name),
            at: When::ago(found.answered_at, now),
            note: found.note.as_deref().map(sanitize),
            entries: describe_evidence(&found.evidence),
        }
    }
}

impl Link {
    fn new(link: &ProofLink, now: OffsetDateTime) -> Self {
        let expired = link.expires_at <= now;
        let state = match link.revoked_at {
            Some(_) => Badge::new("", "Revoked"),
            None if expired => Badge::new("", "Expired"),
            None => Badge::new("done", "Valid"),
        };
        Self {
            id: link.id,
            by: actor_name(&link.created_by),
            state,
            opens: link.revoked_at.is_none() && !expired,
            expires: When::exact(link.expires_at),
            views: link.views,
            seen: link.last_viewed_at.map(|at| When::ago(at, now)),
        }
    }
}
