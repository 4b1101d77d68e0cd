//! Proof links.

use domain::ids::ProofLinkId;
use domain::secret_token::ProofToken;
use e2e::run;
use futures::future::join_all;
use store::StoreError;
use store::incidents::Incident;
use store::proof_links::{insert_link, list_links, open_link, revoke_link};

use super::shop::Shop;

async fn make(shop: &Shop, incident: &Incident, token: u8) -> ProofLinkId {
    let hash = ProofToken::from_bytes([token; 32]).hash();
    let made = insert_link(&shop.pool, incident, &hash, "operator:bob@cometcart.test", 7).await;
    made.expect("a link")
}

/// The incident that a token shows.
async fn shows(shop: &Shop, token: u8) -> Option<domain::ids::IncidentId> {
    let hash = ProofToken::from_bytes([token; 32]).hash();
    let opened = open_link(&shop.pool, &hash).await.expect("a database")?;
    Some(opened.incident_id)
}

#[test]
fn a_link_shows_its_incident_and_counts_who_looks() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let incident = shop.incident(event_id).await;
        let id = make(&shop, &incident, 1).await;
        let hash = ProofToken::from_bytes([1; 32]).hash();
        let opened = open_link(&shop.pool, &hash).await.expect("a database").expect("a link");
        assert_eq!((opened.link_id, opened.incident_id), (id, incident.id));
        assert_eq!((opened.event_id, opened.project_id), (event_id, shop.owner.project_id));
        join_all((0..20).map(|_| shows(&shop, 1))).await;
        let listed = list_links(&shop.pool, incident.id).await.expect("a list");
        assert_eq!((listed.len(), listed[0].id, listed[0].views), (1, id, 21));
        assert!(listed[0].last_viewed_at.is_some());
        assert_eq!(listed[0].created_by, "operator:bob@cometcart.test");
        assert_eq!(listed[0].expires_at, opened.expires_at);
        assert_eq!(opened.expires_at - listed[0].created_at, time::Duration::days(7));
    });
}

#[test]
fn a_link_that_expired_or_was_revoked_shows_as_little_as_one_that_never_was() {
    run(async {
        let shop = Shop::open().await;
        let incident = shop.incident(shop.missed("evt_1").await).await;
        let other = shop.incident(shop.missed("evt_2").await).await;
        let (expired, revoked) = (make(&shop, &incident, 1).await, make(&shop, &incident, 2).await);
        let good = make(&shop, &incident, 3).await;
        sqlx::query(
            "UPDATE proof_links SET created_at = now() - interval '7 days', expires_at = now() WHERE id = $1",
        )
        .bind(expired.as_uuid())
        .execute(&shop.pool)
        .await
        .expect("expired");
        let revoke = async |incident: &Incident, id| {
            revoke_link(&shop.pool, incident.id, id).await.expect("a database")
        };
        assert!(!revoke(&other, revoked).await, "it is no link of that incident");
        assert_eq!(shows(&shop, 2).await, Some(incident.id));
        assert!(revoke(&incident, revoked).await);
        assert!(!revoke(&incident, revoked).await, "only once");
        assert!(!revoke(&incident, expired).await, "it opens nothing as it is");
        let shown = join_all((0..5).map(|token| shows(&shop, token))).await;
        assert_eq!(shown, [None, None, None, Some(incident.id), None]);
        let listed = list_links(&shop.pool, incident.id).await.expect("a list");
        let views: Vec<_> = listed.iter().map(|link| (link.id, link.views)).collect();
        assert_eq!(
            views,
            [(good, 1), (revoked, 1), (expired, 0)],
            "newest first; refusals do not count"
        );
        assert_eq!(list_links(&shop.pool, other.id).await.expect("a list"), []);
    });
}

#[test]
fn a_link_holds_from_one_day_to_a_year() {
    run(async {
        let shop = Shop::open().await;
        let incident = shop.incident(shop.missed("evt_1").await).await;
        for (token, days, good) in [(1, 1, true), (2, 365, true), (3, 0, false), (4, 367, false)] {
            let hash = ProofToken::from_bytes([token; 32]).hash();
            let made = insert_link(&shop.pool, &incident, &hash, "cli:bob", days).await;
            assert_eq!(made.is_ok(), good, "{days} days");
            if let Err(StoreError::Driver(sqlx::Error::Database(rejected))) = made {
                assert_eq!(rejected.constraint(), Some("proof_links_life_check"));
            }
        }
    });
}
