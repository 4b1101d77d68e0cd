//! Beginning and ending maintenance windows.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::alert::format_timestamp;
use domain::ids::MaintenanceId;
use domain::incident::check_note;
use domain::maintenance::{Hold, WindowLength};
use serde::Deserialize;
use store::administration::alert_rules::{end_maintenance, start_maintenance};
use store::alert_rules::find_hold;
use store::pool::transaction;
use web::error::ApiError;

use super::{AlertingForms, path, render};
use crate::form::FormErrors;
use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What a window shall be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct MaintenanceValues {
    #[serde(rename = "for")]
    pub(super) length: String,
    pub(super) reason: String,
}

impl MaintenanceValues {
    fn read(&self, errors: &mut FormErrors) -> Option<(WindowLength, Option<String>)> {
        let length = errors.take("for", self.length.parse());
        let reason = self.reason.trim();
        let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
        if let Some(Err(why)) = reason.as_deref().map(check_note) {
            errors.note("reason", why);
        }
        length.filter(|_| errors.is_empty()).map(|length| (length, reason))
    }
}

/// Which window is over; all that last where none is named.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndForm {
    maintenance_id: String,
}

/// `POST /projects/{project_id}/maintenance`.
///
/// # Errors
/// `not_found`.
pub(super) async fn start(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(window): Form<MaintenanceValues>,
) -> Result<Response, ApiError> {
    let mut errors = FormErrors::default();
    let Some((length, reason)) = window.read(&mut errors) else {
        let forms = AlertingForms { window, errors, ..AlertingForms::default() };
        return render(&state, &signed_in, &project, forms).await;
    };
    let actor = signed_in.actor();
    let started = transaction(&state.pool, async |tx| {
        start_maintenance(tx, &actor, project.id, length, reason.as_deref()).await
    });
    started.await?;
    let text = "Maintenance has begun. Telling waits until it is over.";
    signed_in.lead_to(&state, &path(&project), &Message::done(text)).await
}

/// `POST /projects/{project_id}/maintenance/end`.
///
/// # Errors
/// `not_found`.
pub(super) async fn end(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(form): Form<EndForm>,
) -> Result<Response, ApiError> {
    let window = match form.maintenance_id.as_str() {
        "" => None,
        text => {
            let unknown = |_| ApiError::not_found("there is no such maintenance");
            Some(text.parse::<MaintenanceId>().map_err(unknown)?)
        }
    };
    let actor = signed_in.actor();
    let ended =
        transaction(&state.pool, async |tx| end_maintenance(tx, &actor, project.id, window).await);
    let any = !ended.await?.is_empty();
    let hold = find_hold(&state.pool, project.id).await?;
    let text = describe_end(any, hold.as_ref());
    signed_in.lead_to(&state, &path(&project), &Message::done(text)).await
}

/// What came of ending a maintenance; another one, or quiet hours, may still keep people from being told.
fn describe_end(any: bool, hold: Option<&Hold>) -> String {
    match (any, hold) {
        (false, _) => "It was over already.".to_owned(),
        (true, None) => {
            "The maintenance is over. Each destination is told in one digest.".to_owned()
        }
        (true, Some(hold)) => {
            let (until, why) = (format_timestamp(hold.until), hold.reason.words());
            format!("The maintenance is over. Telling still waits until {until}: {why}.")
        }
    }
}
