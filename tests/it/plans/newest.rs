//! What is asked by those who share many incidents: owners, comments, reminders, snoozes, digests, previews of bulks.

use std::collections::BTreeMap;

use domain::audit::Actor;
use domain::bulk::{BulkAction, ItemState};
use domain::ids::{IncidentId, OperatorId, ProjectId};
use store::bulk::{NewBulk, NewSet, Selection, create_preview, create_set, list_set_items};
use store::search::causes::{CauseSearch, count_causes, find_cause, offer_causes};
use store::search::hours::list_begins;
use store::search::incidents::{IncidentSearch, OwnerFilter, StateFilter, search_incidents};
use store::{
    PgPool, alert_digests, alert_holds, cause_waits, comments, mentions, pool, reminders, snoozes,
};
use time::Duration;
use uuid::{Uuid, uuid};

use super::questions::{Question, bad_day};

const DORA: Uuid = uuid!("00000000-0000-7000-8000-0000000000d0");
const HOLD: Uuid = uuid!("00000000-0000-7000-8000-0000000000d1");
const REMINDER: Uuid = uuid!("00000000-0000-7000-8000-0000000000d2");

/// Dora owns a few, a hundred are snoozed until the next one, the alerts of two hundred were held back, and no policy holds back
/// those of a thousand any more.
const SHARED: &str = "
    INSERT INTO operators (id, email, role, password_hash)
    VALUES ('00000000-0000-7000-8000-0000000000d0', 'dora@cometcart.test', 'operator', '');
    UPDATE incidents SET owner = '00000000-0000-7000-8000-0000000000d0'
    WHERE id IN (SELECT id FROM incidents WHERE state <> 'resolved' ORDER BY id LIMIT 30);
    INSERT INTO alert_rules (project_id, remind_every, escalate_after, come_back_after) SELECT id, 30, 60, 1440 FROM projects;
    INSERT INTO snoozes (id, project_id, event_id, incident_id, cause, snoozed_by)
    SELECT gen_random_uuid(), project_id, event_id, id, cause, 'operator:dora@cometcart.test' FROM incidents
    WHERE state = 'open' ORDER BY id DESC LIMIT 100;
    UPDATE policy_plans SET alerts_at = NULL
    WHERE event_id IN (SELECT event_id FROM incidents WHERE state = 'open' ORDER BY id LIMIT 1000);
    INSERT INTO alert_holds (id, project_id, destination_id, reason, began_at, ended_at)
    SELECT '00000000-0000-7000-8000-0000000000d1', project_id, id, 'maintenance', now() - interval '1 hour', now()
    FROM destinations LIMIT 1;
    UPDATE alerts SET state = 'folded', told_by = '00000000-0000-7000-8000-0000000000d1', finished_at = NULL
    WHERE id IN (SELECT id FROM alerts ORDER BY id DESC LIMIT 200);
    INSERT INTO reminders (id, project_id, cause, reason)
    SELECT '00000000-0000-7000-8000-0000000000d2', project_id, cause, 'reminder' FROM incidents LIMIT 1;
    INSERT INTO cause_comments (entry_id, project_id, cause) SELECT a.id, a.project_id, '00000000-0000-8000-8000-000000000001'
    FROM (SELECT id, project_id FROM audit_entries WHERE project_id IS NOT NULL ORDER BY id DESC LIMIT 40) AS a;
    INSERT INTO mentions (entry_id, operator_id, project_id, cause)
    SELECT entry_id, '00000000-0000-7000-8000-0000000000d0', project_id, cause FROM cause_comments;
    ANALYZE snoozes, alert_holds, reminders, cause_comments, mentions;";

/// Those of all of them.
pub async fn all(pool: &PgPool) -> Vec<Question> {
    sqlx::raw_sql(SHARED).execute(pool).await.expect("shared incidents");
    let unresolved: i64 =
        sqlx::query_scalar("SELECT count(*) FROM incidents WHERE state <> 'resolved'")
            .fetch_one(pool)
            .await
            .expect("a count");
    let mut all: Vec<_> = owned(unresolved).into();
    all.extend(told_again(unresolved));
    all.extend(previews(pool, unresolved).await);
    let begin = Question::new("begin of a cause", |pool| {
        Box::pin(async move { list_begins(pool, &[bad_day()]).await.expect("begins").len() })
    });
    // One of each hour, of however many.
    all.push(begin.at_most(500));
    all.extend(of_the_home(unresolved));
    all.push(Question::new("comments on a cause", |pool| {
        Box::pin(async move {
            let mut db = pool.acquire().await.expect("a connection");
            comments::list_of_cause(&mut db, bad_day()).await.expect("comments").len()
        })
    }));
    all.push(Question::new("a mention that is due", |pool| {
        Box::pin(async move {
            let claimed = mentions::claim_next(pool).await.expect("a mention");
            usize::from(claimed.is_some())
        })
    }));
    all
}

/// The causes of the home: as many are counted as wait, and what is at risk is added up of those that are shown.
fn of_the_home(unresolved: i64) -> [Question; 2] {
    let count = Question::new("how many causes there are", |pool| {
        Box::pin(async move {
            let count = count_causes(pool, None, None).await.expect("a count");
            usize::try_from(count).expect("a number")
        })
    });
    let offer = Question::new("causes that a list offers", |pool| {
        Box::pin(async move {
            let offer = offer_causes(pool, &CauseSearch::default(), 10).await.expect("causes");
            offer.offered.len()
        })
    });
    [count.at_most(unresolved + 2_000), offer.at_most(2 * unresolved + 2_000)]
}

/// A filter that finds nothing goes through what nobody owns and is not resolved, and no further.
fn owned(unresolved: i64) -> [Question; 4] {
    let of = |owner| IncidentSearch { owner: Some(owner), ..IncidentSearch::default() };
    let dora = OwnerFilter::Of(OperatorId::from_uuid(DORA));
    [
        ("of an owner", of(dora)),
        ("of an owner, all", IncidentSearch { state: StateFilter::All, ..of(dora) }),
        ("of nobody", of(OwnerFilter::Unowned)),
        (
            "of nobody, of a type that never was",
            IncidentSearch {
                event_type: Some("orders/refunded".into()),
                ..of(OwnerFilter::Unowned)
            },
        ),
    ]
    .map(|(name, search)| {
        let question = Question::new(format!("incidents, {name}"), move |pool| {
            let search = search.clone();
            Box::pin(
                async move { search_incidents(pool, &search).await.expect("a page").data.len() },
            )
        });
        question.at_most(unresolved + 2_000)
    })
}

/// What people are told of again: by what is not resolved, and for each of the causes.
fn told_again(unresolved: i64) -> [Question; 6] {
    let waits = Question::new("what is to be told again", |pool| {
        Box::pin(async move { number(cause_waits::enqueue_due(pool).await.expect("reminders")) })
    });
    let reminder = Question::new("what a reminder says", |pool| {
        Box::pin(async move {
            let said = reminders::gather(pool, REMINDER).await.expect("a reminder");
            number(u64::try_from(said.expect("it waits").incidents).expect("a number"))
        })
    });
    let snoozed = Question::new("snoozes that are over", |pool| {
        Box::pin(async move { number(snoozes::end_due(pool).await.expect("snoozes")) })
    });
    let cause = Question::new("snooze of a cause", |pool| {
        Box::pin(async move { number(snooze_bad_day(pool).await) })
    });
    let held = Question::new("what was held back and is over", |pool| {
        Box::pin(async move { number(alert_holds::end_due(pool).await.expect("digests")) })
    });
    let digest = Question::new("what a digest says", |pool| {
        Box::pin(async move {
            let said = alert_digests::gather(pool, HOLD).await.expect("a digest");
            number(u64::try_from(said.expect("it was told").incidents).expect("a number"))
        })
    });
    [
        waits.at_most(4 * unresolved + 2_000),
        // Asked thrice: how many there are, what is at risk, which are the newest.
        reminder.at_most(6 * unresolved + 4_000),
        snoozed.at_most(2 * unresolved + 2_000),
        cause.at_most(4 * unresolved + 2_000),
        held,
        digest,
    ]
}

async fn previews(pool: &PgPool, unresolved: i64) -> [Question; 3] {
    let known: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT id, project_id FROM incidents WHERE project_id = (SELECT project_id FROM incidents LIMIT 1)
         ORDER BY id LIMIT 50",
    )
    .fetch_all(pool)
    .await
    .expect("incidents");
    let project_id = ProjectId::from_uuid(known[0].1);
    let named: Vec<_> = known.into_iter().map(|(id, _)| IncidentId::from_uuid(id)).collect();
    let set = set_of(project_id, Selection::Incidents(named.clone()));
    let named = preview("preview of incidents by name", project_id, Selection::Incidents(named));
    let of_cause = preview("preview of a cause", project_id, Selection::Cause(bad_day()));
    [named, of_cause.at_most(4 * unresolved + 2_000), set]
}

/// A set that does not stay, and its list.
fn set_of(project_id: ProjectId, selection: Selection) -> Question {
    Question::new("a set of bulks and its list", move |pool| {
        let selections = BTreeMap::from([(project_id, selection.clone())]);
        Box::pin(async move {
            let actor = Actor::Cli("dora".to_owned());
            let action = BulkAction::Acknowledge;
            let new = NewSet { action, selections, include_taking: true, actor: &actor };
            let mut tx = pool::begin(pool).await.expect("a transaction");
            let (id, _) = create_set(&mut tx, &new).await.expect("a set");
            let items = list_set_items(&mut *tx, id, ItemState::Waiting, 100).await;
            tx.rollback().await.expect("a rollback");
            items.expect("items").len()
        })
    })
}

/// Snoozes that do not stay.
async fn snooze_bad_day(pool: &PgPool) -> u64 {
    let cause = find_cause(pool, bad_day()).await.expect("a database").expect("a cause");
    let (actor, hour) = (Actor::Cli("dora".to_owned()), Duration::HOUR);
    let mut tx = pool::begin(pool).await.expect("a transaction");
    let snoozed =
        snoozes::snooze_cause(&mut tx, cause.project_id, bad_day(), &actor, hour, "later").await;
    tx.rollback().await.expect("a rollback");
    snoozed.expect("snoozes")
}

/// A preview that does not stay.
fn preview(name: &str, project_id: ProjectId, selection: Selection) -> Question {
    Question::new(name, move |pool| {
        let selection = selection.clone();
        Box::pin(async move {
            let actor = Actor::Cli("dora".to_owned());
            let new = NewBulk {
                project_id,
                action: BulkAction::Acknowledge,
                selection,
                include_taking: true,
                actor: &actor,
            };
            let mut tx = pool::begin(pool).await.expect("a transaction");
            let preview = create_preview(&mut tx, &new).await.expect("a preview");
            tx.rollback().await.expect("a rollback");
            number(u64::try_from(preview.items).expect("a number"))
        })
    })
}

fn number(count: u64) -> usize {
    usize::try_from(count).expect("a number")
}
