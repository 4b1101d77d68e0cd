//! The master key: making a new one, sealing everything with it, and seeing when the old one can go.
//!
//! A key is changed in this order, so that no process meets a value that it cannot open: the new key goes
//! behind the old one everywhere, then in front of it everywhere, then everything is sealed again, then the old
//! one goes. Each step is a rolling restart or a command that can be repeated.

mod new;
mod rotate;
mod status;

use clap::Subcommand;
use store::MasterKey;
use store::key_holders::Holder;

use crate::Context;
use crate::output::CommandOutput;

/// What can be done with master keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print a new key, and the steps that bring it into use.
    #[command(after_help = new::HELP)]
    New,
    /// Seal everything again with the newest key.
    #[command(after_help = rotate::HELP)]
    Rotate(rotate::Args),
    /// Show what is sealed with which key, which process has it, and whether the old one can go.
    #[command(after_help = status::HELP)]
    Status,
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::New => new::run(),
            Self::Rotate(args) => Box::pin(rotate::run(args, context)).await,
            Self::Status => Box::pin(status::run(context)).await,
        }
    }
}

/// `1 value is`, `2 values are`.
fn values(count: i64) -> String {
    if count == 1 { "1 value is".to_owned() } else { format!("{count} values are") }
}

/// What is wrong with the keys of the running processes, each with the cure.
fn problems(key: &MasterKey, holders: &[Holder]) -> (Vec<String>, Vec<String>) {
    let newest = key.newest().to_string();
    let lacking = holders.iter().filter(|holder| !holder.has(&newest)).map(|holder| {
        format!(
            "{} does not have key {newest}: put it there, behind the key that seals and a comma, and restart it",
            holder.process
        )
    });
    let behind = holders.iter().filter(|holder| holder.has(&newest) && !holder.seals_with(&newest));
    let behind = behind.map(|holder| {
        format!(
            "{} still seals with another key: put {newest} in front and restart it",
            holder.process
        )
    });
    (lacking.collect(), behind.collect())
}
