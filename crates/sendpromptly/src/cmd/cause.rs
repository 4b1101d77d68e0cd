//! `cause list`: what incidents that are not resolved have in common.

use api::v1::responses;
use api_types::list::Listed;
use clap::Subcommand;
use domain::alert::one_line;
use domain::cause::describe_reason;
use domain::ids::CauseId;
use domain::money::describe_sums;
use domain::urgency::Urgency;
use store::comments::{About, list_of_cause};
use store::search::causes::{CauseRow, find_cause, list_causes};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::comment;
use crate::failure::{no_such, parse_id};
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, or_nothing, plain, table_or};

const HELP: &str = "\
Example:
  sendpromptly cause list

The incidents of one: sendpromptly incident list --cause cau_…";

const COMMENT_HELP: &str = "\
Example:
  sendpromptly cause comment cau_1QGNZHYDQVHDQ886WQFX8FDAKK --text 'all of one shard, @bob looks at it'";

const COMMENTS_HELP: &str = "\
Example:
  sendpromptly cause comments cau_1QGNZHYDQVHDQ886WQFX8FDAKK";

/// What can be done with causes.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the causes of incidents that are not resolved: live projects first, and of each mode the
    /// cause with the most customers; at most 100.
    #[command(after_help = HELP)]
    List {
        /// Only this project's causes.
        #[arg(long)]
        project: Option<String>,
    },
    /// Comment on a cause, for all of its incidents.
    #[command(after_help = COMMENT_HELP)]
    Comment {
        /// The cause's id.
        #[arg(value_name = "CAUSE")]
        id: String,
        /// What you say. @name or the address of an operator has them told by mail.
        #[arg(long)]
        text: String,
    },
    /// Show the comments on a cause, oldest first.
    #[command(after_help = COMMENTS_HELP)]
    Comments {
        /// The cause's id.
        #[arg(value_name = "CAUSE")]
        id: String,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::List { project } => list(project.as_deref(), context).await,
            Self::Comment { id, text } => Box::pin(comment_on(&id, &text, context)).await,
            Self::Comments { id } => list_comments(&id, context).await,
        }
    }
}

async fn list(project: Option<&str>, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let causes = list_causes(&admin.pool, admin.project_id(project).await?, None).await?;
    let headers = [
        "CAUSE",
        "WHY",
        "EVENT TYPE",
        "DUE",
        "CUSTOMERS",
        "AT RISK",
        "URGENCY",
        "OPEN",
        "15 MIN",
        "SINCE",
        "PROJECT",
    ];
    let human = table_or("Nothing waits.", &headers, causes.iter().map(row).collect());
    let causes = causes.into_iter().map(responses::cause);
    CommandOutput::new(&Listed::whole(causes), human)
}

async fn comment_on(id: &str, text: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let cause_id: CauseId = parse_id("cause", id)?;
    let cause = find_cause(&admin.pool, cause_id).await?;
    let cause = cause.ok_or_else(|| no_such("cause", cause_id))?;
    let about = About::Cause { project_id: cause.project_id, cause_id };
    comment::add(&admin, about, text).await
}

async fn list_comments(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let id: CauseId = parse_id("cause", id)?;
    find_cause(&admin.pool, id).await?.ok_or_else(|| no_such("cause", id))?;
    let mut db = admin.pool.acquire().await?;
    comment::list(list_of_cause(&mut db, id).await?)
}

const fn tone(urgency: Urgency) -> Tone {
    match urgency {
        Urgency::Normal => Tone::Plain,
        Urgency::High => Tone::Careful,
        Urgency::Critical => Tone::Bad,
    }
}

fn row(row: &CauseRow) -> Vec<(String, Tone)> {
    let growing = if row.opened_lately > 0 { Tone::Bad } else { Tone::Plain };
    vec![
        plain(&row.id),
        plain(&describe_reason(row.cause.reason, row.cause.error_code.as_deref())),
        plain(&one_line(&row.cause.event_type)),
        plain(&row.cause.effect_type),
        plain(&row.customers),
        plain(&or_nothing(describe_sums(&row.at_risk).as_deref())),
        (row.urgency.to_string(), tone(row.urgency)),
        plain(&row.open),
        (format!("+{}", row.opened_lately), growing),
        plain(&format_timestamp(row.oldest_opened_at)),
        plain(&one_line(&row.project_name)),
    ]
}
