//! `project declare`: names that a project adds to the built-in catalogue for itself.

use domain::catalogue::{Catalogue, Declaration, InvalidDeclaration};
use domain::ids::ProjectId;
use serde::Serialize;
use store::administration::declared_name::{DeclareRejection, declare_names};
use store::declared_names;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly project declare --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
    --event-type acme:license.sold --effect-type license_issue

An event type is written as PROVIDER:TYPE, just as the receipt names them in `provider` and \
`event_type`; the provider is known with its first type. Names have 1 to 100 characters of \
a-z 0-9 _ . / : - and capitals are folded. Declaring a name again changes nothing. Declared names apply \
to later receipts and results. docs/providers.md lists the names that are built in; `sendpromptly project \
undeclare` removes one that nothing uses.";

/// Which project, and the names that it declares or removes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id, as `sendpromptly project list` prints it.
    #[arg(long, value_name = "PROJECT")]
    pub(super) project: String,
    #[command(flatten)]
    pub(super) names: Names,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Names {
    /// An event type with its provider, such as acme:license.sold; may be given more than once.
    #[arg(long, value_name = "PROVIDER:TYPE")]
    event_type: Vec<String>,
    /// An effect, such as license_issue; may be given more than once.
    #[arg(long, value_name = "NAME")]
    effect_type: Vec<String>,
}

/// What a project declares, as `--json` shows it.
#[derive(Debug, Serialize)]
struct DeclaredNamesOutput {
    project_id: ProjectId,
    event_types: Vec<String>,
    effect_types: Vec<String>,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let names = args.names.read()?;
    let id: ProjectId = parse_id("project", &args.project)?;
    let admin = AdminContext::open(context).await?;
    let declared = admin.transaction(async |tx| declare_names(tx, &admin.actor, id, &names).await);
    let new = match declared.await {
        Ok(new) => new,
        Err(error) => {
            let failure = match error.rejection()? {
                rejection @ DeclareRejection::TooMany => Failure::Validation(rejection.to_string()),
                DeclareRejection::NoProject => no_such("project", id),
            };
            return Err(failure.into());
        }
    };
    show(&admin, id, describe(&names, |name| became(name, &new))).await
}

fn became(name: &Declaration, new: &[Declaration]) -> &'static str {
    if new.contains(name) {
        "declared"
    } else if name.is_built_in() {
        "is built in, nothing to declare"
    } else {
        "was declared before"
    }
}

/// What the project declares now, and for people what became of the names that were given.
pub(super) async fn show(
    admin: &AdminContext,
    id: ProjectId,
    said: String,
) -> anyhow::Result<CommandOutput> {
    let catalogue = declared_names::load_catalogue(&admin.pool, id).await?;
    CommandOutput::new(&DeclaredNamesOutput::new(id, &catalogue), said)
}

/// One line for each name that was given, with what became of it.
pub(super) fn describe(
    names: &[Declaration],
    became: impl Fn(&Declaration) -> &'static str,
) -> String {
    let line = |name: &Declaration| {
        let kind = match name {
            Declaration::EventType(..) => "event type",
            Declaration::EffectType(_) => "effect type",
        };
        format!("{kind} {name}: {}", became(name))
    };
    let mut lines: Vec<String> = names.iter().map(line).collect();
    lines.dedup();
    lines.join("\n")
}

impl Names {
    /// What was named.
    pub(super) fn read(&self) -> Result<Vec<Declaration>, Failure> {
        type Read = fn(&str) -> Result<Declaration, InvalidDeclaration>;
        let read = |option: &'static str, texts: &[String], read: Read| {
            let one = |text: &String| {
                read(text).map_err(|why| Failure::option(&format!("{option} {text:?}"), why))
            };
            texts.iter().map(one).collect::<Result<Vec<_>, _>>()
        };
        let mut names = read("--event-type", &self.event_type, Declaration::event_type)?;
        names.extend(read("--effect-type", &self.effect_type, Declaration::effect_type)?);
        Ok(names)
    }
}

impl DeclaredNamesOutput {
    fn new(project_id: ProjectId, catalogue: &Catalogue) -> Self {
        let (event_types, effect_types) = catalogue.declared_texts();
        Self { project_id, event_types, effect_types }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_line_that_says_what_became_of_it() {
        let names = Names {
            event_type: ["acme:License.Sold", "acme:license.renewed", "stripe:invoice.paid"]
                .map(str::to_owned)
                .to_vec(),
            effect_type: vec!["license_issue".to_owned()],
        };
        let names = names.read().expect("names");
        let new = [names[0].clone(), names[3].clone()];
        assert_eq!(
            describe(&names, |name| became(name, &new)),
            "event type acme:license.sold: declared\n\
             event type acme:license.renewed: was declared before\n\
             event type stripe:invoice.paid: is built in, nothing to declare\n\
             effect type license_issue: declared"
        );
    }

    #[test]
    fn a_name_that_is_none_says_which_and_what_would_be_right() {
        let read = |event: &str, effect: &str| {
            let names = Names { event_type: vec![event.into()], effect_type: vec![effect.into()] };
            names.read().expect_err("rejected").to_string()
        };
        let message = read("license.sold", "license_issue");
        assert_eq!(
            message,
            "--event-type \"license.sold\" must name its provider, such as acme:license.sold"
        );
        let message = read("acme:license.sold", "license issue");
        assert!(
            message.starts_with("--effect-type \"license issue\" must have 1 to 100"),
            "{message}"
        );
    }
}
