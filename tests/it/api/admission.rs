//! Whose a key is stands in memory, and is never older than what was just changed in the database.

use std::time::{Duration, Instant};

use domain::api_key::ApiKey;
use e2e::world::{new_key, receipt};
use e2e::{eventually, run, until_lock_wait};
use futures::future::join_all;
use store::projects::{self, ProjectSettings};
use store::{api_keys, events};

use super::{Api, ApiResponse, RECEIPT, fresh};

/// Sends a receipt of an event of its own to one of several APIs.
async fn send_to(api: &Api, url: &str, key: &ApiKey) -> ApiResponse {
    let request = api.http.post(format!("{url}{RECEIPT}")).bearer_auth(key.reveal());
    let request = request.header("idempotency-key", fresh());
    let request = request.header("content-type", "application/json");
    ApiResponse::of(request.body(receipt(&fresh()).to_string())).await
}

async fn status(api: &Api, key: &ApiKey) -> u16 {
    api.post_as(key, RECEIPT, &receipt("evt_1")).await.status
}

#[test]
fn a_key_works_at_its_first_call_wherever_it_was_created() {
    run(async {
        let api = Api::start().await;
        api.world.keys_are_seen().await;
        let id = api.world.project.id;
        for n in 0..5 {
            let key = new_key().expect("a key");
            let label = format!("worker {n}");
            api_keys::insert_key(&api.world.pool, id, &label, &key).await.expect("a key");
            assert_eq!(status(&api, &key).await, 202, "{label}");
        }
        let create = ["key", "create", "--project", &id.to_string(), "--label", "production"];
        let (_, created) = api.world.cli(&create).await.expect("a command");
        let key = created["key"].as_str().and_then(ApiKey::parse).expect("a key");
        assert_eq!(status(&api, &key).await, 202);
    });
}

#[test]
fn what_another_process_changes_takes_effect_in_all_that_run() {
    run(async {
        let api = Api::start().await;
        let also = api.world.serve_also(api.world.state()).await;
        let (pool, project) = (&api.world.pool, &api.world.project);
        let lost = new_key().expect("a key");
        let id = api_keys::insert_key(pool, project.id, "lost", &lost).await.expect("a key");
        let urls = [api.world.url.clone(), also];
        for url in &urls {
            assert_eq!(send_to(&api, url, &lost).await.status, 202);
        }
        api_keys::revoke_key(pool, id).await.expect("revoked");
        for url in &urls {
            eventually("a revoked key that is rejected", async || {
                (send_to(&api, url, &lost).await.status == 401).then_some(())
            })
            .await;
        }
        let settings =
            ProjectSettings { timeout_minutes: 5, ..ProjectSettings::from_project(project) };
        projects::update_project(pool, project.id, &settings).await.expect("changed");
        for url in &urls {
            eventually("an event with the new time-out", async || {
                let event = send_to(&api, url, &api.world.key).await.event_id();
                let event = events::find_event(pool, event).await.expect("a database")?;
                (event.timeout_minutes == 5).then_some(())
            })
            .await;
        }
    });
}

#[test]
fn a_key_whose_use_cannot_be_noted_keeps_no_other_from_being_revoked() {
    run(async {
        let api = Api::start().await;
        let (pool, project) = (&api.world.pool, api.world.project.id);
        let [busy, lost] = [(); 2].map(|()| new_key().expect("a key"));
        api_keys::insert_key(pool, project, "busy", &busy).await.expect("a key");
        let id = api_keys::insert_key(pool, project, "lost", &lost).await.expect("a key");
        assert_eq!(status(&api, &lost).await, 202);
        let mut held = pool.begin().await.expect("a transaction");
        sqlx::query("SELECT FROM api_keys WHERE id <> $1 FOR NO KEY UPDATE")
            .bind(id.as_uuid())
            .execute(&mut *held)
            .await
            .expect("held");
        assert_eq!(status(&api, &busy).await, 202);
        until_lock_wait(pool).await;
        api_keys::revoke_key(pool, id).await.expect("revoked");
        let began = Instant::now();
        eventually("a revoked key that is rejected", async || {
            (status(&api, &lost).await == 401).then_some(())
        })
        .await;
        let took = began.elapsed();
        held.rollback().await.expect("given back");
        assert!(took < Duration::from_secs(3), "{took:?}");
    });
}

#[test]
fn neither_a_known_key_nor_a_wrong_one_costs_a_query_of_its_own() {
    run(async {
        let api = Api::start().await;
        api.world.keys_are_seen().await;
        let began = Instant::now();
        // From here on a query for a key fails, and each look at the number is counted.
        sqlx::raw_sql(
            "ALTER TABLE api_keys RENAME TO hidden_keys;
             CREATE SEQUENCE polls;
             ALTER TABLE key_versions RENAME TO hidden_versions;
             CREATE VIEW key_versions AS SELECT version FROM hidden_versions WHERE nextval('polls') > 0;",
        )
        .execute(&api.world.pool)
        .await
        .expect("renamed");
        let wrong: Vec<_> = (0..200).map(|_| new_key().expect("a key")).collect();
        for _ in 0..2 {
            let rejected = join_all(wrong.iter().map(|key| status(&api, key))).await;
            assert_eq!(rejected, [401; 200]);
        }
        assert_eq!(status(&api, &api.world.key).await, 202);
        let polls = api.count("SELECT last_value FROM polls").await;
        let most = began.elapsed().as_millis() / 20 + 2;
        assert!(u128::try_from(polls).is_ok_and(|polls| polls <= most), "{polls} of {most} polls");
    });
}
