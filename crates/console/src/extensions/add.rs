//! Registering an extension.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::alert::one_line;
use domain::extension::{ExtensionKind, NewExtension, Trust};
use domain::field::FieldError;
use domain::project::Mode;
use domain::signature::SigningSecret;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::administration::extension::add_extension;
use store::extensions::Extension;
use store::pool::transaction;
use store::projects::Project;
use web::error::ApiError;
use web::random;

use super::ExtensionForm;
use crate::form::FormErrors;
use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What was typed: the page has a form for an activity and one for an endpoint.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ExtensionValues {
    pub(super) point: String,
    pub(super) activity: String,
    pub(super) queue: String,
    pub(super) url: String,
    pub(super) budget_seconds: String,
    pub(super) heartbeat_seconds: String,
    pub(super) trust: String,
    pub(super) fallback: String,
}

impl ExtensionValues {
    /// What the forms begin with.
    pub(super) fn for_new(mode: Mode) -> Self {
        Self {
            point: "before_incident".to_owned(),
            budget_seconds: domain::extension::DEFAULT_BUDGET_SECONDS.to_string(),
            trust: Trust::default_of(mode).to_string(),
            ..Self::default()
        }
    }

    /// Whether they are of the form of an endpoint.
    pub(super) fn is_endpoint(&self) -> bool {
        !self.url.is_empty()
    }

    /// The fields of a registration; what is blank was not said.
    fn fields(&self) -> Map<String, Value> {
        let texts = [
            ("point", &self.point),
            ("activity", &self.activity),
            ("queue", &self.queue),
            ("url", &self.url),
            ("trust", &self.trust),
            ("fallback", &self.fallback),
        ];
        let said = texts.into_iter().filter(|(_, text)| !text.trim().is_empty());
        let said = said.map(|(name, text)| (name.to_owned(), Value::from(text.trim())));
        let number = |text: &str| text.parse::<i64>().map_or_else(|_| text.into(), Value::from);
        let heartbeat = Some(self.heartbeat_seconds.trim()).filter(|text| !text.is_empty());
        let heartbeat = heartbeat.map(|text| ("heartbeat_seconds".to_owned(), number(text)));
        let budget = ("budget_seconds".to_owned(), number(self.budget_seconds.trim()));
        said.chain([budget]).chain(heartbeat).collect()
    }
}

/// The fields of the forms, to note what is wrong with one.
const FIELDS: [&str; 8] = [
    "point",
    "activity",
    "queue",
    "url",
    "budget_seconds",
    "heartbeat_seconds",
    "trust",
    "fallback",
];

/// `POST /projects/{project_id}/extensions`.
///
/// # Errors
/// `not_found`.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<ExtensionValues>,
) -> Result<Response, ApiError> {
    let added = match register(&state, &signed_in, &project, &values).await? {
        Ok(added) => added,
        Err(errors) => {
            let form = ExtensionForm { values, errors };
            return super::render(&state, &signed_in, &project, form).await;
        }
    };
    let (extension, secret) = added;
    let name = one_line(&extension.name());
    let text = format!(
        "{name} is registered. It is asked about events that are received from now on. Press Test to call it once."
    );
    let message = Message::done(text);
    let message = match secret {
        Some(secret) => message.with_secret("the signing secret", secret.reveal()),
        None => message,
    };
    signed_in.lead_to(&state, &super::path_of(&project, extension.id), &message).await
}

type Registered = Result<(Extension, Option<SigningSecret>), FormErrors>;

async fn register(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    values: &ExtensionValues,
) -> Result<Registered, ApiError> {
    let new = match NewExtension::read(&values.fields(), project.mode, &state.allow) {
        Ok(new) => new,
        Err(errors) => return Ok(Err(form_errors(errors))),
    };
    let (field, secret) = match new.target.kind() {
        ExtensionKind::Activity => ("activity", None),
        ExtensionKind::Https => {
            ("url", Some(random::signing_secret().map_err(ApiError::internal)?))
        }
    };
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let added = transaction(&state.pool, async |tx| {
        add_extension(tx, &actor, key, project.id, &new, secret.as_ref()).await
    });
    match added.await {
        Ok(added) => Ok(Ok((added, secret))),
        Err(error) => {
            let mut errors = FormErrors::default();
            errors.note(field, error.rejection()?);
            Ok(Err(errors))
        }
    }
}

fn form_errors(found: Vec<FieldError>) -> FormErrors {
    let mut errors = FormErrors::default();
    for error in found {
        if let Some(field) = FIELDS.into_iter().find(|field| *field == error.field) {
            errors.note(field, error.message);
        }
    }
    errors
}
