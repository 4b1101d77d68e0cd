//! Comments on an incident and on a cause.
//!
//! Those on an incident are on its timeline, those on a cause above the list of its incidents. Operators whom one mentions
//! are mailed once.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::sanitize;
use domain::ids::CauseId;
use domain::incident::check_note;
use domain::timeline::actor_name;
use serde::Deserialize;
use store::comments::{About, Comment, MAX_LISTED, add_comment, list_of_cause};
use store::pool::transaction;
use store::search::causes::find_cause;
use store::{PgPool, StoreError};
use time::OffsetDateTime;
use web::error::ApiError;

use crate::access::{Access, Pages};
use crate::form::Field;
use crate::incident::{self, IncidentForms};
use crate::incidents::{self, cause_href};
use crate::newest::keep_newest;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::when::When;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.post("/incidents/{incident_id}/comments", Access::Operator, on_incident).post(
        "/causes/{cause_id}/comments",
        Access::Operator,
        on_cause,
    )
}

/// How much of the comments on a cause a page shows, in bytes of their texts.
const MAX_SHOWN: usize = 40 * 1024;

/// A comment, as a page shows it.
#[derive(Debug)]
pub(crate) struct CommentItem {
    /// Where what was said before it is read, if the page leaves that out.
    pub(crate) earlier: Option<&'static str>,
    pub(crate) by: String,
    pub(crate) text: String,
    pub(crate) at: When,
}

impl CommentItem {
    /// The newest comments on a cause, oldest first; as many as a page takes.
    pub(crate) async fn list_of_cause(
        pool: &PgPool,
        id: CauseId,
        now: OffsetDateTime,
    ) -> Result<Vec<Self>, StoreError> {
        let mut db = pool.acquire().await?;
        let comments = list_of_cause(&mut db, id).await?;
        let is_cut = i64::try_from(comments.len()).is_ok_and(|read| read >= MAX_LISTED);
        let mut items: Vec<_> = comments.iter().map(|comment| Self::new(comment, now)).collect();
        fit(&mut items, is_cut);
        Ok(items)
    }

    fn new(comment: &Comment, now: OffsetDateTime) -> Self {
        Self {
            earlier: None,
            by: actor_name(&comment.author),
            text: sanitize(comment.text.trim()),
            at: When::ago(comment.at, now),
        }
    }
}

/// As many as a page shows. The first one says where older ones are that were left out, or not read.
fn fit(items: &mut Vec<CommentItem>, is_cut: bool) {
    let left_out = keep_newest(items, MAX_SHOWN, |item| item.text.len());
    if (is_cut || left_out)
        && let Some(first) = items.first_mut()
    {
        first.earlier = Some("/audit?action=cause.commented");
    }
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CommentForm {
    text: String,
}

impl CommentForm {
    /// The text with plain line ends, or the field as it is shown again.
    fn read(self) -> Result<String, Field> {
        let text = self.text.trim().replace("\r\n", "\n");
        match check_note(&text) {
            Ok(()) => Ok(text),
            Err(why) => Err(Field::rejected(self.text, format!("a comment {why}"))),
        }
    }
}

/// `POST /incidents/{incident_id}/comments`.
async fn on_incident(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<CommentForm>,
) -> Result<Response, ApiError> {
    let incident = incident::find(&state, &id).await?;
    let text = match form.read() {
        Ok(text) => text,
        Err(typed) => {
            let (status, forms) = (typed.status(), IncidentForms::with_comment(typed));
            return incident::show(&state, &signed_in, &id, status, forms).await;
        }
    };
    let back = format!("/incidents/{}", incident.id);
    comment(&state, &signed_in, About::incident(&incident), &text, &back).await
}

/// `POST /causes/{cause_id}/comments`.
async fn on_cause(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<CommentForm>,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("There is no such cause.");
    let cause_id: CauseId = id.parse().map_err(|_| nothing())?;
    let cause = find_cause(&state.pool, cause_id).await?.ok_or_else(nothing)?;
    let text = match form.read() {
        Ok(text) => text,
        Err(typed) => return incidents::show_cause(&state, &signed_in, cause_id, typed).await,
    };
    let about = About::Cause { project_id: cause.project_id, cause_id };
    comment(&state, &signed_in, about, &text, &cause_href(cause_id)).await
}

async fn comment(
    state: &ConsoleState,
    signed_in: &SignedIn,
    about: About,
    text: &str,
    back: &str,
) -> Result<Response, ApiError> {
    let actor = signed_in.actor();
    let added =
        transaction(&state.pool, async |tx| add_comment(tx, about, &actor, text).await).await;
    added?;
    let said = "Your comment is there. Whom it mentions gets a mail.";
    signed_in.lead_to(state, back, &Message::done(said)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: usize, length: usize) -> Vec<CommentItem> {
        let item = |number: usize| CommentItem {
            earlier: None,
            by: "bob".to_owned(),
            text: format!("{number} {}", "a".repeat(length)),
            at: When::exact(OffsetDateTime::UNIX_EPOCH),
        };
        (0..count).map(item).collect()
    }

    #[test]
    fn the_first_one_says_that_there_are_others_where_any_are_left_out() {
        for (count, length, is_cut, shown) in
            [(12, 2_000, false, 12), (200, 20, false, 200), (200, 20, true, 200)]
        {
            let mut few = items(count, length);
            fit(&mut few, is_cut);
            assert_eq!((few.len(), few[0].earlier.is_some()), (shown, is_cut), "{count} {length}");
        }
        let mut many = items(200, 2_000);
        fit(&mut many, false);
        assert!((15..30).contains(&many.len()), "{} comments", many.len());
        assert!(many[0].earlier.is_some() && many[1].earlier.is_none());
        assert!(many.last().is_some_and(|last| last.text.starts_with("199 ")));
    }
}
