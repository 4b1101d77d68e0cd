//! Erasing a customer in the console: counted first, and begun once the reference was typed again.

use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use store::{MasterKey, erasure};

#[test]
fn an_admin_sees_what_there_is_and_erases_it_by_typing_the_reference_again() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        world.receipt("evt_1").await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/erasures", world.project.id);
        let preview = format!("{path}/preview");
        let unknown = alice.submit(&path, &preview, &[("reference", "User_456")]).await;
        assert_eq!(unknown.status, 422);
        let error = unknown.page().error("Reference").expect("an error");
        assert_eq!(error, "Is not known in this project; it is case-sensitive.");

        let counted = alice.submit(&path, &preview, &[("reference", "user_456")]).await;
        assert_eq!(counted.status, 200, "{}", counted.body);
        let rows = counted.page().rows("Rows that would be erased, by table");
        assert_eq!(rows, ["payment_events | 1"]);
        let wrong = [("reference", "user_456"), ("confirmed", "user_45")];
        let rejected = alice.submit(&path, &path, &wrong).await;
        assert_eq!(rejected.status, 422);
        let error = rejected.page().error("The reference once more").expect("an error");
        assert!(error.ends_with("Nothing was erased."), "{error}");
        assert!(
            erasure::list_erasures(&world.pool, world.project.id).await.expect("a list").is_empty()
        );

        let typed = [("reference", "user_456"), ("confirmed", "user_456")];
        let begun = alice.submit(&path, &path, &typed).await;
        assert_eq!(begun.location.as_deref(), Some(path.as_str()), "{}", begun.body);
        let all = erasure::list_erasures(&world.pool, world.project.id).await.expect("a list");
        let key = MasterKey::parse(&world.master_key).expect("a key");
        // What api and worker do.
        erasure::run(&world.pool, &key, all[0].id, &mut |_| ()).await.expect("erased");
        let page = alice.page(&path).await;
        let tombstone = all[0].customer.to_string();
        let rows = page.rows("Erasures, the newest first");
        assert!(rows[0].starts_with(&format!("{tombstone} | ")), "{rows:?}");
        assert!(rows[0].contains("Erased"), "{rows:?}");
        let events = alice.page("/events").await;
        assert!(events.html().contains(&tombstone) && !events.html().contains("user_456"));
    });
}

#[test]
fn a_reference_that_no_database_can_hold_is_not_known() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/erasures", world.project.id);
        let typed = [("reference", "user_456\0")];
        let unknown = alice.submit(&path, &format!("{path}/preview"), &typed).await;
        assert_eq!(unknown.status, 422);
        let error = unknown.page().error("Reference").expect("an error");
        assert_eq!(error, "Is not known in this project; it is case-sensitive.");
    });
}
