//! What is not seen on a usual day: a redirected callback, an ambiguous result, a watch that is
//! stuck, a broken destination, an extension that answers at times, results without a receipt, receipts that do not
//! come, a project in which nothing happened yet, one that is archived, and a console that says that no worker runs.

use std::sync::Arc;

use domain::ids::{BulkSetId, CauseId, DestinationId, EventId, ExtensionId, IncidentId, ProjectId};
use domain::retention::Rule;
use engine::{Engine, Monitor, TemporalSettings};
use serde_json::json;
use store::destinations::Target;
use store::notices::enqueue_broken;
use store::retention;
use store::transitions::stalled::{Stall, StallKind, note_stall};

use super::{Texts, failed, sets, take, take_for};
use crate::console::Operator;
use crate::extension_worker::find_out;
use crate::{World, eventually};

/// Mail does not get through to it.
const GONE: &str = "dave@cometcart.test";

/// What is not seen on a usual day.
pub(super) struct Rare {
    redirected: IncidentId,
    ambiguous: EventId,
    stuck: EventId,
    live: ProjectId,
    archived: ProjectId,
    extension: ExtensionId,
    cause: CauseId,
    /// One that is frozen and was not started.
    bulk: String,
    /// Of several projects: one that was not started, and one that is paused.
    sets: [BulkSetId; 2],
    unwatched: String,
}

impl Rare {
    pub(super) async fn seed(
        world: &World,
        alice: &Operator,
        texts: &Texts,
        open: EventId,
    ) -> Self {
        let redirected = redirect(world, alice, texts).await;
        let ambiguous = ask_for_two(world, texts).await;
        let stuck = get_stuck(world, texts).await;
        leave_unclaimed(world, texts).await;
        let dave = break_destination(world).await;
        let project = world.project.id;
        enqueue_broken(&world.pool, project, dave).await.expect("a notice");
        world.send_notices().await;
        let extension = ask_an_extension(world, alice, texts, stuck).await;
        let found = json!({ "settled": true, "note": texts.note, "evidence": {
            "ledger": texts.label, "credits": 100, "reference": texts.reference,
        } });
        find_out(world, extension, open, &found).await;
        // Since then it has not answered, for so long that people were told.
        let silent = "UPDATE extension_calls SET asked_at = asked_at - interval '2 minutes' WHERE outcome = 'proposed';
             UPDATE extension_calls SET asked_at = now() - interval '1 minute', answered_at = now() WHERE why = 'too_slow';
             UPDATE extensions SET unanswered_in_a_row = 20";
        change(world, silent).await;
        fall_silent(world).await;
        let (archived, live) = (archive(alice, texts).await, start_live(alice, texts).await);
        let (cause, bulk) = freeze(world, alice).await;
        let sets = sets::seed(world, texts, live).await;
        let unwatched = open_unwatched(world).await;
        Self {
            redirected,
            ambiguous,
            stuck,
            live,
            archived,
            extension,
            cause,
            bulk,
            sets,
            unwatched,
        }
    }

    /// Where the console is that says that no worker runs.
    pub(super) fn unwatched(&self) -> &str {
        &self.unwatched
    }

    pub(super) fn fill(&self, path: &str) -> String {
        path.replace("{redirected}", &self.redirected.to_string())
            .replace("{ambiguous}", &self.ambiguous.to_string())
            .replace("{stuck}", &self.stuck.to_string())
            .replace("{extension}", &self.extension.to_string())
            .replace("{live}", &self.live.to_string())
            .replace("{archived}", &self.archived.to_string())
            .replace("{cause}", &self.cause.to_string())
            .replace("{bulk}", &self.bulk)
            .replace("{set}", &self.sets[0].to_string())
            .replace("{paused_set}", &self.sets[1].to_string())
            .replace("{unwatched}", &self.unwatched)
    }
}

/// An incident whose callback was redirected and waits for its next attempt.
async fn redirect(world: &World, alice: &Operator, texts: &Texts) -> IncidentId {
    let (event, incident) = failed(world, texts, 6).await;
    let path = format!("/incidents/{incident}");
    world.repair.redirect_to("https://shop.cometcart.test/webhooks/sendpromptly/repair/?locale=en");
    world.repair.respond_with_body(308, texts.response);
    alice.submit(&path, &format!("{path}/reprocess"), &[("note", texts.note)]).await;
    eventually("an attempt that failed", async || {
        world.timeline(event).await.contains(&"callback.failed".to_owned()).then_some(())
    })
    .await;
    incident
}

/// One of two events that a result named without saying which.
async fn ask_for_two(world: &World, texts: &Texts) -> EventId {
    let event = take(world, texts, 7).await;
    let id = format!("{}7", texts.provider_event);
    take_for(world, "ws_northwind", &id).await;
    let result = json!({ "provider_event_id": id, "status": "failed", "error_code": "seat_limit" });
    let (status, response) = world.post("/api/v1/result", &result).await;
    assert_eq!(status, 422, "{response}");
    event
}

/// The incidents of a cause, as they would be reprocessed.
async fn freeze(world: &World, alice: &Operator) -> (CauseId, String) {
    let cause = "SELECT cause FROM incidents WHERE state = 'open' ORDER BY id LIMIT 1";
    let cause: CauseId = sqlx::query_scalar(cause).fetch_one(&world.pool).await.expect("a cause");
    let id = cause.to_string();
    let made = alice.submit(&format!("/incidents?cause={id}"), "/bulk", &[("cause", &id)]).await;
    let page = made.location.expect("its page");
    (cause, page.trim_start_matches("/bulk/").to_owned())
}

async fn get_stuck(world: &World, texts: &Texts) -> EventId {
    let event = take(world, texts, 8).await;
    let id = engine::workflow_id(event);
    let stall = Stall {
        kind: StallKind::Stuck,
        what: "its workflow task fails again and again",
        key: "run/task",
        cure: &format!("temporal workflow show --workflow-id {id}"),
    };
    let mut tx = world.pool.begin().await.expect("a transaction");
    note_stall(&mut tx, event, stall).await.expect("an entry");
    tx.commit().await.expect("a commit");
    event
}

/// A probe that answered once, was too slow once, and is being asked.
async fn ask_an_extension(
    world: &World,
    alice: &Operator,
    texts: &Texts,
    event: EventId,
) -> ExtensionId {
    let page = format!("/projects/{}/extensions", world.project.id);
    let typed = [
        ("point", "before_incident"),
        ("activity", "credits.verify"),
        ("queue", "sendpromptly-ext.credits"),
        ("trust", "propose"),
        ("budget_seconds", "60"),
    ];
    let response = alice.submit(&page, &page, &typed).await;
    let made = response.location.unwrap_or_else(|| panic!("{}", response.body));
    let id: ExtensionId = made.rsplit('/').next().expect("an id").parse().expect("an id");
    let answer =
        json!({ "settled": true, "note": texts.note, "evidence": { "credit_grant": texts.error } });
    sqlx::query(
        "WITH answered AS (INSERT INTO extension_calls (id, event_id, extension_id, point, asked_at, answer_by,
             answered_at, answer, outcome)
         VALUES (gen_random_uuid(), $1, $2, 'before_incident', now() - interval '3 hours', now(),
             now() - interval '3 hours' + interval '312 milliseconds', $3, 'proposed'))
         INSERT INTO extension_calls (id, event_id, extension_id, point, asked_at, answer_by, answered_at, why, outcome)
         VALUES (gen_random_uuid(), $1, $2, 'after_failure', now() - interval '2 hours', now(),
             now() - interval '2 hours' + interval '1 minute', 'too_slow', 'unanswered')",
    )
    .bind(event.as_uuid())
    .bind(id.as_uuid())
    .bind(answer)
    .execute(&world.pool)
    .await
    .expect("calls");
    id
}

/// A failure and a success whose receipts did not come for a day.
async fn leave_unclaimed(world: &World, texts: &Texts) {
    for (number, status) in [(90, "failed"), (91, "success")] {
        let id = format!("{}{number}", texts.provider_event);
        let result =
            json!({ "provider_event_id": id, "status": status, "error_message": texts.error });
        let (status, response) = world.post("/api/v1/result", &result).await;
        assert_eq!(status, 202, "{response}");
    }
    change(world, "UPDATE early_results SET received_at = now() - interval '25 hours'").await;
    retention::delete_due(&world.pool, Rule::EarlyResults).await.expect("given up");
}

/// A destination that broke while alerts waited for it.
async fn break_destination(world: &World) -> DestinationId {
    world.add_destination(&Target::Email(GONE.to_owned()), GONE).await;
    let broken = "UPDATE destinations SET failures = 2, gone_at = now() - interval '50 minutes',
             broken_at = now() - interval '40 minutes', retry_at = now() + interval '30 minutes'
         WHERE address = $1 RETURNING id";
    let id = sqlx::query_scalar(broken).bind(GONE).fetch_one(&world.pool).await;
    let id = id.expect("a destination");
    let waiting = "INSERT INTO alerts (id, incident_id, event_id, kind, destination_id)
        SELECT gen_random_uuid(), id, event_id, 'incident_opened', $1 FROM incidents LIMIT 2";
    sqlx::query(waiting).bind(id).execute(&world.pool).await.expect("alerts");
    DestinationId::from_uuid(id)
}

/// An event type of which usually more comes.
async fn fall_silent(world: &World) {
    let silent = "UPDATE projects SET expected_receipts = 'learned';
         INSERT INTO silences (id, project_id, event_type, since, usual_per_hour)
         SELECT gen_random_uuid(), id, 'charge.refunded', now() - interval '3 hours', 12 FROM projects LIMIT 1";
    change(world, silent).await;
}

/// A project for real money, of which nothing is set up but its name.
async fn start_live(alice: &Operator, texts: &Texts) -> ProjectId {
    let fields = [
        ("name", texts.project),
        ("mode", "live"),
        ("timeout_minutes", "30"),
        ("retention_months", "12"),
        ("repair_url", ""),
        ("snapshot_days", "30"),
    ];
    let made = alice.submit("/projects/new", "/projects", &fields).await;
    let path = made.location.unwrap_or_else(|| panic!("no project: {}", made.body));
    let id = path.rsplit('/').next().unwrap_or_default();
    id.parse().unwrap_or_else(|_| panic!("no id: {path}"))
}

/// A project that is over.
async fn archive(alice: &Operator, texts: &Texts) -> ProjectId {
    let id = start_live(alice, texts).await;
    let path = format!("/projects/{id}");
    let done = alice.submit(&path, &format!("{path}/archive"), &[("unresolved", "0")]).await;
    assert_eq!(done.location.as_deref(), Some("/projects"), "{}", done.body);
    id
}

/// Another console of the same world, which checks for workers where there are none.
async fn open_unwatched(world: &World) -> String {
    let temporal = TemporalSettings::Plain {
        address: world.temporal_address.clone(),
        namespace: embedded::NAMESPACE.to_owned(),
    };
    let elsewhere = Arc::new(Engine::new(temporal, "nobody-polls".to_owned()));
    let health = Arc::new(Monitor::new(world.pool.clone(), elsewhere));
    let mut state = world.state();
    state.shared.health = health;
    world.serve_also(state).await
}

async fn change(world: &World, sql: &'static str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&world.pool).await.expect("a database");
}
