//! Making a payment.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::test_shop::PaymentKind;
use serde::Deserialize;
use web::error::ApiError;

use super::{Run, event_of, find, path};
use crate::page::go_to;
use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::test_shop::{PaymentOutcome, TestPayment};

/// Which button was pressed.
#[derive(Debug, Deserialize)]
pub(super) struct PaymentValues {
    #[serde(default)]
    payment: String,
}

/// `POST /projects/{project_id}/test-shop`.
///
/// # Errors
/// `not_found`.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<PaymentValues>,
) -> Result<Response, ApiError> {
    let shop = find(&state, &project)?;
    let path = path(&project);
    let kind: PaymentKind = match values.payment.parse() {
        Ok(kind) => kind,
        Err(why) => {
            let message = Message::rejected(format!("No payment was made: payment {why}."));
            return signed_in.lead_to(&state, &path, &message).await;
        }
    };
    let run = Run::fresh();
    let provider_event_id = event_of(&run, kind);
    let payment = TestPayment { project_id: project.id, provider_event_id, kind };
    let path = format!("{path}?run={}&payment={kind}", run.name());
    match (shop.pay)(payment).await.map_err(ApiError::internal)? {
        PaymentOutcome::Sent => Ok(go_to(&path)),
        PaymentOutcome::Stopped(why) => {
            signed_in.lead_to(&state, &path, &Message::rejected(why)).await
        }
    }
}
