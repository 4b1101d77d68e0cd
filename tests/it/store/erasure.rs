//! Erasing a customer: nothing of them is in any column, their events stay and are known again, nobody else's rows
//! change, and whoever finds an erasure that was cut off finishes it.

mod left;
mod meanwhile;
mod restored;
mod several;

use std::collections::{BTreeMap, BTreeSet};

use domain::callback::AnswerVerdict;
use domain::effect_result::EffectResult;
use domain::erasure::ErasureState;
use domain::ids::EventId;
use domain::secret_token::ProofToken;
use e2e::{leaks, run};
use serde_json::json;
use store::api_keys::KeyOwner;
use store::erasure::{self, COLUMNS, Erasure, Preview};
use store::transitions::receipt::{AcceptedReceipt, Delivery, accept_receipt};
use store::{api_keys, pool, proof_links};

use super::shop::{RunningReprocess, Shop, bob, early, receipt_with};

/// Whose name is looked for, and words about them.
const CANARY: &str = "canary-5b1e07-of-alice";
const OTHER: &str = "user_of_charlie";

/// Tables whose rows are never overwritten: an entry keeps its words, as the documents say.
const KEPT: [&str; 1] = ["audit_entries"];

impl Shop {
    /// Whom an event's incident is about, and what is said of it.
    async fn words_of(&self, event_id: EventId) -> String {
        let sql =
            "SELECT internal_reference || ' ' || error_message FROM incidents WHERE event_id = $1";
        let found = sqlx::query_scalar(sql).bind(event_id.as_uuid()).fetch_one(&self.pool).await;
        found.expect("an incident")
    }

    /// The same shop as a process sees it that knows of every erasure.
    async fn informed(&self) -> Self {
        let owners = api_keys::list_owners(&self.pool).await.expect("keys");
        let known = owners.into_iter().find(|(_, owner)| owner.key_id == self.owner.key_id);
        let owner = KeyOwner { erased: known.expect("the key").1.erased, ..self.owner.clone() };
        self.working_for(owner)
    }

    async fn send(&self, event: &str, reference: &str) -> AcceptedReceipt {
        let receipt = receipt_with(event, &json!({ "internal_reference": reference }));
        let event_key = receipt.identity("").key();
        let snapshot = json!({ "mail": reference }).to_string();
        let delivery =
            Delivery { snapshot: Some(&snapshot), ..Delivery::new(&receipt, &event_key) };
        let mut tx = self.begin().await;
        let taken = accept_receipt(&mut tx, &self.master_key, &self.owner, delivery).await;
        pool::commit(tx).await.expect("a commit");
        taken.expect("a receipt")
    }

    /// A payment whose effect failed, whose repair failed, with words about the customer wherever there can be any.
    async fn break_for(&self, event: &str, reference: &str) -> EventId {
        let event_id = self.send(event, reference).await.event_id;
        let words = format!("no such account: {reference}");
        self.report(event_id, json!({ "status": "failed", "error_message": words })).await;
        let running = RunningReprocess { event_id, replay_id: self.reprocess(event_id).await };
        self.attempt(running, AnswerVerdict::Stop).await;
        let incident = self.incident(event_id).await;
        let hash = ProofToken::from_bytes([u8::try_from(event.len()).expect("short"); 32]).hash();
        proof_links::insert_link(&self.pool, &incident, &hash, "operator:bob@cometcart.test", 7)
            .await
            .expect("a link");
        for sql in [
            "UPDATE reprocesses SET note = $2 WHERE event_id = $1",
            "UPDATE callback_attempts SET answer = $2, redirect_to = $2
             WHERE replay_id IN (SELECT id FROM reprocesses WHERE event_id = $1)",
            "UPDATE incidents SET resolution_note = $2 WHERE event_id = $1",
            "UPDATE alerts SET last_answer = $2 WHERE event_id = $1",
            "UPDATE outbox SET last_error = $2 WHERE event_id = $1",
            "INSERT INTO claimed_early_results (id, event_id, project_id, provider_event_id, internal_reference)
             SELECT id, id, project_id, provider_event_id, $2 FROM payment_events WHERE id = $1",
            "INSERT INTO idempotency_keys (project_id, route, key, request_hash, status, body)
             SELECT project_id, 'receipt', $2, '', 202, convert_to($3, 'UTF8') FROM payment_events WHERE id = $1",
        ] {
            let body = json!({ "event_id": event_id }).to_string();
            let sql = sqlx::query(sql).bind(event_id.as_uuid()).bind(&words).bind(body);
            sql.execute(&self.pool).await.expect("words");
        }
        event_id
    }

    /// A result that waits for its receipt.
    async fn keep_waiting(&self, reference: &str) {
        let result = EffectResult::parse(json!({ "status": "success" }).as_object().expect("it"));
        let mut waiting = early("evt_later", result.expect("a result"));
        waiting.event.internal_reference = Some(reference.to_owned());
        self.keep_early("k1", &waiting).await;
    }

    /// What is left of a result that no receipt claimed.
    async fn leave_unclaimed(&self, reference: &str) {
        let sql = "INSERT INTO audit_entries (id, actor, action, project_id, detail)
            SELECT gen_random_uuid(), 'system', 'result.unclaimed', id, jsonb_build_object(
                'internal_reference', $1::text, 'status', 'success', 'received_at', '') FROM projects";
        sqlx::query(sql).bind(reference).execute(&self.pool).await.expect("an entry");
    }

    /// A filter of somebody who looks for a customer again and again.
    async fn save_filter(&self, reference: &str) {
        let sql = "WITH operator AS (INSERT INTO operators (id, email, role, password_hash)
                VALUES (gen_random_uuid(), gen_random_uuid() || '@cometcart.test', 'viewer', '') RETURNING id)
            INSERT INTO saved_filters (id, owner, list, name, filter, shared)
            SELECT gen_random_uuid(), id, 'incidents', 'Theirs', jsonb_build_object('q', $1::text), false FROM operator";
        sqlx::query(sql).bind(reference).execute(&self.pool).await.expect("a filter");
    }

    async fn preview(&self, reference: &str) -> Preview {
        let (key, project_id) = (&self.master_key, self.owner.project_id);
        erasure::preview(&self.pool, key, project_id, reference).await.expect("a preview")
    }

    async fn begin_erasing(&self, reference: &str) -> Erasure {
        let (key, project_id) = (&self.master_key, self.owner.project_id);
        let begun = erasure::begin(&self.pool, key, &bob(), project_id, reference).await;
        let begun = begun.expect("an erasure");
        // Every process knows of it by now.
        let sql = "UPDATE erasures SET requested_at = now() - interval '8 seconds' WHERE id = $1";
        let aged = sqlx::query(sql).bind(begun.id.as_uuid()).execute(&self.pool).await;
        aged.expect("an erasure of a moment ago");
        begun
    }

    pub async fn erase(&self, reference: &str) -> Erasure {
        let begun = self.begin_erasing(reference).await;
        let done = erasure::run(&self.pool, &self.master_key, begun.id, &mut |_| ()).await;
        done.expect("erased")
    }

    /// Every row but those that never change.
    async fn rows(&self) -> String {
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ($1)
            ORDER BY tablename";
        let kept = KEPT.map(str::to_owned);
        let tables: Vec<String> =
            sqlx::query_scalar(tables).bind(&kept[..]).fetch_all(&self.pool).await.expect("tables");
        let mut all = String::new();
        for table in tables {
            let sql = format!(
                "SELECT coalesce(string_agg('{table} ' || t::text, '\n'), '') || '\n' FROM {table} t"
            );
            let rows: Result<String, _> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.pool).await;
            all.push_str(&rows.unwrap_or_else(|error| panic!("{table}: {error}")));
        }
        all
    }
}

/// The lines that hold the canary.
fn leaking<'a>(rows: &'a str, canary: &str) -> Vec<&'a str> {
    rows.lines().filter(|line| leaks::holds(line, canary)).collect()
}

#[test]
fn every_column_that_can_hold_a_text_is_said_to_be_erased_or_to_hold_nothing_of_a_customer() {
    run(async {
        let shop = Shop::open().await;
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'
               AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public') AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("columns");
        let found: BTreeSet<_> = found.iter().map(|(table, name)| (&**table, &**name)).collect();
        let of_table = |(table, columns): &(&'static str, &'static [(&'static str, _)])| {
            let table = *table;
            columns.iter().map(move |(name, _)| (table, *name)).collect::<Vec<_>>()
        };
        let said: BTreeSet<_> = COLUMNS.iter().flat_map(of_table).collect();
        let missing: Vec<_> = found.difference(&said).collect();
        let gone: Vec<_> = said.difference(&found).collect();
        assert!(missing.is_empty() && gone.is_empty(), "missing: {missing:?}, gone: {gone:?}");
    });
}

/// Where a customer's words are before an erasure.
const HELD: [&str; 12] = [
    "alerts",
    "audit_texts",
    "callback_attempts",
    "claimed_early_results",
    "early_results",
    "idempotency_keys",
    "incidents",
    "outbox",
    "payment_events",
    "reprocesses",
    "results",
    "saved_filters",
];

#[test]
fn nothing_of_an_erased_customer_is_in_any_row_and_nobody_elses_rows_change() {
    run(async {
        let shop = Shop::open().await;
        let hers = shop.break_for("evt_1", CANARY).await;
        let his = shop.break_for("evt_10", OTHER).await;
        shop.keep_waiting(CANARY).await;
        for reference in [CANARY, OTHER] {
            shop.save_filter(reference).await;
        }
        let before = shop.rows().await;
        let tables: BTreeSet<_> =
            leaking(&before, CANARY).iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(tables.into_iter().collect::<Vec<_>>(), HELD, "what is looked for was there");
        let his_rows = |rows: &str| leaking(rows, OTHER).join("\n");
        let (of_him, preview) = (his_rows(&before), shop.preview(CANARY).await);
        assert_eq!(shop.rows().await, before, "a preview changes nothing");

        let done = shop.erase(CANARY).await;
        assert_eq!(done.state, ErasureState::Done);
        let after = shop.rows().await;
        assert_eq!(leaking(&after, CANARY), [""; 0]);
        assert_eq!(his_rows(&after), of_him);
        for (table, rows) in &preview.rows {
            assert_eq!(done.erased.get(table), Some(rows), "{table} was announced");
        }
        let hers = shop.words_of(hers).await;
        assert_eq!(hers, format!("{} [erased]", done.customer));
        assert_eq!(shop.words_of(his).await, format!("{OTHER} no such account: {OTHER}"));
        assert_eq!(done.watches_left, 1);
        assert!(shop.preview(CANARY).await.is_empty());
    });
}

#[test]
fn a_receipt_of_an_erased_customer_is_known_again_and_a_new_event_is_new_data() {
    run(async {
        let shop = Shop::open().await;
        let first = shop.send("evt_1", CANARY).await;
        let done = shop.erase(CANARY).await;
        let shop = shop.informed().await;
        let again = shop.send("evt_1", CANARY).await;
        assert!(again.duplicate && again.event_id == first.event_id, "{again:?}");
        assert_eq!(again.timeout_at, first.timeout_at);
        let new = shop.send("evt_2", CANARY).await;
        assert!(!new.duplicate);
        let said = shop.story(new.event_id).await;
        assert!(said.contains("receipt.accepted customer.returned"), "{said}");
        assert!(!shop.send("evt_1", OTHER).await.duplicate, "someone else's payment");
        assert!(leaks::holds(&shop.rows().await, CANARY), "what came since is kept as of anyone");

        // It is erased as any other, under the same tombstone, and both are known then.
        let second = shop.erase(CANARY).await;
        assert_eq!((second.customer, second.erased["payment_events"]), (done.customer, 1));
        let shop = shop.informed().await;
        for (event, known) in [("evt_1", first.event_id), ("evt_2", new.event_id)] {
            let again = shop.send(event, CANARY).await;
            assert!(again.duplicate && again.event_id == known, "{event}: {again:?}");
        }
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
    });
}

#[test]
fn words_that_came_since_are_erased_by_the_tombstone_too() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.send("evt_1", CANARY).await.event_id;
        let done = shop.erase(CANARY).await;
        let late = json!({ "status": "failed", "error_message": format!("{CANARY} is gone") });
        shop.report(event_id, late).await;
        shop.reprocess(event_id).await;
        // Nobody has to say why.
        shop.execute("UPDATE reprocesses SET note = NULL WHERE event_id = $1", event_id).await;
        assert_eq!(shop.preview(&done.customer.to_string()).await.rows["reprocesses"], 1);
        let again = shop.erase(&done.customer.to_string()).await;
        assert_eq!((again.customer, again.erased["results"]), (done.customer, 1));
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
        let shop = shop.informed().await;
        assert!(shop.send("evt_1", CANARY).await.duplicate, "its key was not hashed twice");
    });
}

#[test]
fn an_erasure_that_is_cut_off_anywhere_is_finished_by_whoever_finds_it() {
    run(async {
        let shop = Shop::open().await;
        for number in 0..120 {
            shop.send(&format!("evt_{number}"), CANARY).await;
        }
        let begun = shop.begin_erasing(CANARY).await;
        let same = shop.begin_erasing(CANARY).await;
        assert_eq!(same.id, begun.id, "one at a time");
        let mut states = Vec::new();
        loop {
            // A step whose transaction is cut off has changed nothing.
            let mut tx = shop.begin().await;
            sqlx::query("SELECT FROM erasures FOR UPDATE").fetch_all(&mut *tx).await.expect("rows");
            drop(tx);
            let step = erasure::step(&shop.pool, &shop.master_key, begun.id).await.expect("a step");
            states.push(step.state);
            if step.state == ErasureState::Done {
                assert_eq!(step.erased["payment_events"], 120);
                break;
            }
        }
        let counts: BTreeMap<_, usize> = states.iter().fold(BTreeMap::new(), |mut all, state| {
            *all.entry(*state).or_default() += 1;
            all
        });
        assert_eq!(counts[&ErasureState::Events], 2, "two batches: {states:?}");
        let again = erasure::step(&shop.pool, &shop.master_key, begun.id).await.expect("a step");
        assert_eq!(again.state, ErasureState::Done, "nothing more happens");
        let entries: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM audit_entries WHERE action = 'customer.erased' AND actor = 'cli:bob'",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("a count");
        assert_eq!(entries, 1);
    });
}

/// Goes on with an erasure until it is in this state.
async fn step_to(shop: &Shop, begun: &Erasure, state: ErasureState) -> Erasure {
    loop {
        let step = erasure::step(&shop.pool, &shop.master_key, begun.id).await.expect("a step");
        if step.state == state {
            return step;
        }
    }
}

#[test]
fn a_receipt_that_commits_late_is_erased_behind_hundreds_that_were() {
    run(async {
        let shop = Shop::open().await;
        for number in 0..101 {
            shop.send(&format!("evt_{number}"), CANARY).await;
        }
        for late_in in [ErasureState::Rest, ErasureState::Texts] {
            let receipt = receipt_with(late_in.as_str(), &json!({ "internal_reference": CANARY }));
            let mut slow = shop.begin().await;
            shop.accept_in(&mut slow, &receipt).await;
            let begun = shop.begin_erasing(CANARY).await;
            step_to(&shop, &begun, late_in).await;
            pool::commit(slow).await.expect("a commit");
            let done = step_to(&shop, &begun, ErasureState::Done).await;
            assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0], "{done:?}");
        }
    });
}

#[test]
fn an_erasure_by_the_tombstone_that_is_under_way_keeps_nobody_from_one_by_the_reference() {
    run(async {
        let shop = Shop::open().await;
        shop.send("evt_1", CANARY).await;
        let done = shop.erase(CANARY).await;
        shop.send("evt_2", CANARY).await;
        let by_tombstone = shop.begin_erasing(&done.customer.to_string()).await;
        step_to(&shop, &by_tombstone, ErasureState::Texts).await;
        let by_reference = shop.erase(CANARY).await;
        assert_eq!(by_reference.id, by_tombstone.id, "one at a time");
        assert_eq!(by_reference.erased["payment_events"], 1);
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
    });
}

#[test]
fn who_is_known_from_an_unclaimed_result_alone_can_be_erased() {
    run(async {
        let shop = Shop::open().await;
        shop.leave_unclaimed(CANARY).await;
        let known = BTreeMap::from([("audit_texts".to_owned(), 1)]);
        assert_eq!(shop.preview(CANARY).await.rows, known, "or nobody could ask for it");
        assert_eq!(shop.erase(CANARY).await.erased, known);
        assert!(shop.preview(CANARY).await.is_empty());
        assert_eq!(leaking(&shop.rows().await, CANARY), [""; 0]);
    });
}

#[test]
fn the_function_of_the_owner_works_for_an_erasure_on_its_customers_events_alone() {
    run(async {
        let shop = Shop::open().await;
        let hers = shop.send("evt_1", CANARY).await.event_id;
        let his = shop.send("evt_2", OTHER).await.event_id;
        let erase = async |erasure: uuid::Uuid, ids: &[EventId]| -> i64 {
            let sql =
                "SELECT coalesce(sum(quantity), 0)::bigint FROM erase_events($1, $2, '{}', '{}')";
            let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
            let rows = sqlx::query_scalar(sql).bind(erasure).bind(&ids).fetch_one(&shop.pool).await;
            rows.expect("a count")
        };
        assert_eq!(erase(uuid::Uuid::now_v7(), &[hers, his]).await, 0, "for no erasure");
        let begun = shop.begin_erasing(CANARY).await;
        assert_eq!(erase(begun.id.as_uuid(), &[his]).await, 0, "someone else's event");
        assert_eq!(erase(begun.id.as_uuid(), &[hers, his]).await, 2, "an event and its snapshot");
        shop.erase(CANARY).await;
        assert_eq!(erase(begun.id.as_uuid(), &[hers]).await, 0, "for one that is done");
    });
}
