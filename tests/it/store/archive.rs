//! A project is archived and restored once, whoever comes first, and the audit says what is.

use e2e::run;
use store::administration::archive::{ArchiveRejection, archive_project, restore_project};
use store::pool::transaction;
use store::projects::{Project, find_project, list_in_use};

use super::people::alice;
use super::shop::{Shop, bob};

impl Shop {
    async fn archive(&self, confirmed: i64) -> Result<bool, ArchiveRejection> {
        let id = self.owner.project_id;
        let archived =
            transaction(&self.pool, async |tx| archive_project(tx, &alice(), id, confirmed).await);
        archived.await.map_err(|error| error.rejection().expect("a database"))
    }

    async fn restore(&self) -> Option<bool> {
        let id = self.owner.project_id;
        let restored = transaction(&self.pool, async |tx| restore_project(tx, &bob(), id).await);
        restored.await.expect("a database")
    }

    async fn project(&self) -> Project {
        let found = find_project(&self.pool, self.owner.project_id).await.expect("a database");
        found.expect("a project")
    }

    async fn archive_entries(&self) -> Vec<String> {
        let sql = "SELECT action FROM audit_entries
            WHERE action IN ('project.archived', 'project.restored') ORDER BY at, id";
        sqlx::query_scalar(sql).fetch_all(&self.pool).await.expect("the audit")
    }
}

#[test]
fn whoever_comes_second_changes_nothing() {
    run(async {
        let shop = Shop::open().await;
        let (first, second) = tokio::join!(shop.archive(0), shop.archive(0));
        assert_ne!(first, second, "one of them did it");
        let since = shop.project().await.archived_at.expect("archived");
        assert_eq!(shop.archive(0).await, Ok(false));
        assert_eq!(shop.project().await.archived_at, Some(since));
        let (first, second) = tokio::join!(shop.restore(), shop.restore());
        assert_ne!(first, second, "one of them did it");
        assert_eq!(shop.restore().await, Some(false));
        assert_eq!(shop.archive_entries().await, ["project.archived", "project.restored"]);
    });
}

#[test]
fn an_archive_and_a_restore_at_once_end_as_the_last_entry_says() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..6 {
            if round % 2 == 0 {
                let _ = tokio::join!(shop.archive(0), shop.restore());
            } else {
                let _ = tokio::join!(shop.restore(), shop.archive(0));
            }
            let entries = shop.archive_entries().await;
            let is_archived = shop.project().await.archived_at.is_some();
            let says = entries.last().map(|last| last == "project.archived");
            assert_eq!(says, Some(is_archived), "{entries:?}");
            let alternate = entries.windows(2).all(|two| two[0] != two[1]);
            assert!(alternate, "each entry changed something: {entries:?}");
        }
    });
}

#[test]
fn incidents_that_are_not_resolved_are_confirmed_by_number_and_go_on() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.fail(event_id).await;
        assert_eq!(shop.archive(0).await, Err(ArchiveRejection::Unresolved(1)));
        assert_eq!(shop.project().await.archived_at, None);
        let late = shop.take("evt_2").await;
        assert_eq!(shop.archive(2).await, Ok(true), "one has been resolved since");
        let named = Some(shop.owner.project_id);
        assert_eq!(list_in_use(&shop.pool, None).await.expect("a list").len(), 0);
        assert_eq!(list_in_use(&shop.pool, named).await.expect("a list").len(), 1);
        shop.let_time_pass(late).await;
        shop.silence(late).await;
        insta::assert_snapshot!(shop.story(late).await, @r"
        effect: missing
        incident: open/missing_result
        alerts: incident_opened
        outbox: start
        timeline: receipt.accepted incident.opened
        ");
        shop.resolve(event_id).await;
        assert_eq!(shop.restore().await, Some(true));
        insta::assert_snapshot!(shop.administration().await, @r#"
        operator:alice@cometcart.test project.archived {"unresolved":1}
        cli:bob project.restored {}
        "#);
    });
}
