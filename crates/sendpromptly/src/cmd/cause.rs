//! `cause list`: what incidents that are not resolved have in common.

use api::v1::responses;
use clap::Subcommand;
use domain::alert::one_line;
use domain::cause::describe_reason;
use domain::ids::CauseId;
use domain::money::describe_sums;
use domain::project::Mode;
use domain::urgency::Urgency;
use store::comments::{About, list_of_cause};
use store::page::MAX_PAGE;
use store::search::Cursor;
use store::search::causes::{CauseRow, CauseSearch, find_cause, search_causes};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::{comment, list};
use crate::failure::{no_such, parse_id};
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, or_nothing, plain};

const HELP: &str = "\
Example:
  sendpromptly cause list

The incidents of one: sendpromptly incident list --cause cau_…

A list with more pages ends with the command for the next one.";

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
    /// cause with the most customers.
    #[command(after_help = HELP)]
    List(ListArgs),
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

/// Which causes.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only this project's causes.
    #[arg(long)]
    project: Option<String>,
    /// Only causes of projects of this mode.
    #[arg(long, value_parser = list::choice::<Mode>(Mode::ALL.iter().map(|mode| mode.as_str())))]
    mode: Option<Mode>,
    /// How many lines a page has at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
    limit: i64,
    /// The cursor that the page before ended with.
    #[arg(long)]
    cursor: Option<String>,
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::List(args) => list_page(args, context).await,
            Self::Comment { id, text } => Box::pin(comment_on(&id, &text, context)).await,
            Self::Comments { id } => list_comments(&id, context).await,
        }
    }
}

async fn list_page(args: ListArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let cursor = args.cursor.as_deref().map(list::parse_cursor).transpose()?.map(Cursor::After);
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project_id(args.project.as_deref()).await?;
    let search = CauseSearch { project_id, mode: args.mode, cursor, limit: args.limit };
    let page = search_causes(&admin.pool, &search).await?;
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
    let human = list::describe("Nothing waits.", &headers, &page, row);
    CommandOutput::new(&responses::page(page, responses::cause), human)
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
        plain(&list::project(&row.project_name, row.mode)),
    ]
}
