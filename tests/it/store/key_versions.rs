//! Everything that is kept in memory about keys is counted when it changes, and nothing else is.

use domain::catalogue::Declaration;
use domain::snapshot::SnapshotSettings;
use e2e::run;
use e2e::world::new_key;
use store::projects::{self, ProjectSettings};
use store::{api_keys, declared_names, pool};

use super::shop::Shop;

async fn version(shop: &Shop) -> i64 {
    api_keys::find_version(&shop.pool).await.expect("a version")
}

/// Whether what is done counts.
async fn counts(shop: &Shop, done: impl Future<Output = ()>) -> bool {
    let before = version(shop).await;
    done.await;
    version(shop).await > before
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn every_change_to_a_key_its_project_or_its_names_counts_and_its_use_does_not() {
    run(async {
        let shop = Shop::open().await;
        let (db, id, key) = (&shop.pool, shop.owner.project_id, new_key().expect("a key"));
        let created = async {
            api_keys::insert_key(db, id, "second", &key).await.expect("a key");
        };
        assert!(counts(&shop, created).await, "a new key");
        let owners = api_keys::list_owners(db).await.expect("owners");
        let found = owners.iter().find(|(hash, _)| *hash == key.hash()).map(|(_, owner)| owner);
        let owner = api_keys::find_owner(db, &key).await.expect("a database");
        assert_eq!(found, owner.as_ref());
        let key_id = owner.expect("an owner").key_id;

        let used = async { api_keys::note_uses(db, &[key_id]).await.expect("noted") };
        assert!(!counts(&shop, used).await, "a use");
        let project = projects::find_project(db, id).await.expect("a database").expect("a project");
        let settings = ProjectSettings {
            timeout_minutes: 5,
            snapshots: SnapshotSettings { kept: true, ..Default::default() },
            ..ProjectSettings::from_project(&project)
        };
        let changed = async {
            projects::update_project(db, id, &settings).await.expect("changed");
        };
        assert!(counts(&shop, changed).await, "a setting");
        for archived in [true, false] {
            let archived = async {
                projects::set_archived(db, id, archived).await.expect("changed");
            };
            assert!(counts(&shop, archived).await, "a project that is archived or restored");
        }
        let name = Declaration::effect_type("license_issue").expect("a name");
        let declared = async {
            assert!(declared_names::insert_name(db, id, &name).await.expect("declared"));
        };
        assert!(counts(&shop, declared).await, "a declared name");
        let removed = async {
            let sql = "DELETE FROM declared_names WHERE name = 'license_issue'";
            assert_eq!(sqlx::query(sql).execute(db).await.expect("removed").rows_affected(), 1);
        };
        assert!(counts(&shop, removed).await, "a name that was removed");
        let revoked = async {
            api_keys::revoke_key(db, key_id).await.expect("a database").expect("revoked");
        };
        assert!(counts(&shop, revoked).await, "a revoked key");
        let owners = api_keys::list_owners(db).await.expect("owners");
        assert!(owners.iter().all(|(_, owner)| owner.key_id != key_id));
    });
}

#[test]
fn a_change_that_is_still_under_way_keeps_no_other_waiting() {
    run(async {
        let shop = Shop::open().await;
        let id = shop.owner.project_id;
        let before = version(&shop).await;
        let mut slow = shop.begin().await;
        let [first, second] = [(); 2].map(|()| new_key().expect("a key"));
        api_keys::insert_key(&mut *slow, id, "first", &first).await.expect("a key");
        api_keys::insert_key(&shop.pool, id, "second", &second).await.expect("a key");
        assert_eq!(version(&shop).await, before + 1);
        pool::commit(slow).await.expect("a commit");
        assert_eq!(version(&shop).await, before + 2);
    });
}
