//! `project declare`: names that a project adds to the built-in catalogue for itself.

use domain::catalogue::{Catalogue, Declaration, InvalidDeclaration};
use domain::ids::ProjectId;
use serde::Serialize;
use store::administration::declared_name::{Declared, MAX_NAMES, declare_names};
use store::{declared_names, pool};

use crate::Context;
use crate::answer::Answer;
use crate::desk::Desk;
use crate::failure::{Failure, no_such, parse_id};
use crate::text::{NOTHING, block};

pub const HELP: &str = "\
Example:
  sendpromptly project declare --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
    --event-type acme:license.sold --effect-type license_issue

A provider is known with its first event type. Capitals are folded, and what is known already stays as
it is. docs/providers.md lists the names that are built in; project undeclare removes one that nothing
uses.";

/// Which project, and what it declares.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    #[command(flatten)]
    names: Names,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Names {
    /// An event type with its provider; may be given more than once.
    #[arg(long, value_name = "PROVIDER:TYPE")]
    event_type: Vec<String>,
    /// An effect; may be given more than once.
    #[arg(long, value_name = "NAME")]
    effect_type: Vec<String>,
}

/// What a project declares, as `--json` shows it.
#[derive(Debug, Serialize)]
struct DeclaredNames {
    project_id: ProjectId,
    event_types: Vec<String>,
    effect_types: Vec<String>,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<Answer> {
    let names = args.names.read()?;
    let id: ProjectId = parse_id("project", &args.project)?;
    let desk = Desk::open(context).await?;
    let mut tx = desk.begin().await?;
    match declare_names(&mut tx, &desk.actor, id, &names).await? {
        Declared::Done(_) => pool::commit(tx).await?,
        Declared::TooMany => {
            let why = format!("a project may declare {MAX_NAMES} names");
            return Err(Failure::Validation(why).into());
        }
        Declared::NoProject => return Err(no_such("project", id).into()),
    }
    show(&desk, id).await
}

/// What the project declares now.
pub(super) async fn show(desk: &Desk, id: ProjectId) -> anyhow::Result<Answer> {
    let catalogue = declared_names::load_catalogue(&desk.pool, id).await?;
    let shown = DeclaredNames::new(id, &catalogue);
    let human = shown.describe();
    Answer::new(&shown, human)
}

impl Names {
    /// What was named.
    pub(super) fn read(&self) -> Result<Vec<Declaration>, Failure> {
        let events =
            self.event_type.iter().map(|text| (Declaration::event_type(text), "event_type"));
        let effects =
            self.effect_type.iter().map(|text| (Declaration::effect_type(text), "effect_type"));
        let wrong =
            |field: &'static str| move |why: InvalidDeclaration| Failure::option(field, why);
        events.chain(effects).map(|(read, field)| read.map_err(wrong(field))).collect()
    }
}

impl DeclaredNames {
    fn new(project_id: ProjectId, catalogue: &Catalogue) -> Self {
        let (event_types, effect_types) = catalogue.declared_texts();
        Self { project_id, event_types, effect_types }
    }

    fn describe(&self) -> String {
        let list = |names: &[String]| match names {
            [] => NOTHING.to_owned(),
            names => names.join(", "),
        };
        block(&[
            ("project", self.project_id.to_string()),
            ("event types", list(&self.event_types)),
            ("effect types", list(&self.effect_types)),
        ])
    }
}
