//! What people change, each change with one entry of the audit.

use domain::api_key::ApiKey;
use domain::operator::Role;
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::secret_token::{OperatorToken, ProofToken};
use domain::signature::SigningSecret;
use domain::snapshot::SnapshotSettings;
use e2e::run;
use store::administration::destination::{self, TestOutcome};
use store::administration::{key, operator, project, proof_link, secret, session, token};
use store::destinations::{self, NewDestination};
use store::operators::{Login, OperatorChange};
use store::projects::ProjectSettings;
use store::{Insertion, pool, sessions};
use time::macros::datetime;

use super::people::{ALICE, BOB, alice, token_hash};
use super::shop::Shop;

fn settings() -> ProjectSettings {
    ProjectSettings {
        timeout_minutes: 10,
        snapshots: SnapshotSettings { kept: true, ..Default::default() },
        ..ProjectSettings::new("Second shop".to_owned(), Mode::Live)
    }
}

#[test]
fn a_project_is_made_changed_and_left_alone() {
    run(async {
        let shop = Shop::open().await;
        let (actor, settings) = (alice(), settings());
        let mut tx = shop.begin().await;
        let first = SigningSecret::from_bytes([1; 32]);
        let made = project::create_project(&mut tx, &actor, &settings, &first, &shop.master_key);
        let id = made.await.expect("a project");
        let url = Some("https://shop.example.com/repair".to_owned());
        let after = ProjectSettings { timeout_minutes: 20, repair_url: url, ..settings };
        for changed in [Some(true), Some(false)] {
            let updated = project::update_project(&mut tx, &alice(), id, &after).await;
            assert_eq!(updated.expect("a database"), changed);
        }
        let nowhere = domain::ids::ProjectId::from_uuid(uuid::Uuid::now_v7());
        let lost = project::update_project(&mut tx, &alice(), nowhere, &after).await;
        assert_eq!(lost.expect("a database"), None);
        let second = SigningSecret::from_bytes([2; 32]);
        secret::rotate_secret(&mut tx, &alice(), &shop.master_key, id, &second)
            .await
            .expect("a rotation");
        pool::commit(tx).await.expect("a commit");
        let mut tx = shop.begin().await;
        let listed = store::signing_secrets::list_secrets(&mut *tx, id).await.expect("a list");
        for (at, done) in [(0, false), (1, true), (1, false)] {
            let revoked = secret::revoke_secret(&mut tx, &alice(), id, listed[at].id).await;
            assert_eq!(revoked.expect("a database"), done);
        }
        pool::commit(tx).await.expect("a commit");
        insta::assert_snapshot!(shop.administration().await, @r#"
        operator:alice@cometcart.test project.created {"expected_receipts":"learned","mode":"live","name":"Second shop","repair_url":null,"retention_months":12,"snapshots":true,"timeout_minutes":10}
        operator:alice@cometcart.test project.updated {"repair_url":{"from":null,"to":"https://shop.example.com/repair"},"timeout_minutes":{"from":10,"to":20}}
        operator:alice@cometcart.test secret.rotated {"secret_id":"sec_"}
        operator:alice@cometcart.test secret.revoked {"secret_id":"sec_"}
        "#);
    });
}

#[test]
fn a_key_is_made_and_revoked() {
    run(async {
        let shop = Shop::open().await;
        let id = shop.owner.project_id;
        let api_key = ApiKey::from_random(Mode::Test, &[7; 64]).expect("a key");
        let mut tx = shop.begin().await;
        let made = key::create_key(&mut tx, &alice(), id, "worker", &api_key).await;
        let key_id = made.expect("a key");
        for project in [Some(id), None] {
            let revoked = key::revoke_key(&mut tx, &alice(), key_id).await;
            assert_eq!(revoked.expect("a database"), project);
        }
        pool::commit(tx).await.expect("a commit");
        let entries = shop.administration().await;
        assert!(!entries.contains(&api_key.reveal()[8..40]), "{entries}");
        insta::assert_snapshot!(entries, @r#"
        operator:alice@cometcart.test key.created {"key_id":"key_","label":"worker","last_four":"LfI3"}
        operator:alice@cometcart.test key.revoked {"key_id":"key_","label":"worker","last_four":"LfI3"}
        "#);
    });
}

#[test]
fn an_address_is_told_once_however_often_it_is_added_and_again_once_it_was_removed() {
    run(async {
        let shop = Shop::open().await;
        let id = shop.owner.project_id;
        let add = async |address: &str| {
            let new = NewDestination::email(address).expect("an address");
            let mut tx = shop.begin().await;
            let (actor, key) = (alice(), &shop.master_key);
            let added = destination::add_destination(&mut tx, &actor, key, id, &new).await;
            let added = added.expect("a database");
            pool::commit(tx).await.expect("a commit");
            added
        };
        let (one, other) = tokio::join!(add("dora@cometcart.test"), add("Dora@CometCart.test"));
        let (dora, known) = match (one, other) {
            (Insertion::Inserted(dora), Insertion::Existing(known))
            | (Insertion::Existing(known), Insertion::Inserted(dora)) => (dora, known),
            both => panic!("{both:?}"),
        };
        assert_eq!(dora, known);
        assert_eq!(shop.administration().await.matches("destination.added").count(), 1);
        destinations::remove_destination(&shop.pool, dora).await.expect("removed");
        assert!(matches!(add("dora@cometcart.test").await, Insertion::Inserted(_)));
    });
}

#[test]
fn a_destination_is_added_tried_and_removed() {
    run(async {
        let shop = Shop::open().await;
        let id = shop.owner.project_id;
        let mut tx = shop.begin().await;
        let url = "https://hooks.slack.com/services/T0/B0/canarycanary";
        let new = NewDestination::slack(url, Mode::Test, &AllowedNetworks::none()).expect("a URL");
        let (actor, key) = (alice(), &shop.master_key);
        let added = destination::add_destination(&mut tx, &actor, key, id, &new).await;
        let Insertion::Inserted(slack) = added.expect("a destination") else {
            panic!("it is new");
        };
        for (outcome, broken) in [
            (TestOutcome::Rejected("500"), false),
            (TestOutcome::Gone("404 no_service"), false),
            (TestOutcome::Gone("404 no_service"), false),
            (TestOutcome::Delivered("ok"), false),
        ] {
            let noted = destination::note_test(&mut tx, &alice(), id, slack, outcome).await;
            noted.expect("a database");
            let listed = destinations::list_destinations(&mut *tx, Some(id)).await.expect("a list");
            let found = listed.iter().find(|one| one.id == slack).expect("the destination");
            assert_eq!(found.broken_at.is_some(), broken, "{outcome:?}");
            let works = matches!(outcome, TestOutcome::Delivered(_));
            assert_eq!(found.failing_since.is_none(), works, "{outcome:?}");
            assert_eq!(found.last_failure.is_none(), works, "{outcome:?}");
        }
        for project in [Some(id), None] {
            let removed = destination::remove_destination(&mut tx, &alice(), slack).await;
            assert_eq!(removed.expect("a database"), project);
        }
        pool::commit(tx).await.expect("a commit");
        insta::assert_snapshot!(shop.administration().await, @r#"
        operator:alice@cometcart.test destination.added {"address":"hooks.slack.com","destination_id":"dst_","kind":"slack"}
        operator:alice@cometcart.test destination.tested {"answer":"500","delivered":false,"destination_id":"dst_"}
        operator:alice@cometcart.test destination.tested {"answer":"404 no_service","delivered":false,"destination_id":"dst_"}
        operator:alice@cometcart.test destination.tested {"answer":"404 no_service","delivered":false,"destination_id":"dst_"}
        operator:alice@cometcart.test destination.tested {"answer":"ok","delivered":true,"destination_id":"dst_"}
        operator:alice@cometcart.test destination.removed {"destination_id":"dst_"}
        "#);
    });
}

#[test]
fn two_who_rename_a_destination_concurrently_leave_one_chain_of_names() {
    run(async {
        let shop = Shop::open().await;
        let new = NewDestination::email("dora@cometcart.test").expect("an address");
        let id = shop.owner.project_id;
        let mut tx = shop.begin().await;
        let added =
            destination::add_destination(&mut tx, &alice(), &shop.master_key, id, &new).await;
        let Insertion::Inserted(dora) = added.expect("a destination") else {
            panic!("it is new");
        };
        pool::commit(tx).await.expect("a commit");
        let rename = async |label: &'static str| {
            let mut tx = shop.begin().await;
            let (actor, key) = (alice(), &shop.master_key);
            let renamed =
                destination::rename_destination(&mut tx, &actor, key, dora, Some(label)).await;
            pool::commit(tx).await.expect("a commit");
            renamed.expect("a database").expect("a destination")
        };
        let (one, other) = tokio::join!(rename("Dora"), rename("On call"));
        let (first, last) = if one.from == new.shown { (one, other) } else { (other, one) };
        assert_eq!(first.from, new.shown);
        assert_eq!(last.from, first.to, "the later one starts from what the earlier one left");
        let now = destinations::find_destination(&shop.pool, dora).await.expect("a database");
        assert_eq!(now.expect("a destination").label, last.to);
        assert_eq!(shop.administration().await.matches("destination.renamed").count(), 2);
    });
}

#[test]
fn operators_are_added_changed_and_removed() {
    run(async {
        let shop = Shop::open().await;
        let alices = shop.hire(ALICE, Role::Admin).await;
        let bob = shop.hire(BOB, Role::Operator).await;
        shop.try_hire(BOB, Role::Admin).await;
        shop.sit_down(bob, 1).await;
        let kept = shop.sit_down(bob, 2).await;
        let known = shop.login(BOB).await;
        let mut tx = shop.begin().await;
        for _ in 0..2 {
            let changed = operator::change_role(&mut tx, &alice(), bob, Role::Viewer).await;
            assert!(matches!(changed, Ok(OperatorChange::Done(_))), "{changed:?}");
        }
        let rejected = operator::change_role(&mut tx, &alice(), alices, Role::Viewer).await;
        assert!(matches!(rejected, Ok(OperatorChange::LastAdmin)), "{rejected:?}");
        let changed =
            operator::change_password(&mut tx, &alice(), &known, "new hash", Some(kept)).await;
        assert_eq!(changed.expect("a database"), Some(1));
        let removed = operator::remove_operator(&mut tx, &alice(), bob).await;
        assert!(matches!(removed, Ok(OperatorChange::Done(_))), "{removed:?}");
        let known = Login { password_hash: "new hash".to_owned(), ..known };
        let gone = operator::change_password(&mut tx, &alice(), &known, "new", None).await;
        assert_eq!(gone.expect("a database"), None);
        pool::commit(tx).await.expect("a commit");
        let entries = shop.administration().await;
        assert!(!entries.contains("hash"), "{entries}");
        insta::assert_snapshot!(entries, @r#"
        operator:alice@cometcart.test operator.added {"email":"alice@cometcart.test","operator_id":"opr_","role":"admin"}
        operator:alice@cometcart.test operator.added {"email":"bob@cometcart.test","operator_id":"opr_","role":"operator"}
        operator:alice@cometcart.test operator.role_changed {"email":"bob@cometcart.test","from":"operator","operator_id":"opr_","to":"viewer"}
        operator:alice@cometcart.test operator.password_changed {"email":"bob@cometcart.test","operator_id":"opr_","sessions_ended":1}
        operator:alice@cometcart.test operator.removed {"email":"bob@cometcart.test","operator_id":"opr_","role":"viewer"}
        "#);
    });
}

#[test]
fn an_operators_token_is_made_and_revoked() {
    run(async {
        let shop = Shop::open().await;
        let bob = shop.hire(BOB, Role::Operator).await;
        let login = shop.login(BOB).await;
        let mut tx = shop.begin().await;
        let own = OperatorToken::from_random(&[7; 64]).expect("a token");
        let made = token::create_token(&mut tx, &alice(), &login, "pager", &own).await;
        let token_id = made.expect("a database").expect("a token");
        for done in [true, false] {
            let revoked = token::revoke_token(&mut tx, &alice(), bob, token_id).await;
            assert_eq!(revoked.expect("a database"), done);
        }
        pool::commit(tx).await.expect("a commit");
        let entries = shop.administration().await;
        assert!(!entries.contains(&own.reveal()[3..35]), "{entries}");
        insta::assert_snapshot!(entries, @r#"
        operator:alice@cometcart.test operator.added {"email":"bob@cometcart.test","operator_id":"opr_","role":"operator"}
        operator:alice@cometcart.test token.created {"label":"pager","last_four":"pmbw","operator_id":"opr_","token_id":"tok_"}
        operator:alice@cometcart.test token.revoked {"label":"pager","last_four":"pmbw","operator_id":"opr_","token_id":"tok_"}
        "#);
    });
}

#[test]
fn people_sign_in_and_out_and_are_locked_out() {
    run(async {
        let shop = Shop::open().await;
        let bob = shop.hire(BOB, Role::Operator).await;
        let login = shop.login(BOB).await;
        let mut tx = shop.begin().await;
        for attempt in 1..=3 {
            let begun =
                session::sign_in(&mut tx, &login, &token_hash(attempt), Some("Firefox")).await;
            assert!(begun.expect("a database").is_some());
        }
        let found =
            sessions::find_session(&mut *tx, &token_hash(1), true).await.expect("a database");
        let first = found.expect("a session");
        for done in [true, false] {
            let ended = session::sign_out(&mut tx, &first).await;
            assert_eq!(ended.expect("a database"), done);
        }
        let ended = session::sign_out_everywhere(&mut tx, &alice(), bob, None).await;
        assert_eq!(ended.expect("a database"), 2);
        let until = datetime!(2026-11-22 10:15:00 UTC);
        for (email, known) in [(BOB, true), ("correct horse battery", false)] {
            let noted = session::note_lock_out(&mut tx, email, until).await;
            assert_eq!(noted.expect("a database"), known);
        }
        pool::commit(tx).await.expect("a commit");
        insta::assert_snapshot!(shop.administration().await, @r#"
        operator:alice@cometcart.test operator.added {"email":"bob@cometcart.test","operator_id":"opr_","role":"operator"}
        operator:bob@cometcart.test operator.signed_in {"operator_id":"opr_","session_id":"ses_"}
        operator:bob@cometcart.test operator.signed_in {"operator_id":"opr_","session_id":"ses_"}
        operator:bob@cometcart.test operator.signed_in {"operator_id":"opr_","session_id":"ses_"}
        operator:bob@cometcart.test operator.signed_out {"operator_id":"opr_","session_id":"ses_"}
        operator:alice@cometcart.test operator.signed_out {"email":"bob@cometcart.test","operator_id":"opr_","sessions_ended":2}
        system operator.locked_out {"email":"bob@cometcart.test","locked_until":"2026-11-22T10:15:00Z","operator_id":"opr_"}
        "#);
    });
}

#[test]
fn proof_links_are_on_the_timeline_of_their_incident() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let incident = shop.incident(event_id).await;
        let proof = ProofToken::from_bytes([9; 32]);
        let mut tx = shop.begin().await;
        let made = proof_link::create_link(&mut tx, &alice(), &incident, &proof, 7).await;
        let link = made.expect("a link");
        for done in [true, false] {
            let revoked = proof_link::revoke_link(&mut tx, &alice(), &incident, link).await;
            assert_eq!(revoked.expect("a database"), done);
        }
        pool::commit(tx).await.expect("a commit");
        insta::assert_snapshot!(shop.story(event_id).await, @r"
        effect: missing
        incident: open/missing_result
        alerts: incident_opened
        outbox: start
        timeline: receipt.accepted incident.opened proof_link.created proof_link.revoked
        ");
    });
}
