//! `send_callback`, twice and by whichever worker.

use activities::callbacks::{self, Timing};
use e2e::run;
use serde_json::json;
use temporalio_common::ActivityError;

use super::{ActivityFixture, assert_same};

#[test]
fn send_callback_twice_sends_a_delivered_callback_once() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let event_id = fixture.shop.missed("evt_1").await;
        let of = fixture.reprocess(event_id).await;
        fixture
            .twice(async || {
                callbacks::send(&fixture.deps, of, Timing::WhenDue).await.expect("delivered")
            })
            .await;
        assert_eq!(fixture.repair.received().len(), 1);
    });
}

#[test]
fn send_callback_twice_sends_a_stopped_callback_once() {
    run(async {
        let fixture = ActivityFixture::set().await;
        fixture.repair.respond_with(&[422]);
        let event_id = fixture.shop.missed("evt_1").await;
        let of = fixture.reprocess(event_id).await;
        fixture
            .twice(async || {
                callbacks::send(&fixture.deps, of, Timing::WhenDue).await.expect("stopped")
            })
            .await;
        assert_eq!(fixture.repair.received().len(), 1);
        assert!(fixture.shop.story(event_id).await.contains("reprocess: undelivered"));
    });
}

#[test]
fn send_callback_confirms_an_answer_that_looks_final_whichever_worker_runs_it() {
    run(async {
        let fixture = ActivityFixture::set().await;
        fixture.repair.respond_with(&[308, 404]);
        let event_id = fixture.shop.missed("evt_1").await;
        let of = fixture.reprocess(event_id).await;
        let again =
            callbacks::send(&fixture.deps, of, Timing::WhenDue).await.expect_err("to be confirmed");
        let ActivityError::Application(failure) = again else { panic!("{again:?}") };
        let delay = failure.next_retry_delay().expect("a delay").as_secs();
        assert!((54..=66).contains(&delay), "{delay} s");
        assert!(fixture.shop.story(event_id).await.contains("reprocess: delivering"));
        // Nothing but the database knows of the first response.
        let early =
            callbacks::send(&fixture.deps, of, Timing::WhenDue).await.expect_err("too early");
        let ActivityError::Application(failure) = early else { panic!("{early:?}") };
        let left = failure.next_retry_delay().expect("the rest of the wait").as_secs();
        assert!((40..=66).contains(&left), "{left} s");
        assert_eq!(fixture.repair.received().len(), 1, "no attempt before its time");
        fixture
            .shop
            .execute("UPDATE reprocesses SET next_attempt_at = now() WHERE event_id = $1", event_id)
            .await;
        fixture
            .twice(async || {
                callbacks::send(&fixture.deps, of, Timing::WhenDue).await.expect("confirmed")
            })
            .await;
        assert_eq!(fixture.repair.received().len(), 2);
        assert!(fixture.shop.story(event_id).await.contains("reprocess: undelivered"));
    });
}

#[test]
fn send_callback_reaches_a_host_that_is_listed_by_name_in_live_mode() {
    run(async {
        let fixture = ActivityFixture::set().await;
        let port = fixture.repair.url().rsplit(':').next().and_then(|rest| rest.split('/').next());
        let host = format!("localhost:{}", port.expect("a port"));
        sqlx::query("UPDATE projects SET mode = 'live', repair_url = $1")
            .bind(format!("http://{host}/repair"))
            .execute(&fixture.shop.pool)
            .await
            .expect("a live project");
        let send = async |list: &str, event: &str| {
            let event_id = fixture.shop.missed(event).await;
            let of = fixture.reprocess(event_id).await;
            callbacks::send(&fixture.allowing(list), of, Timing::WhenDue).await.expect("an end");
            fixture.shop.story(event_id).await
        };
        let story = send(&host, "evt_1").await;
        assert!(story.contains("reprocess: awaiting_result"), "{story}");
        assert_eq!(fixture.repair.received().len(), 1);
        // A network opens the address, and not plain HTTP; another port opens nothing.
        for list in ["127.0.0.0/8", "localhost:1", ""] {
            let story = send(list, &format!("evt_{list}")).await;
            assert!(story.contains("reprocess: undelivered"), "{list}: {story}");
        }
        assert_eq!(fixture.repair.received().len(), 1);
    });
}

#[test]
fn send_callback_after_a_retry_adds_an_attempt_and_touches_nothing_else() {
    run(async {
        let fixture = ActivityFixture::set().await;
        fixture.repair.respond_with(&[503, 503]);
        let event_id = fixture.shop.missed("evt_1").await;
        let of = fixture.reprocess(event_id).await;
        let mut dumps = Vec::new();
        for _ in 0..2 {
            callbacks::send(&fixture.deps, of, Timing::Now)
                .await
                .expect_err("another attempt is due");
            let mut dump = fixture.dump().await;
            for grows in ["callback_attempts", "audit_entries", "audit_texts", "reprocesses"] {
                dump[grows] = json!(null);
            }
            dumps.push(dump);
        }
        assert_same(&dumps[1], &dumps[0]);
        let received = fixture.repair.received();
        assert_eq!(received[0].body, received[1].body, "the same bytes");
        assert_ne!(received[0].header("x-sp-nonce"), received[1].header("x-sp-nonce"));
        assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
        assert_eq!(received[1].header("x-sp-attempt"), "2");
    });
}
