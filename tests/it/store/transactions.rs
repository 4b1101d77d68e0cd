//! What a transaction keeps.

use domain::incident::IncidentState;
use domain::rejection::Rejection;
use e2e::run;
use store::ChangeError;
use store::pool::transaction;
use store::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};

use super::people::alice;
use super::shop::Shop;

#[test]
fn a_change_lasts_if_it_succeeds_and_leaves_nothing_if_it_is_rejected_after_all() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let acknowledge = async |rejected: bool| {
            let done = transaction(&shop.pool, async |tx| {
                acknowledge_incident(
                    tx,
                    event_id,
                    AcknowledgeRequest { actor: &alice(), note: None, bulk_id: None },
                )
                .await?;
                if rejected {
                    return Err(ChangeError::Rejected(Rejection::Resolved(None)));
                }
                Ok(())
            });
            done.await.map_err(|error| error.rejection().expect("a database"))
        };
        assert_eq!(acknowledge(true).await, Err(Rejection::Resolved(None)));
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Open);
        assert_eq!(acknowledge(false).await, Ok(()));
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Acknowledged);
    });
}
