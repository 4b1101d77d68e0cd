//! Rows of a newer release that this one cannot read.

use e2e::run;
use store::StoreError;
use store::incidents::find_incident;

use super::shop::Shop;

#[test]
fn a_state_that_only_a_newer_release_knows_is_named() {
    run(async {
        let shop = Shop::open().await;
        let incident = shop.incident(shop.missed("evt_1").await).await;
        for change in [
            "ALTER TABLE incidents DROP CONSTRAINT incidents_state_check",
            "UPDATE incidents SET state = 'escalated'",
        ] {
            sqlx::query(change).execute(&shop.pool).await.expect("a change");
        }
        let error = find_incident(&shop.pool, incident.id).await.expect_err("an unknown state");
        assert!(matches!(error, StoreError::Inconsistent { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(r#""escalated" is no IncidentState of this release"#), "{text}");
    });
}
