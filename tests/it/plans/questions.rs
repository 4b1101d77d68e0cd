//! What pages ask: every list with each of its filters, alone and together, common and rare.

use std::pin::Pin;

use domain::catalogue::EffectType;
use domain::event::Effect;
use domain::ids::{CauseId, EventId, IncidentId, ProjectId};
use domain::incident::{IncidentState, Reason};
use domain::project::Mode;
use store::PgPool;
use store::notices::find_unclaimed;
use store::progress::{event_progress, project_progress};
use store::search::audit::{AuditExport, AuditSearch, search_audit};
use store::search::causes::{CauseKey, CauseSearch, count_waiting, find_cause, search_causes};
use store::search::events::{EventSearch, search_events};
use store::search::hours::{list_hours, list_hours_of_cause};
use store::search::incidents::{IncidentSearch, StateFilter, count_unresolved, search_incidents};
use store::search::overview::overview;
use store::search::similar::list_similar;
use store::search::unresolved::read_unresolved;
use store::search::{Cursor, Sort};
use time::{Duration, OffsetDateTime};

use super::reading::Read;

type CountedRows<'a> = Pin<Box<dyn Future<Output = usize> + Send + 'a>>;

/// Something that is asked again and again.
pub struct Question {
    pub name: String,
    most: i64,
    ask: Box<dyn Fn(&PgPool) -> CountedRows<'_> + Send + Sync>,
}

impl Question {
    pub fn new(
        name: impl Into<String>,
        ask: impl Fn(&PgPool) -> CountedRows<'_> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), most: 6_000, ask: Box::new(ask) }
    }

    /// The same query, whose cost may vary.
    pub fn at_most(self, most: i64) -> Self {
        Self { most, ..self }
    }

    /// Asks, and says how many rows came.
    pub async fn ask(&self, pool: &PgPool) -> usize {
        (self.ask)(pool).await
    }

    /// Whether no more was read than a page may cost.
    pub fn allows(&self, read: &Read) -> bool {
        read.values()
            .all(|rows| rows.scans == 0 && rows.entries <= self.most && rows.fetched <= self.most)
    }
}

/// What is there to ask about.
struct Known {
    busy: ProjectId,
    quiet: ProjectId,
    event_id: EventId,
    incident_id: IncidentId,
    provider_event_id: String,
    key: String,
    incidents: i64,
    month_ago: OffsetDateTime,
}

async fn look_around(pool: &PgPool) -> Known {
    let (event, incident, project, provider_event_id): (
        uuid::Uuid,
        uuid::Uuid,
        uuid::Uuid,
        String,
    ) = sqlx::query_as(
        "SELECT event_id, id, project_id, provider_event_id FROM incidents ORDER BY id LIMIT 1",
    )
    .fetch_one(pool)
    .await
    .expect("an incident");
    let quiet: uuid::Uuid = sqlx::query_scalar("SELECT id FROM projects WHERE mode = 'test'")
        .fetch_one(pool)
        .await
        .expect("a project");
    let key = sqlx::query_scalar("SELECT actor FROM audit_entries ORDER BY at LIMIT 1");
    let incidents =
        sqlx::query_scalar("SELECT reltuples::bigint FROM pg_class WHERE relname = 'incidents'");
    Known {
        busy: ProjectId::from_uuid(project),
        quiet: ProjectId::from_uuid(quiet),
        event_id: EventId::from_uuid(event),
        incident_id: IncidentId::from_uuid(incident),
        provider_event_id,
        key: key.fetch_one(pool).await.expect("an entry"),
        incidents: incidents.fetch_one(pool).await.expect("a count"),
        month_ago: OffsetDateTime::now_utc() - Duration::days(30),
    }
}

/// All questions.
pub async fn all(pool: &PgPool) -> Vec<Question> {
    let known = look_around(pool).await;
    let mut all = Vec::new();
    all.extend(events(&known).into_iter().map(|(name, search)| {
        Question::new(format!("events, {name}"), move |pool| {
            let search = search.clone();
            Box::pin(async move { search_events(pool, &search).await.expect("a page").data.len() })
        })
    }));
    all.extend(incidents(&known).into_iter().map(|(name, search)| {
        Question::new(format!("incidents, {name}"), move |pool| {
            let search = search.clone();
            Box::pin(
                async move { search_incidents(pool, &search).await.expect("a page").data.len() },
            )
        })
    }));
    all.extend(audit(&known).into_iter().map(|(name, search)| {
        Question::new(format!("audit, {name}"), move |pool| {
            let search = search.clone();
            Box::pin(async move { search_audit(pool, &search).await.expect("a page").data.len() })
        })
    }));
    all.extend(others(&known));
    all
}

#[expect(clippy::too_many_lines, reason = "a table: one line per question")]
fn events(known: &Known) -> Vec<(&'static str, EventSearch)> {
    let any = EventSearch::default;
    let event_type = |name: &str| EventSearch { event_type: Some(name.into()), ..any() };
    let text = |text: &str| EventSearch { text: Some(text.into()), ..any() };
    let effect = |effect| EventSearch { effect: Some(effect), ..any() };
    vec![
        ("newest", any()),
        ("oldest", EventSearch { sort: Sort::Oldest, ..any() }),
        (
            "a page in the middle",
            EventSearch { cursor: Some(Cursor::After(known.event_id)), ..any() },
        ),
        ("the page before", EventSearch { cursor: Some(Cursor::Before(known.event_id)), ..any() }),
        ("of a month ago", EventSearch { received_before: Some(known.month_ago), ..any() }),
        ("busy project", EventSearch { project_id: Some(known.busy), ..any() }),
        ("quiet project", EventSearch { project_id: Some(known.quiet), ..any() }),
        ("mode", EventSearch { mode: Some(Mode::Test), ..any() }),
        ("succeeded", effect(Effect::Succeeded)),
        ("pending", effect(Effect::Pending)),
        ("missing", effect(Effect::Missing)),
        ("common type", event_type("invoice.paid")),
        ("rare type", event_type("checkouts/create")),
        ("type that never was", event_type("orders/refunded")),
        ("effect type", EventSearch { effect_type: Some(EffectType::SeatUpdate), ..any() }),
        (
            "type and effect type that never met",
            EventSearch { effect_type: Some(EffectType::SeatUpdate), ..event_type("invoice.paid") },
        ),
        (
            "everything at once, oldest first",
            EventSearch {
                project_id: Some(known.busy),
                mode: Some(Mode::Live),
                effect: Some(Effect::Missing),
                effect_type: Some(EffectType::AccessRevocation),
                received_after: Some(known.month_ago),
                sort: Sort::Oldest,
                ..event_type("charge.dispute.created")
            },
        ),
        ("event id", text(&known.event_id.to_string())),
        ("incident id", text(&known.incident_id.to_string())),
        ("provider's id", text(&known.provider_event_id)),
        ("reference of a few", text("user_42")),
        ("reference of very many", text("workspace_1")),
        (
            "reference of very many, rare type",
            EventSearch { text: Some("workspace_1".into()), ..event_type("checkouts/create") },
        ),
        ("beginning of very many", text("evt_")),
        ("beginning of a few", text("user_4242")),
        ("text that is nowhere", text("zzz_nothing")),
        (
            "text and other filters",
            EventSearch {
                text: Some("evt_a".into()),
                project_id: Some(known.busy),
                ..effect(Effect::Failed)
            },
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table: one line per question")]
fn incidents(known: &Known) -> Vec<(&'static str, IncidentSearch)> {
    let needs_you = IncidentSearch::default;
    let any = || IncidentSearch { state: StateFilter::All, ..needs_you() };
    let text = |text: &str| IncidentSearch { text: Some(text.into()), ..any() };
    let one = |state| IncidentSearch { state: StateFilter::One(state), ..needs_you() };
    vec![
        ("that need you", needs_you()),
        ("that need you, oldest", IncidentSearch { sort: Sort::Oldest, ..needs_you() }),
        ("all", any()),
        (
            "a page in the middle",
            IncidentSearch { cursor: Some(Cursor::After(known.incident_id)), ..any() },
        ),
        (
            "the page before",
            IncidentSearch { cursor: Some(Cursor::Before(known.incident_id)), ..needs_you() },
        ),
        ("resolved", one(IncidentState::Resolved)),
        ("reprocessing", one(IncidentState::Reprocessing)),
        ("quiet project", IncidentSearch { project_id: Some(known.quiet), ..needs_you() }),
        ("mode", IncidentSearch { mode: Some(Mode::Live), ..any() }),
        ("of a cause", IncidentSearch { cause_id: Some(bad_day()), ..needs_you() }),
        (
            "resolved ones of a cause, oldest",
            IncidentSearch {
                cause_id: Some(bad_day()),
                sort: Sort::Oldest,
                ..one(IncidentState::Resolved)
            },
        ),
        (
            "of a cause, elsewhere",
            IncidentSearch {
                cause_id: Some(bad_day()),
                effect_type: Some(EffectType::SubscriptionStateApply),
                ..any()
            },
        ),
        ("reason", IncidentSearch { reason: Some(Reason::MissingResult), ..needs_you() }),
        (
            "rare type",
            IncidentSearch { event_type: Some("charge.dispute.created".into()), ..any() },
        ),
        (
            "type that never was",
            IncidentSearch { event_type: Some("orders/refunded".into()), ..any() },
        ),
        (
            "effect type",
            IncidentSearch { effect_type: Some(EffectType::AccessRevocation), ..needs_you() },
        ),
        (
            "older than a month",
            IncidentSearch { opened_before: Some(known.month_ago), ..needs_you() },
        ),
        (
            "opened in the last month",
            IncidentSearch { opened_after: Some(known.month_ago), ..any() },
        ),
        ("event id", text(&known.event_id.to_string())),
        ("incident id", text(&known.incident_id.to_string())),
        ("provider's id", text(&known.provider_event_id)),
        ("reference of very many", text("workspace_1")),
        ("beginning of very many", text("evt_")),
        ("text that is nowhere", text("zzz_nothing")),
        ("a beginning that is a word of very many, too", text("user_")),
        ("a word of very many", text("FAILED")),
        ("words of very many", text("user failed")),
        (
            "everything at once",
            IncidentSearch {
                project_id: Some(known.busy),
                mode: Some(Mode::Live),
                reason: Some(Reason::FailedResult),
                event_type: Some("invoice.paid".into()),
                effect_type: Some(EffectType::CreditGrant),
                opened_after: Some(known.month_ago),
                text: Some("user_".into()),
                ..one(IncidentState::Resolved)
            },
        ),
    ]
}

fn audit(known: &Known) -> Vec<(&'static str, AuditSearch)> {
    let any = AuditSearch::default;
    let by = |actor: &str| AuditSearch { actor: Some(actor.into()), ..any() };
    let of = |action: &str| AuditSearch { action: Some(action.into()), ..any() };
    let about = |subject: String| AuditSearch { subject: Some(subject), ..any() };
    let (from, to) = (known.month_ago, known.month_ago + Duration::DAY);
    vec![
        ("newest", any()),
        ("of one day", AuditSearch { from: Some(from), to: Some(to), ..any() }),
        ("by a key", by(&known.key)),
        ("by nobody", by("operator:charlie@cometcart.test")),
        ("by operators", by("operator:")),
        ("common action", of("receipt.accepted")),
        ("rare action", of("incident.acknowledged")),
        ("action that never was", of("relay.parked")),
        ("group of actions", of("incident.")),
        (
            "actor and action",
            AuditSearch { action: Some("incident.resolved".into()), ..by("operator:") },
        ),
        ("busy project", AuditSearch { project_id: Some(known.busy), ..any() }),
        (
            "quiet project, of one day",
            AuditSearch { project_id: Some(known.quiet), from: Some(from), to: Some(to), ..any() },
        ),
        (
            "project and rare action",
            AuditSearch { project_id: Some(known.quiet), ..of("incident.opened") },
        ),
        ("event", about(known.event_id.to_string())),
        ("incident", about(known.incident_id.to_string())),
        ("project as subject", about(known.quiet.to_string())),
    ]
}

fn others(known: &Known) -> Vec<Question> {
    let mut all = Vec::new();
    let each = Question::new("counts, of each project", |pool| {
        Box::pin(async move { count_unresolved(pool).await.expect("counts").len() })
    });
    all.push(each.at_most(known.incidents / 5));
    for (name, project_id) in [("of all", None), ("of a quiet project", Some(known.quiet))] {
        let counts = Question::new(format!("what is not resolved, {name}"), move |pool| {
            Box::pin(async move {
                let counts = read_unresolved(pool, project_id, None).await.expect("counts");
                usize::try_from(counts.open).expect("a number")
            })
        });
        // Those that wait are counted and added up, and no other.
        all.push(counts.at_most(known.incidents / 5));
        let first = CauseSearch { project_id, ..CauseSearch::default() };
        all.push(causes(&format!("causes, {name}"), known, first));
        all.push(Question::new(format!("overview, {name}"), move |pool| {
            Box::pin(async move {
                let seen = overview(pool, project_id, None, 90).await.expect("an overview");
                assert!(seen.incomplete_since.is_none());
                usize::try_from(seen.overall.events).expect("a number")
            })
        }));
    }
    let edge: CauseKey = format!("live.2.2.{}", bad_day()).parse().expect("a cursor");
    for cursor in [Cursor::After(edge), Cursor::Before(edge)] {
        let beside = CauseSearch { cursor: Some(cursor), ..CauseSearch::default() };
        all.push(causes("causes, a page beside another", known, beside));
    }
    all.push(of_cause(known.incident_id));
    all.extend(hours());
    all.extend(progress(known));
    all.extend(exports());
    all
}

/// The cause that opened every incident of the bad day.
pub fn bad_day() -> CauseId {
    CauseId::from_uuid(uuid::Uuid::from_u128(0x8000_8000_0000_0000_0001))
}

/// What waits is counted by cause, whichever page it is, and what is at risk is added up of those on it.
fn causes(name: &str, known: &Known, search: CauseSearch) -> Question {
    let question = Question::new(name, move |pool| {
        let search = search.clone();
        Box::pin(async move { search_causes(pool, &search).await.expect("causes").data.len() })
    });
    question.at_most(known.incidents / 5)
}

fn of_cause(incident_id: IncidentId) -> Question {
    Question::new("what an incident has in common with others", move |pool| {
        Box::pin(async move {
            find_cause(pool, bad_day()).await.expect("a cause");
            let any =
                store::incidents::list_by_ids(pool, &[incident_id]).await.expect("one").remove(0);
            list_similar(pool, &any).await.expect("incidents");
            let waiting = count_waiting(pool, bad_day(), 1_000).await.expect("a count");
            usize::try_from(waiting).expect("a number")
        })
    })
}

/// What is drawn: read from sums, but for what has happened since.
fn hours() -> [Question; 2] {
    let of_all = Question::new("hours of all", |pool| {
        Box::pin(async move {
            let seen = list_hours(pool, None, Some(Mode::Live)).await.expect("hours");
            assert_eq!(seen.incomplete_since, None);
            seen.hours.len()
        })
    });
    let of_cause = Question::new("hours of a cause", |pool| {
        Box::pin(async move {
            let seen = list_hours_of_cause(pool, bad_day()).await.expect("hours");
            seen.hours.hours.len()
        })
    });
    [of_all, of_cause]
}

fn progress(known: &Known) -> [Question; 3] {
    let (busy, provider_event_id) = (known.busy, known.provider_event_id.clone());
    let of_project = Question::new("progress of a project", move |pool| {
        Box::pin(async move {
            let seen = project_progress(pool, busy).await.expect("a progress");
            usize::from(seen.reprocess_succeeded.is_some())
        })
    });
    let unclaimed = Question::new("unclaimed results of a project", move |pool| {
        let since = OffsetDateTime::now_utc() - Duration::days(7);
        Box::pin(async move {
            let now = OffsetDateTime::now_utc();
            let found = find_unclaimed(pool, Some(busy), None, since, now).await.expect("results");
            found.provider_event_ids.len()
        })
    });
    let of_event = Question::new("progress of an event", move |pool| {
        let id = provider_event_id.clone();
        Box::pin(async move {
            let seen = event_progress(pool, busy, &id).await.expect("a progress");
            usize::from(seen.incident_opened.is_some())
        })
    });
    [of_project, unclaimed, of_event]
}

fn exports() -> [Question; 2] {
    [("all", None), ("of rare actions", Some("incident."))].map(|(name, action)| {
        let search = AuditSearch { action: action.map(str::to_owned), ..AuditSearch::default() };
        let question = Question::new(format!("beginning of an export, {name}"), move |pool| {
            let mut export = AuditExport::new(search.clone());
            Box::pin(async move { export.next(pool).await.expect("entries").len() })
        });
        // A thousand rows, of each kind that is wanted.
        question.at_most(30_000)
    })
}
