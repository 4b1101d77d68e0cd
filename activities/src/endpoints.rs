//! Asking extensions over HTTPS: one request per attempt, whose retries are Temporal's.
//!
//! Nothing is written here. What came back, or why nothing did, goes to the watch, which has it
//! recorded as it does for an extension that is an activity.

use std::sync::Arc;
use std::time::Duration;

use domain::extension::{MAX_ATTEMPT, Silence};
use domain::ids::CallId;
use store::extension_calls::{self, EndpointCall};
use store::flows::About;
use temporalio_common::ActivityError;
use temporalio_common::data_converters::RawValue;
use temporalio_common::error::ApplicationFailure;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{EndpointInput, definition};

use crate::decide::stored;
use crate::deps::Deps;
use crate::extension_request::{self, ExtensionRequest};
use crate::observed::observed;

/// How much sooner than the attempt the request ends, so that its end is still reported.
const MARGIN: Duration = Duration::from_secs(1);

/// Implements [`workflows::activity_contract::Endpoints`].
pub struct Endpoints {
    deps: Arc<Deps>,
}

impl Endpoints {
    /// Endpoints of the projects in this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
impl Endpoints {
    #[activity(definition = definition::AskEndpoint)]
    pub async fn ask_endpoint(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: EndpointInput,
    ) -> Result<RawValue, ActivityError> {
        let asking = async {
            let asked = ask(&self.deps, of.call_id, ctx.info().attempt).await?;
            asked.map(json).map_err(|silence| unanswered(&silence))
        };
        observed(&self.deps, &ctx, About::Call(of.call_id), asking).await
    }
}

/// How long one request to an endpoint may take whose calls have this budget.
#[must_use]
pub fn request_budget(budget: Duration) -> Duration {
    budget.min(MAX_ATTEMPT).saturating_sub(MARGIN)
}

fn json(body: Vec<u8>) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: body,
        ..Payload::default()
    }])
}

/// One request: the body of the response, or why there is none.
pub async fn ask(
    deps: &Deps,
    call_id: CallId,
    attempt: u32,
) -> Result<Result<Vec<u8>, Silence>, ActivityError> {
    let found = async {
        let mut db = deps.pool.acquire().await?;
        extension_calls::find_endpoint_call(&mut db, &deps.master_key, call_id).await
    };
    let Some(EndpointCall { url, mode, secret, input, budget }) = stored(found.await)? else {
        return Ok(Err(Silence::failed("not_asked_any_more")));
    };
    let budget = request_budget(budget);
    let request =
        ExtensionRequest { url: &url, mode, secret: &secret, input: &input, budget, attempt };
    Ok(extension_request::ask(&deps.http, &deps.allow, &request).await)
}

fn unanswered(silence: &Silence) -> ActivityError {
    let failure = ApplicationFailure::builder("the endpoint did not answer".to_owned())
        .type_name(silence.to_string())
        .non_retryable(!silence.may_pass());
    ActivityError::application(failure.build())
}
