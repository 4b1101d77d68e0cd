//! Open-loop load: receipts at a rate that waits for nothing, and what the app does about each.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ledger::{Intent, Outcome, Request, SentReceipt};
use super::{App, CANARY, RECEIPT_TRIES, read_receipt};
use crate::dice::Dice;
use crate::stage::cast::{MINUTE, TIMEOUT_MINUTES};

/// The share of one hundred events that end so; all others are applied.
const FAIL: u64 = 3;
const FORGET: u64 = 4;
const RACE: u64 = 3;
const TWICE: u64 = 4;
/// About when a result that races the deadline is sent, before and after it.
const RACE_WIDTH: Duration = Duration::from_millis(50);

/// What the dice said of one event.
#[derive(Debug, Clone, Copy)]
struct Plan {
    number: u32,
    intent: Intent,
    works_for: Duration,
    /// Told by its provider twice, side by side.
    twice: bool,
}

/// Sends until it is told to stop, then waits for what is under way.
pub async fn run(apps: [App; 2], rate: f64, mut dice: Dice, stop: CancellationToken) {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for number in 0_u32.. {
        let due = start + Duration::from_secs_f64(f64::from(number) / rate);
        if stop.run_until_cancelled(sleep_until(due)).await.is_none() {
            break;
        }
        // Every fifth event is of the other shop.
        let app = apps[usize::from(number % 5 == 4)].clone();
        running.spawn(Box::pin(live(app, due, plan(&mut dice, number))));
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

fn plan(dice: &mut Dice, number: u32) -> Plan {
    let roll = dice.below(100);
    let intent = match roll {
        _ if roll < FAIL => Intent::Fail,
        _ if roll < FAIL + FORGET => Intent::Forget,
        _ if roll < FAIL + FORGET + RACE => Intent::Race,
        _ => Intent::Apply,
    };
    let works_for = if intent == Intent::Race {
        let timeout = MINUTE * TIMEOUT_MINUTES.unsigned_abs();
        dice.between(timeout.saturating_sub(RACE_WIDTH), timeout + RACE_WIDTH)
    } else {
        dice.between(Duration::from_millis(20), Duration::from_millis(800))
    };
    Plan { number, intent, works_for, twice: dice.below(100) < TWICE }
}

/// The life of one event, as the app sees it.
async fn live(app: App, due: Instant, plan: Plan) {
    let provider_event_id = format!("evt_{}", Uuid::now_v7().simple());
    let body = body(&app, &provider_event_id, plan.number);
    let request = |key: String| Request {
        shop: app.shop.name,
        path: "/api/v1/receipt",
        idempotency_key: key,
        body: body.clone(),
    };
    let first = request(Uuid::now_v7().to_string());
    let again = plan.twice.then(|| request(Uuid::now_v7().to_string()));
    let (outcome, repeated) = tokio::join!(accept(&app, &first, due), async {
        match &again {
            Some(again) => Some(app.insist(again, RECEIPT_TRIES).await),
            None => None,
        }
    });
    for (request, outcome) in again.into_iter().zip(repeated) {
        enter(&app, request, &provider_event_id, plan.intent, outcome);
    }
    let event_id = enter(&app, first, &provider_event_id, plan.intent, outcome);
    let Some(event_id) = event_id else { return };
    sleep(plan.works_for).await;
    match plan.intent {
        Intent::Apply | Intent::Race => app.report(event_id, true, None).await,
        Intent::Fail => app.report(event_id, false, None).await,
        Intent::Forget => (),
    }
}

/// Sends a receipt until it is acked, and notes how long the first response took since it was due.
async fn accept(app: &App, request: &Request, due: Instant) -> Outcome {
    let outcome = Outcome::of(&app.send(request).await);
    app.ledger.sample(due, outcome.is_acked());
    if outcome != Outcome::Ambiguous {
        return outcome;
    }
    sleep(super::PAUSE).await;
    app.insist(request, RECEIPT_TRIES - 1).await
}

fn enter(
    app: &App,
    request: Request,
    provider_event_id: &str,
    intent: Intent,
    outcome: Outcome,
) -> Option<Uuid> {
    let event_id = read_receipt(&outcome).map(|said| said.event_id.as_uuid());
    let provider_event_id = provider_event_id.to_owned();
    app.ledger.enter_receipt(SentReceipt { request, provider_event_id, intent, outcome, event_id });
    event_id
}

fn body(app: &App, provider_event_id: &str, number: u32) -> String {
    json!({
        "provider": "stripe",
        "provider_event_id": provider_event_id,
        "event_type": "invoice.paid",
        "effect_type": "credit_grant",
        "internal_reference": format!("{}_user_{number}", app.shop.name),
        "occurred_at": "2026-01-01T12:00:00Z",
        "payload": { "card": CANARY },
    })
    .to_string()
}
