//! Comments of people: `incident comment`, `cause comment` and `cause comments`.

use api::v1::responses;
use api_types::list::Listed;
use domain::alert::one_line;
use domain::incident::check_note;
use store::StoreError;
use store::comments::{self, About, Comment};
use store::pool::transaction;

use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, plain, table_or};

/// Adds a comment and shows it.
pub async fn add(admin: &AdminContext, about: About, text: &str) -> anyhow::Result<CommandOutput> {
    check_note(text).map_err(|why| Failure::option("text", why))?;
    let added = transaction(&admin.pool, async |tx| {
        let id = comments::add_comment(tx, about, &admin.actor, text).await?;
        comments::find_comment(tx, id).await?.ok_or(StoreError::Missing("audit_entries"))
    });
    let comment = added.await?;
    let human = match comment.mentioned.as_slice() {
        [] => "It is on the timeline.".to_owned(),
        told => format!("It is on the timeline. Told by mail: {}.", told.join(", ")),
    };
    CommandOutput::new(&responses::comment(comment), human)
}

/// The comments of a list, oldest first.
pub fn list(comments: Vec<Comment>) -> anyhow::Result<CommandOutput> {
    let headers = ["AT", "BY", "COMMENT"];
    let human = table_or("Nobody said anything.", &headers, comments.iter().map(row).collect());
    let comments = comments.into_iter().map(responses::comment);
    CommandOutput::new(&Listed::whole(comments), human)
}

fn row(comment: &Comment) -> Vec<(String, Tone)> {
    vec![
        plain(&format_timestamp(comment.at)),
        plain(&one_line(&comment.author)),
        plain(&one_line(&comment.text)),
    ]
}
