//! Connecting the shop to a project.

use axum::extract::State;
use axum::response::Response;
use store::administration::test_shop::{TestShopRejection, connect_test_shop};
use store::destinations::NewDestination;
use store::pool::transaction;
use web::error::ApiError;

use super::{find, path};
use crate::error_page::sentence;
use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// `POST /projects/{project_id}/test-shop/connect`.
///
/// # Errors
/// `not_found`.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    let shop = find(&state, &project)?;
    let path = path(&project);
    let url = match shop.repair_url(project.id, &state.allow) {
        Ok(url) => url,
        Err(why) => {
            return signed_in.lead_to(&state, &path, &Message::rejected(why)).await;
        }
    };
    // One who was let in under an older rule may have an address that takes no mail.
    let people = NewDestination::email(&signed_in.session.email).ok();
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let connected = transaction(&state.pool, async |tx| {
        connect_test_shop(tx, &actor, key, project.id, &url, people.as_ref()).await
    });
    let message = match connected.await {
        Ok(()) => Message::done("The test shop is connected. Send a test payment."),
        Err(error) => match error.rejection()? {
            why @ TestShopRejection::NoProject => return Err(ApiError::not_found(why.to_string())),
            why @ (TestShopRejection::Live
            | TestShopRejection::OwnApp
            | TestShopRejection::KeyRevoked) => Message::rejected(sentence(&why.to_string())),
        },
    };
    signed_in.lead_to(&state, &path, &message).await
}
