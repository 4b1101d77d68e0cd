//! `POST /api/v1/result`: the app applied the effect, failed to, or says that none is due any more.
//!
//! A result may overtake its receipt. Then it is kept for 24 hours and applied when the receipt
//! comes. One that fits several events is noted on each of them, and the app is asked which it
//! means.

use api_types::error::ErrorResponse;
use api_types::ingest::{ReportedIncident, ResultRequest, ResultResponse};
use axum::extract::{Request, State};
use axum::response::Response;
use domain::audit::Actor;
use domain::effect_result::{self, EventSelector, Outcome, ResultReport};
use domain::event::Effect;
use domain::field::FieldError;
use domain::ids::{EventId, ReplayId};
use domain::receipt::ReceiptContext;
use store::api_keys::KeyOwner;
use store::events::PaymentEvent;
use store::idempotency::{SharedOutcome, StoredResponse};
use store::incidents::IncidentRef;
use store::results::EarlyKept;
use store::transitions::result::{self, ReportedResult, ResultOutcome};
use store::transitions::results::{SharedReport, accept_results, is_usual};
use store::{PgConnection, StoreError, events, results};
use telemetry::{Taken, trace};
use web::error::ApiError;
use web::state::AppState;

use super::call_group::SharedCall;
use super::ingest::{self, CallContext, IngestCall, IngestOutcome, IngestRequest};
use super::ingest_body::IngestBody;
use super::ingest_state::SharedState;
use super::{api_client, previous_release, responses};

const UNKNOWN: &str = "there is no such event in this project";

/// What a result says.
pub(super) struct ResultCall {
    report: ResultReport,
    previous_hash: [u8; 32],
}

/// Takes a result: the effect was applied, was not, or is not due any more.
///
/// # Errors
/// As the contract's table says.
#[utoipa::path(post, path = "/api/v1/result", operation_id = "post_result", tag = "calls", request_body = ResultRequest,
    params(("Idempotency-Key" = String, Header, description = "The same on every retry of the same call.",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses(
        (status = 202, description = "The result is in the database.", body = ResultResponse),
        (status = 404, description = "There is no event of this `event_id` in the project.", body = ErrorResponse),
    ),
    security(("api_key" = [])))]
pub async fn post(
    State(state): State<SharedState>,
    request: Request,
) -> Result<Response, ApiError> {
    let outcome = async {
        let request = api_client::read::<ResultCall>(&state.app, request).await?;
        let replay_id = request.call.replay_id();
        let response = ingest::accept_once(&state, &state.results, request).await;
        if let (Ok(_), Some(replay_id)) = (&response, replay_id) {
            trace::note("replay_id", &replay_id);
        }
        response
    };
    ingest::count_rejection::<ResultCall, _>(outcome.await).map(ingest::respond)
}

impl SharedCall for ResultCall {
    fn is_usual(&self) -> bool {
        is_usual(&self.report)
    }

    fn event_name(&self) -> &str {
        let EventSelector { event_id, provider_event_id, .. } = &self.report.event;
        event_id.as_deref().or(provider_event_id.as_deref()).unwrap_or_default()
    }

    async fn accept_all(
        _: &AppState,
        tx: &mut PgConnection,
        batch: &[&IngestRequest<Self>],
    ) -> Result<Vec<SharedOutcome>, StoreError> {
        let reports = batch.iter().map(|request| SharedReport {
            owner: &request.owner,
            used: request.used(),
            report: &request.call.report,
        });
        let reports: Vec<_> = reports.collect();
        let respond =
            |n: usize, event_id| batch[n].call.response(event_id, Effect::Succeeded, None).ok();
        accept_results(tx, &reports, respond).await
    }
}

impl IngestCall for ResultCall {
    const ROUTE: &'static str = "result";
    const FIELDS: &'static [&'static str] = effect_result::FIELDS;

    fn read(owner: &KeyOwner, _: &str, body: &IngestBody) -> Result<Self, ApiError> {
        let context = ReceiptContext { catalogue: &owner.catalogue, mode: owner.mode };
        let report = ResultReport::parse(&body.fields, context);
        let mut report = report.map_err(ApiError::ValidationError)?;
        for name in &body.repaired {
            if !report.adjusted.contains(name) {
                report.adjusted.push(name);
            }
        }
        let previous_hash = previous_release::hash_result(&body.fields)?;
        Ok(Self { report, previous_hash })
    }

    fn scope(&self) -> String {
        let outcome = self.report.result.outcome;
        match &self.report.result.replay_id {
            Some(replay_id) => format!("{outcome}/{replay_id}"),
            None => outcome.to_string(),
        }
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.report.event.fingerprint()
    }

    fn previous_hash(&self) -> [u8; 32] {
        self.previous_hash
    }

    async fn accept(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
    ) -> Result<IngestOutcome, ApiError> {
        let mut selected = self.select(tx, context).await?;
        if selected.is_empty()
            && self.report.event.event_id.is_none()
            && let Some(provider_event_id) = &self.report.event.provider_event_id
        {
            let project_id = context.owner.project_id;
            events::lock_provider_event(tx, project_id, provider_event_id).await?;
            selected = self.select(tx, context).await?;
            if selected.is_empty() {
                return self.keep(tx, context).await;
            }
        }
        match selected.as_slice() {
            [] => Ok(IngestOutcome::Rejected(self.reject_unknown(tx, context).await?)),
            [event] => self.apply(tx, context, event.id).await,
            _ => match self.settled(tx, context).await? {
                Some(event_id) => self.apply(tx, context, event_id).await,
                None => self.reject_ambiguous(tx, context, selected).await,
            },
        }
    }

    /// The latest report of a failure counts, as long as it can.
    async fn repeat(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
        event_id: EventId,
    ) -> Result<(), ApiError> {
        if self.report.result.outcome != Outcome::Failed {
            return Ok(());
        }
        let actor = Actor::Key(context.owner.key_id);
        Ok(result::refresh_failure(tx, &actor, event_id, &self.report.result).await?)
    }
}

impl ResultCall {
    /// The reprocess that it is the result of.
    fn replay_id(&self) -> Option<ReplayId> {
        self.report.result.replay_id.as_ref()?.parse().ok()
    }

    async fn select(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
    ) -> Result<Vec<PaymentEvent>, ApiError> {
        let project_id = context.owner.project_id;
        Ok(events::list_selected(tx, project_id, &self.report.event).await?)
    }

    /// The fields whose text was changed so that it could be kept.
    fn adjusted(&self) -> Vec<String> {
        self.report.adjusted.iter().map(ToString::to_string).collect()
    }

    /// The one of several events, of however many, that this call has settled when it came before the receipt.
    async fn settled(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
    ) -> Result<Option<EventId>, ApiError> {
        let settled = results::find_settled(&mut *tx, context.used, &self.report).await?;
        let Some(event_id) = settled else { return Ok(None) };
        let named =
            EventSelector { event_id: Some(event_id.to_string()), ..self.report.event.clone() };
        let fitting = events::list_selected(tx, context.owner.project_id, &named).await?;
        Ok((!fitting.is_empty()).then_some(event_id))
    }

    /// Nothing fits: the event is not there, or it is and something else is said of it.
    async fn reject_unknown(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
    ) -> Result<ApiError, ApiError> {
        let event_id = self.report.event.event_id.as_deref().map(str::parse::<EventId>);
        let Some(Ok(event_id)) = event_id else { return Ok(ApiError::not_found(UNKNOWN)) };
        let event = events::find_event(tx, event_id).await?;
        let event = event.filter(|event| event.project_id == context.owner.project_id);
        let field_errors = event.map(|event| self.report.event.contradictions(&event.identity()));
        let field_errors = field_errors.filter(|field_errors| !field_errors.is_empty());
        Ok(field_errors.map_or_else(|| ApiError::not_found(UNKNOWN), ApiError::ValidationError))
    }

    /// Keeps the result until its receipt comes.
    async fn keep(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
    ) -> Result<IngestOutcome, ApiError> {
        let CallContext { owner, used, .. } = context;
        let kept = results::insert_early(&mut *tx, owner.key_id, used, &self.report).await?;
        let taken = match kept {
            EarlyKept::New => Taken::First,
            EarlyKept::Again => Taken::Again,
            EarlyKept::Conflict => {
                return Ok(IngestOutcome::Rejected(ApiError::IdempotencyConflict));
            }
        };
        let response = ResultResponse {
            event_id: None,
            accepted: true,
            pending_receipt: true,
            effect: None,
            incident: None,
            adjusted: self.adjusted(),
        };
        Ok(IngestOutcome::Provisional(ingest::accepted(&response)?, taken))
    }

    fn response(
        &self,
        event_id: EventId,
        effect: Effect,
        incident: Option<ReportedIncident>,
    ) -> Result<StoredResponse, ApiError> {
        ingest::accepted(&ResultResponse {
            event_id: Some(event_id),
            accepted: true,
            pending_receipt: false,
            effect: Some(effect),
            incident,
            adjusted: self.adjusted(),
        })
    }

    async fn reject_ambiguous(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
        candidates: Vec<PaymentEvent>,
    ) -> Result<IngestOutcome, ApiError> {
        let actor = Actor::Key(context.owner.key_id);
        let occasion = context.used.key;
        result::note_ambiguous(tx, &actor, &candidates, occasion, &self.report.result).await?;
        let candidates = candidates.into_iter().map(responses::candidate).collect();
        Ok(IngestOutcome::Rejected(ApiError::AmbiguousEvent(candidates)))
    }

    async fn apply(
        &self,
        tx: &mut PgConnection,
        context: CallContext<'_>,
        event_id: EventId,
    ) -> Result<IngestOutcome, ApiError> {
        let actor = Actor::Key(context.owner.key_id);
        let report = ReportedResult {
            result_id: results::new_id(),
            result: &self.report.result,
            signal: true,
        };
        match result::accept_result(tx, &actor, event_id, report).await? {
            ResultOutcome::Accepted { event_id, effect, incident } => {
                let incident =
                    incident.map(|IncidentRef { id, state }| ReportedIncident { id, state });
                let response = self.response(event_id, effect, incident)?;
                Ok(IngestOutcome::Stored(event_id, response))
            }
            ResultOutcome::UnknownEvent => {
                Ok(IngestOutcome::Rejected(ApiError::not_found(UNKNOWN)))
            }
            ResultOutcome::UnknownReplay => {
                let field_error = FieldError::new(
                    "replay_id",
                    "is none of this event's; leave it out or send the one of the callback",
                );
                Ok(IngestOutcome::Rejected(ApiError::ValidationError(vec![field_error])))
            }
        }
    }
}
