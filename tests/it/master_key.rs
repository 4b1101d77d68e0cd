//! The master key is changed while receipts come in and callbacks go out: by rolling restarts of the real api and
//! worker, in the order that `master-key new` prints. No receipt is lost, no callback fails, and everything opens
//! without the old key in the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::IncidentId;
use domain::signature::SigningSecret;
use e2e::binary::Part;
use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, run};
use serde_json::{Value, json};
use store::{MasterKey, pool, signing_secrets};

/// Api and worker as processes of their own, on a namespace of their own.
struct Site {
    world: World,
    namespace: String,
}

struct Processes {
    api: Part,
    worker: Part,
}

impl Site {
    async fn new() -> Self {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let reset = "UPDATE environments SET id = gen_random_uuid()";
        sqlx::query(reset).execute(&world.pool).await.expect("an id");
        let site = Self { namespace: format!("keys-{}", uuid::Uuid::now_v7().simple()), world };
        let (code, made) = site.command(&site.world.master_key, &["setup", "temporal"]).await;
        assert_eq!(code, 0, "{made}");
        site
    }

    fn settings<'a>(&'a self, keys: &'a str) -> [(&'a str, &'a str); 2] {
        [("TEMPORAL_NAMESPACE", &self.namespace), ("SENDPROMPTLY_MASTER_KEY", keys)]
    }

    async fn command(&self, keys: &str, arguments: &[&str]) -> (i32, Value) {
        let done = self.world.cli_with(arguments, &self.settings(keys), "").await;
        let (code, said, _) = done.expect("a command");
        (code, said)
    }

    async fn spawn(&self, part: &str, keys: &str) -> Part {
        let before = self.holders(keys).await;
        let (part, _log) = self.world.spawn_logged(part, &self.settings(keys)).expect("a process");
        eventually("a process that says which keys it has", async || {
            (self.holders(keys).await > before).then_some(())
        })
        .await;
        part
    }

    /// How many processes have exactly these keys.
    async fn holders(&self, keys: &str) -> usize {
        let keys = MasterKey::parse(keys).expect("keys");
        let ids: Vec<_> = keys.ids().map(|id| id.to_string()).collect();
        let running = store::key_holders::list_running(&self.world.pool).await.expect("a list");
        running.iter().filter(|holder| holder.keys == ids).count()
    }

    async fn start(&self, keys: &str) -> Processes {
        Processes { api: self.spawn("api", keys).await, worker: self.spawn("worker", keys).await }
    }

    /// Restarts one process after the other.
    async fn restart(&self, running: Processes, keys: &str) -> Processes {
        assert_eq!(running.worker.end().await.expect("ended"), Some(0));
        let worker = self.spawn("worker", keys).await;
        assert_eq!(running.api.end().await.expect("ended"), Some(0));
        Processes { api: self.spawn("api", keys).await, worker }
    }

    /// Sends a call until it has a response, as an app does.
    async fn send(&self, path: &str, body: &Value) -> Value {
        let idempotency = uuid::Uuid::now_v7().to_string();
        eventually("a response", async || {
            let response = self
                .world
                .http
                .post(format!("{}{path}", self.world.url))
                .header("authorization", format!("Bearer {}", self.world.key.reveal()))
                .header("idempotency-key", &idempotency)
                .header("content-type", "application/json")
                .body(body.to_string())
                .send()
                .await
                .ok()?;
            let status = response.status().as_u16();
            assert!(matches!(status, 202 | 503), "{status}");
            let text = response.text().await.ok()?;
            (status == 202).then(|| serde_json::from_str(&text).expect("JSON"))
        })
        .await
    }

    /// One customer after the other whose effect fails and is reprocessed, until it is enough.
    async fn sell(&self, enough: &AtomicBool, sold: &AtomicUsize) {
        while !enough.load(Ordering::Relaxed) {
            let number = sold.load(Ordering::Relaxed);
            let event = format!("evt_{number}");
            self.send("/api/v1/receipt", &receipt(&event)).await;
            let failed = json!({ "provider_event_id": event, "effect_type": "credit_grant", "status": "failed" });
            let response = self.send("/api/v1/result", &failed).await;
            let incident: IncidentId =
                response["incident"]["id"].as_str().expect("an incident").parse().expect("an id");
            self.world.reprocess(incident).await;
            sold.fetch_add(1, Ordering::Relaxed);
            self.world.repair.keep_up_with(number + 1).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until so many callbacks more came in than now.
    async fn until_more(&self, sold: &AtomicUsize) {
        let enough = sold.load(Ordering::Relaxed) + 5;
        eventually("more callbacks", async || {
            (self.world.repair.received().len() >= enough).then_some(())
        })
        .await;
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.world.pool).await.expect("a count")
    }
}

fn ids(report: &Value, name: &str) -> Vec<String> {
    let of = |value: &Value| value.as_str().expect("an id").to_owned();
    report[name].as_array().expect("a list").iter().map(of).collect()
}

/// What the eight lines of `docs/security.md` do.
fn is_signed(secret: &SigningSecret, callback: &e2e::receiver::Received) -> bool {
    let secret = secret.reveal();
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let (sent, nonce) = (callback.header("x-sp-timestamp"), callback.header("x-sp-nonce"));
    let signed = [sent.as_bytes(), b".", nonce.as_bytes(), b".", &callback.body].concat();
    callback.header("x-sp-signature").split(',').any(|given| {
        let given = hex::decode(given.trim().trim_start_matches("v1=")).expect("hex digits");
        ring::hmac::verify(&key, &signed, &given).is_ok()
    })
}

#[test]
fn the_master_key_is_changed_under_load_and_no_callback_fails() {
    run(async {
        let site = Site::new().await;
        let (enough, sold) = (AtomicBool::new(false), AtomicUsize::new(0));
        let change = async {
            let last = change_key(&site, &sold).await;
            enough.store(true, Ordering::Relaxed);
            last
        };
        let ((_running, new), ()) = tokio::join!(change, site.sell(&enough, &sold));
        let sold = sold.load(Ordering::Relaxed);
        let callbacks = site.world.repair.wait_for(sold).await;
        assert!(callbacks.iter().all(|callback| is_signed(&site.world.secret, callback)));
        assert_eq!(
            site.count("SELECT count(*) FROM audit_entries WHERE action = 'callback.failed'").await,
            0
        );
        let events = site.count("SELECT count(*) FROM payment_events").await;
        assert_eq!(
            usize::try_from(events).expect("a count"),
            sold,
            "no receipt was lost or doubled"
        );
        let new = MasterKey::parse(&new).expect("a key");
        let opened =
            signing_secrets::list_valid_secrets(&site.world.pool, &new, site.world.project.id)
                .await;
        assert_eq!(opened.expect("secrets"), std::slice::from_ref(&site.world.secret));
    });
}

/// Goes through the steps that `master-key new` prints; the processes at the end, and their key.
async fn change_key(site: &Site, sold: &AtomicUsize) -> (Processes, String) {
    let old = site.world.master_key.clone();
    let running = site.start(&old).await;
    site.until_more(sold).await;
    let (code, made) = site.command(&old, &["master-key", "new"]).await;
    assert_eq!(code, 0);
    let new = made["key"].as_str().expect("a key").to_owned();
    let new_id = made["master_key_id"].as_str().expect("an id").to_owned();
    let old_id = MasterKey::parse(&old).expect("a key").newest().to_string();
    let (both, behind) = (format!("{new},{old}"), format!("{old},{new}"));

    let (code, rejected) = site.command(&both, &["master-key", "rotate"]).await;
    let why = rejected["error"]["message"].as_str().expect("why");
    assert!(code == 1 && why.contains(&format!("does not have key {new_id}")), "{rejected}");
    assert_eq!(
        site.count("SELECT count(*) FROM audit_entries WHERE action LIKE 'master_key.%'").await,
        0
    );

    let running = site.restart(running, &behind).await;
    site.until_more(sold).await;
    let (code, status) = site.command(&both, &["master-key", "status"]).await;
    let to_do = ids(&status, "to_do").join("\n");
    assert!(code == 1 && to_do.contains("still seals with another key"), "{status}");

    let running = site.restart(running, &both).await;
    site.until_more(sold).await;
    let (code, done) = site.command(&both, &["master-key", "rotate"]).await;
    assert_eq!((code, ids(&done, "still_seal_with_another_key")), (0, Vec::new()), "{done}");
    let (code, status) = site.command(&both, &["master-key", "status"]).await;
    assert_eq!((code, ids(&status, "can_go")), (0, vec![old_id.clone()]), "{status}");
    let newest = &status["keys"][0];
    assert_eq!((&newest["master_key_id"], &newest["seals"]), (&json!(new_id), &json!(true)));
    assert!(newest["values"].as_i64().is_some_and(|values| values > 0), "{status}");

    let running = site.restart(running, &new).await;
    site.until_more(sold).await;
    let (code, status) = site.command(&new, &["master-key", "status"]).await;
    assert_eq!((code, status["keys"].as_array().expect("keys").len()), (0, 1), "{status}");
    (running, new)
}

/// A thousand secrets beside the project's first one.
async fn add_secrets(world: &World) {
    let key = MasterKey::parse(&world.master_key).expect("a key");
    for number in 0..1_000_u32 {
        let bytes = std::array::from_fn(|at| number.to_be_bytes()[at % 4]);
        let secret = SigningSecret::from_bytes(bytes);
        let added = signing_secrets::insert_secret(&world.pool, &key, world.project.id, &secret);
        added.await.expect("a secret");
    }
}

/// Begins to seal everything again, and is killed when it has come a good way.
async fn rotate_and_be_killed(world: &World, keys: &str) {
    // The last rows are locked, so the command cannot be done before it is killed.
    let mut tx = pool::begin(&world.pool).await.expect("a transaction");
    let lock = "SELECT id FROM signing_secrets ORDER BY id DESC LIMIT 100 FOR UPDATE";
    sqlx::query(lock).execute(&mut *tx).await.expect("locked");
    let mut command = world.command(&["master-key", "rotate"]).expect("a command");
    let mut killed = command.env("SENDPROMPTLY_MASTER_KEY", keys).spawn().expect("a process");
    eventually("some values under the new key", async || {
        (resealed(world, keys).await >= 640).then_some(())
    })
    .await;
    killed.kill().await.expect("killed");
    tx.rollback().await.expect("let go");
    // What the killed command had sent may still be done by the server.
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
        AND query LIKE 'UPDATE signing_secrets AS t%'";
    eventually("the server to be done", async || {
        let busy: i64 = sqlx::query_scalar(busy).fetch_one(&world.pool).await.expect("a count");
        (busy == 0).then_some(())
    })
    .await;
}

/// How many signing secrets the first of these keys sealed.
async fn resealed(world: &World, keys: &str) -> i64 {
    let newest = MasterKey::parse(keys).expect("keys").newest();
    let sql = "SELECT count(*) FROM signing_secrets WHERE substring(sealed FROM 2 FOR 4) = $1";
    let counted = sqlx::query_scalar(sql).bind(newest.as_bytes());
    counted.fetch_one(&world.pool).await.expect("a count")
}

/// How many secrets these keys open, if they open each.
async fn opened(world: &World, keys: &str) -> usize {
    let key = MasterKey::parse(keys).expect("keys");
    let all = signing_secrets::list_valid_secrets(&world.pool, &key, world.project.id).await;
    all.expect("each value is whole").len()
}

#[test]
fn a_rotation_that_is_killed_leaves_every_value_whole_and_is_gone_on_with() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let new = MasterKey::generate();
        let both = format!("{new},{}", world.master_key);
        add_secrets(&world).await;
        rotate_and_be_killed(&world, &both).await;
        assert_eq!(opened(&world, &both).await, 1_001);
        let before = resealed(&world, &both).await;
        assert!(before < 1_001, "{before}");
        let settings = [("SENDPROMPTLY_MASTER_KEY", both.as_str())];
        let done = world.cli_with(&["master-key", "rotate"], &settings, "").await;
        let (code, report, _) = done.expect("a command");
        assert_eq!((code, report["resealed"].as_i64()), (0, Some(1_001 - before)), "{report}");
        assert_eq!(opened(&world, &new).await, 1_001, "without the old key");
        let audit: Vec<(String, Value)> = sqlx::query_as(
            "SELECT action, detail FROM audit_entries WHERE action LIKE 'master_key.%' ORDER BY at, id",
        )
        .fetch_all(&world.pool)
        .await
        .expect("the audit");
        let actions: Vec<_> = audit.iter().map(|(action, _)| action.as_str()).collect();
        let started = "master_key.rotation_started";
        assert_eq!(actions, [started, started, "master_key.rotated"]);
        assert_eq!(audit[2].1["resealed"]["signing_secrets"], json!(1_001 - before));
    });
}

#[test]
fn values_that_no_configured_key_opens_are_named_by_status_and_rotate() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let stranger = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let secret = SigningSecret::from_bytes([9; 32]);
        let added =
            signing_secrets::insert_secret(&world.pool, &stranger, world.project.id, &secret).await;
        added.expect("a secret");
        // The newest secret is one that the key opens: what is older is counted all the same.
        let ours = MasterKey::parse(&world.master_key).expect("a key");
        let newest = signing_secrets::insert_secret(&world.pool, &ours, world.project.id, &secret);
        newest.await.expect("a secret");
        let lost = stranger.newest().to_string();
        let (code, status) = world.cli(&["master-key", "status"]).await.expect("a command");
        let to_do = ids(&status, "to_do").join("\n");
        assert_eq!(code, 1, "{status}");
        assert!(to_do.contains(&format!("1 value is sealed with key {lost}")), "{to_do}");
        assert!(to_do.contains("not in SENDPROMPTLY_MASTER_KEY"), "{to_do}");
        let (code, done) = world.cli(&["master-key", "rotate"]).await.expect("a command");
        let unopened = &done["unopened"][0];
        assert_eq!((code, &unopened["table"]), (1, &json!("signing_secrets")), "{done}");
        assert!(unopened["error"].as_str().expect("an error").contains(&lost), "{done}");
    });
}
