//! Adding a destination.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::alert::one_line;
use domain::destination::{DestinationKind, FieldDescription, KindDescription};
use serde::Deserialize;
use store::Insertion;
use store::administration::destination::add_destination;
use store::destinations::{EnteredFields, EntryRules, NewDestination};
use store::pool::transaction;
use web::error::ApiError;
use web::random;

use super::Forms;
use crate::form::FormErrors;
use crate::projects::PathProject;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What was typed: the page has a form for each kind, whose fields are named as the kind's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct DestinationValues(BTreeMap<String, String>);

impl DestinationValues {
    /// The form of which kind was sent.
    fn kind(&self) -> Option<DestinationKind> {
        DestinationKind::ALL.iter().copied().find(|kind| self.0.contains_key(kind.as_str()))
    }

    fn entered(&self) -> EnteredFields<'_> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// The form that adds a destination of one kind.
pub(super) struct KindForm {
    pub(super) fields: Vec<FormField>,
    pub(super) button: &'static str,
}

/// A field of it.
pub(super) struct FormField {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) hint: String,
    pub(super) value: String,
    pub(super) wrong: Option<String>,
    pub(super) attributes: String,
}

/// The forms of all kinds, one of them maybe as it was sent.
pub(super) fn forms(values: &DestinationValues, errors: &FormErrors) -> Vec<KindForm> {
    let sent = values.kind();
    let nothing = (DestinationValues::default(), FormErrors::default());
    DestinationKind::ALL
        .iter()
        .map(|kind| {
            let is_sent = sent.unwrap_or(DestinationKind::Email) == *kind;
            let (values, errors) =
                if is_sent { (values, errors) } else { (&nothing.0, &nothing.1) };
            kind_form(kind.description(), values, errors)
        })
        .collect()
}

fn kind_form(kind: &KindDescription, values: &DestinationValues, errors: &FormErrors) -> KindForm {
    let field = |id: String, of: &FieldDescription| {
        let typed = values.0.get(of.name).cloned().unwrap_or_default();
        let is_hidden = of.is_secret && !typed.is_empty();
        FormField {
            id,
            name: of.name,
            title: of.title,
            hint: if is_hidden {
                format!("{} Enter it again.", of.hint)
            } else {
                of.hint.to_owned()
            },
            value: if is_hidden { String::new() } else { typed },
            wrong: errors.of(of.name).map(str::to_owned),
            attributes: attributes(of),
        }
    };
    let mut fields: Vec<_> = kind.fields.iter().map(|it| field(it.name.to_owned(), it)).collect();
    let label = FieldDescription {
        name: "label",
        title: kind.label_title,
        hint: "",
        example: kind.label_example,
        is_required: false,
        is_secret: false,
    };
    let hint = format!("Without one, it is named by {}.", kind.named_by);
    fields.push(FormField { hint, ..field(format!("{}_label", kind.kind), &label) });
    KindForm { fields, button: kind.button }
}

/// Of its element; every text in them is ours.
fn attributes(field: &FieldDescription) -> String {
    let FieldDescription { name, example, is_required, .. } = field;
    let mode = match *name {
        "email" => " inputmode='email'",
        "slack" | "slack_api" | "teams" | "discord" | "ntfy" | "webhook" | "endpoint" => {
            " inputmode='url'"
        }
        _ => "",
    };
    let longest = if *name == "label" { " maxlength='255'" } else { "" };
    let required = if *is_required { " required" } else { "" };
    format!(
        "type='text'{mode}{required}{longest} autocomplete='off' spellcheck='false' placeholder='{example}'"
    )
}

/// `POST /projects/{project_id}/destinations`.
///
/// # Errors
/// `not_found`.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<DestinationValues>,
) -> Result<Response, ApiError> {
    let mut errors = FormErrors::default();
    let secret = random::signing_secret().map_err(ApiError::internal)?;
    let rules = EntryRules { mode: project.mode, allow: &state.allow, secret };
    let new = match NewDestination::read(&values.entered(), rules) {
        Ok(new) => new,
        Err(rejected) => {
            for error in rejected {
                errors.note(error.field, error.message);
            }
            let forms = Forms { values, errors, rename: None };
            return super::render(&state, &signed_in, &project, forms).await;
        }
    };
    let (actor, key) = (signed_in.actor(), &state.master_key);
    let added = transaction(&state.pool, async |tx| {
        add_destination(tx, &actor, key, project.id, &new).await
    });
    if let Insertion::Existing(_) = added.await? {
        let what = if new.target.kind() == "activity" { "activity" } else { "address" };
        errors.note(new.target.kind(), format!("this {what} already receives alerts"));
        let forms = Forms { values, errors, rename: None };
        return super::render(&state, &signed_in, &project, forms).await;
    }
    let name = one_line(new.name());
    let buttons = if new.target.kind_of() == DestinationKind::SlackApp {
        let url = &state.public_url;
        format!(" For its buttons, set the app's Request URL to {url}/slack/actions.")
    } else {
        String::new()
    };
    let text = format!("Alerts now go to {name}. Press Test to send a test message.{buttons}");
    let message = match new.target.current_secret() {
        Some(secret) => Message::done(text).with_secret("the signing secret", secret.reveal()),
        None => Message::done(text),
    };
    signed_in.lead_to(&state, &super::path(&project), &message).await
}
