//! Who may sign in, for admins: adding, changing roles, removing.
//!
//! Every change holds from the next request of the one concerned: a removed operator's sessions and
//! tokens end with them. The store keeps the last admin in; here that is only reported. A first
//! password is made up here and shown once to the admin, who hands it over.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::destination::SlackUserId;
use domain::ids::OperatorId;
use domain::operator::{Role, parse_email};
use serde::Deserialize;
use store::Insertion;
use store::administration::operator::{
    SlackUserChange, add_operator, change_role, change_slack_user, remove_operator,
};
use store::operators::{OperatorChange, list_operators};
use store::pool::transaction;
use time::OffsetDateTime;
use web::error::ApiError;
use web::random;

use super::access::{Access, Pages};
use super::form::Field;
use super::layout::{Layout, Section};
use super::page::{go_to, page_with};
use super::session::{Message, SignedIn};
use super::when::When;
use crate::login;
use crate::state::ConsoleState;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages
        .get("/people", Access::Admin, get)
        .post("/people", Access::Admin, add_person)
        .post("/people/{operator_id}/role", Access::Admin, give_role)
        .post("/people/{operator_id}/slack", Access::Admin, give_slack_user)
        .post("/people/{operator_id}/remove", Access::Admin, remove)
}

#[derive(Template)]
#[template(path = "pages/people.html")]
struct PeoplePage {
    layout: Layout,
    people: Vec<Person>,
    values: NewPerson,
    problem: Option<String>,
}

/// What was typed into the forms of the page.
struct PeopleForms {
    new: NewPerson,
    /// What is wrong with the address.
    problem: Option<String>,
    /// A member ID in Slack that was rejected, and whose.
    slack_user: Option<(OperatorId, Field)>,
}

impl Default for PeopleForms {
    fn default() -> Self {
        let new = NewPerson { email: String::new(), role: usual_role() };
        Self { new, problem: None, slack_user: None }
    }
}

struct Person {
    id: OperatorId,
    email: String,
    role: Role,
    slack_user: Field,
    since: When,
    is_you: bool,
}

/// What was entered about a new operator.
#[derive(Debug, Deserialize)]
pub struct NewPerson {
    #[serde(default)]
    email: String,
    #[serde(default = "usual_role")]
    role: Role,
}

const fn usual_role() -> Role {
    Role::Operator
}

async fn get(State(state): State<ConsoleState>, signed_in: SignedIn) -> Result<Response, ApiError> {
    show(&state, &signed_in, PeopleForms::default()).await
}

async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    forms: PeopleForms,
) -> Result<Response, ApiError> {
    let PeopleForms { new: values, problem, mut slack_user } = forms;
    let is_rejected = problem.is_some() || slack_user.is_some();
    let now = OffsetDateTime::now_utc();
    let people = list_operators(&state.pool).await?.into_iter().map(|one| Person {
        is_you: one.id == signed_in.session.operator_id,
        id: one.id,
        email: one.email,
        role: one.role,
        slack_user: match slack_user.take_if(|(id, _)| *id == one.id) {
            Some((_, typed)) => typed,
            None => Field::kept(one.slack_user_id.unwrap_or_default()),
        },
        since: When::ago(one.created_at, now),
    });
    let people = people.collect();
    let layout = Layout::load(state, signed_in, Section::Account, "People").await?;
    let status = if is_rejected { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &PeoplePage { layout, people, values, problem })
}

async fn add_person(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(values): Form<NewPerson>,
) -> Result<Response, ApiError> {
    let email = match parse_email(&values.email) {
        Ok(email) => email,
        Err(why) => {
            let problem = Some(format!("An address {why}."));
            let forms = PeopleForms { new: values, problem, ..PeopleForms::default() };
            return show(&state, &signed_in, forms).await;
        }
    };
    let password = random::first_password().map_err(ApiError::internal)?;
    let hash = state.console.passwords.hash(signed_in.comer(), password.clone()).await;
    let hash = hash.map_err(login::unread)?;
    let added = transaction(&state.pool, async |tx| {
        add_operator(tx, &signed_in.actor(), &email, values.role, &hash).await
    });
    if matches!(added.await?, Insertion::Existing(_)) {
        let problem = Some(format!("{email} may sign in already."));
        let forms = PeopleForms { new: values, problem, ..PeopleForms::default() };
        return show(&state, &signed_in, forms).await;
    }
    let text = format!(
        "{email} may sign in, as {}, with this password. They change it under Account.",
        values.role
    );
    let message = Message::done(text).with_secret("the password", password);
    signed_in.lead_to(&state, "/people", &message).await
}

/// Which role was chosen.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    role: Role,
}

async fn give_role(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(operator_id): Path<String>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, ApiError> {
    let id = read_id(&operator_id)?;
    let change = transaction(&state.pool, async |tx| {
        change_role(tx, &signed_in.actor(), id, chosen.role).await
    });
    let message =
        outcome_message(change.await?, |email| format!("{email} is now {}.", chosen.role))?;
    let may_stay = id != signed_in.session.operator_id || chosen.role.may_administer();
    let path = if may_stay || !message.good { "/people" } else { "/account" };
    signed_in.lead_to(&state, path, &message).await
}

/// Who they are in Slack; blank for no one.
#[derive(Debug, Deserialize)]
pub struct KnownAs {
    #[serde(default)]
    slack_user: String,
}

async fn give_slack_user(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(operator_id): Path<String>,
    Form(known): Form<KnownAs>,
) -> Result<Response, ApiError> {
    let id = read_id(&operator_id)?;
    let text = Some(known.slack_user.trim()).filter(|text| !text.is_empty());
    let why = match text.map(SlackUserId::parse).transpose() {
        Err(why) => format!("a member ID {why}"),
        Ok(user) => {
            let changed = transaction(&state.pool, async |tx| {
                change_slack_user(tx, &signed_in.actor(), id, user.as_ref()).await
            });
            match changed.await? {
                SlackUserChange::Done => {
                    let done = Message::done("Saved. It holds for the next press.");
                    return signed_in.lead_to(&state, "/people", &done).await;
                }
                SlackUserChange::Taken => "this member ID is another operator's".to_owned(),
                SlackUserChange::Unknown => return Err(no_such_operator()),
            }
        }
    };
    let rejected = Field::rejected(known.slack_user, why);
    let forms = PeopleForms { slack_user: Some((id, rejected)), ..PeopleForms::default() };
    show(&state, &signed_in, forms).await
}

async fn remove(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(operator_id): Path<String>,
) -> Result<Response, ApiError> {
    let id = read_id(&operator_id)?;
    let change =
        transaction(&state.pool, async |tx| remove_operator(tx, &signed_in.actor(), id).await);
    let message = outcome_message(change.await?, |email| {
        format!("{email} was removed and is signed out everywhere.")
    })?;
    if id == signed_in.session.operator_id && message.good {
        return Ok(go_to("/sign-in"));
    }
    signed_in.lead_to(&state, "/people", &message).await
}

fn read_id(text: &str) -> Result<OperatorId, ApiError> {
    text.parse().map_err(|_| no_such_operator())
}

fn no_such_operator() -> ApiError {
    ApiError::not_found("there is no such person")
}

/// What became of a change, in a sentence.
fn outcome_message(
    change: OperatorChange,
    done: impl Fn(&str) -> String,
) -> Result<Message, ApiError> {
    match change {
        OperatorChange::Done(before) => Ok(Message::done(done(&before.email))),
        OperatorChange::LastAdmin => Ok(Message::rejected(
            "This is the last admin, and only admins add people. Give someone else the role admin first.",
        )),
        OperatorChange::Unknown => Err(no_such_operator()),
    }
}
