//! Names that a project adds to the built-in catalogue: declared here, and used in receipts from
//! then on.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::catalogue::Declaration;
use store::administration::declared_name::{
    DeclareRejection, MAX_NAMES, RemoveRejection, declare_names, remove_names,
};
use store::pool::transaction;
use web::error::ApiError;

use super::forms::{Forms, NameValues};
use super::{PathProject, head, overview};
use crate::form::FormErrors;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// `POST /projects/{project_id}/names`.
///
/// # Errors
/// `not_found`.
pub(super) async fn declare(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<NameValues>,
) -> Result<Response, ApiError> {
    let mut errors = FormErrors::default();
    let names = values.read(&mut errors);
    if errors.is_empty() {
        let declared = transaction(&state.pool, async |tx| {
            declare_names(tx, &signed_in.actor(), project.id, &names).await
        });
        match declared.await {
            Ok(new) => {
                let text = if new.is_empty() {
                    "These names are already known."
                } else {
                    "Declared. Receipts of this project may now use it."
                };
                let to = head::path(project.id);
                return signed_in.lead_to(&state, &to, &Message::done(text)).await;
            }
            Err(error) => match error.rejection()? {
                DeclareRejection::TooMany => errors.note(
                    values.field(),
                    format!("would be too many: a project may declare {MAX_NAMES}"),
                ),
                rejection @ DeclareRejection::NoProject => {
                    return Err(ApiError::not_found(rejection.to_string()));
                }
            },
        }
    }
    let forms = Forms { names: values, ..Forms::from_project(&project) };
    overview::render(&state, &signed_in, &project, forms, errors).await
}

/// `POST /projects/{project_id}/names/remove`.
///
/// # Errors
/// `not_found` for a name that the project does not declare.
pub(super) async fn remove(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<NameValues>,
) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("this project does not declare this name");
    let mut errors = FormErrors::default();
    let names = values.read(&mut errors);
    let [name] = names.as_slice() else { return Err(none()) };
    let removed = transaction(&state.pool, async |tx| {
        remove_names(tx, &signed_in.actor(), project.id, &names).await
    });
    let message = match removed.await {
        Ok(()) => Message::done(format!("{name} is removed. Receipts with it are now rejected.")),
        Err(error) => match error.rejection()? {
            RemoveRejection::InUse(_) => Message::rejected(format!(
                "{name} stays: events of this project have it. Only a name that nothing uses can be removed."
            )),
            RemoveRejection::NotDeclared(_) => return Err(none()),
        },
    };
    signed_in.lead_to(&state, &head::path(project.id), &message).await
}

impl NameValues {
    fn read(&self, errors: &mut FormErrors) -> Vec<Declaration> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (event, effect) = (given(&self.event_type), given(&self.effect_type));
        if event.is_none() && effect.is_none() {
            errors.note(self.field(), "is required");
        }
        let event =
            event.and_then(|text| errors.take("event_type", Declaration::event_type(&text)));
        let effect =
            effect.and_then(|text| errors.take("effect_type", Declaration::effect_type(&text)));
        event.into_iter().chain(effect).collect()
    }
}
