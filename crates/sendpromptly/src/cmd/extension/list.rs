//! `extension list`.

use api::v1::responses;
use api_types::list::Listed;
use store::extensions::{self, Extension};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{NOTHING, Tone, format_timestamp, plain, table_or};

pub const HELP: &str = "\
Example:
  sendpromptly extension list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K";

pub(super) async fn run(project: Option<&str>, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project_id(project).await?;
    let all = extensions::list_extensions(&admin.pool, project_id).await?;
    let nothing = "No extensions. Register one: sendpromptly extension add --help";
    let headers = ["EXTENSION", "PROJECT", "POINT", "NAME", "QUEUE", "TRUST", "BUDGET", "STATE"];
    let human = table_or(nothing, &headers, all.iter().map(row).collect());
    CommandOutput::new(&Listed::whole(all.into_iter().map(responses::extension)), human)
}

fn row(extension: &Extension) -> Vec<(String, Tone)> {
    let state = match (extension.paused_at, extension.unanswered_in_a_row) {
        (Some(at), _) => (format!("paused since {}", format_timestamp(at)), Tone::Careful),
        (None, 0) => ("in use".to_owned(), Tone::Good),
        (None, 1) => ("its last call was not answered".to_owned(), Tone::Bad),
        (None, count) => (format!("its last {count} calls were not answered"), Tone::Bad),
    };
    vec![
        plain(&extension.id),
        plain(&extension.project_id),
        plain(&extension.point),
        plain(&domain::alert::one_line(&extension.name())),
        plain(&extension.target.queue().unwrap_or(NOTHING)),
        plain(&extension.trust),
        plain(&format!("{} s", extension.budget_seconds)),
        state,
    ]
}
