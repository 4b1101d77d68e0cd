//! Operators: people who may sign in. A password is read without being shown, or from standard
//! input, never from an argument, which other users of the machine could see.

mod access;

use std::io::{IsTerminal, Read, stdin};

use anyhow::Context as _;
use api_types::list::Listed;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use console::password::{self, Memory};
use domain::destination::SlackUserId;
use domain::ids::OperatorId;
use domain::operator::{Role, parse_email};
use serde::Serialize;
use store::Insertion;
use store::administration::operator::{SlackUserChange, add_operator, change_slack_user};
use store::operators::{self, Operator};
use time::OffsetDateTime;

use self::access::{RemoveArgs, RoleArgs};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::{format_timestamp, plain, table_or};

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add a person who may sign in to the console.
    #[command(after_help = ADD_HELP)]
    Add(AddArgs),
    /// Say who an operator is in Slack, where buttons act with their role.
    #[command(after_help = SLACK_HELP)]
    Slack(SlackArgs),
    /// Give an operator another role.
    #[command(after_help = access::ROLE_HELP)]
    Role(RoleArgs),
    /// Remove an operator: they may not sign in any more.
    #[command(after_help = access::REMOVE_HELP)]
    Remove(RemoveArgs),
    /// List the people who may sign in.
    #[command(after_help = "Example:\n  sendpromptly operator list")]
    List,
}

const ADD_HELP: &str = "\
Example:
  sendpromptly operator add --email bob@example.com --role operator

An admin changes projects, keys and people; an operator works on incidents; a viewer reads. The command \
asks for a password of at least 12 characters; scripts give it with --password-stdin.";

const SLACK_HELP: &str = "\
Examples:
  sendpromptly operator slack --email bob@example.com --user U0123ABCDEF
  sendpromptly operator slack --email bob@example.com --no-user

The member ID is in Slack under the person's profile, the three dots, Copy member ID.";

/// Who is known how.
#[derive(Debug, clap::Args)]
pub struct SlackArgs {
    /// The operator's e-mail address.
    #[arg(long)]
    email: String,
    /// Their member ID in Slack.
    #[arg(long, value_name = "ID", required_unless_present = "no_user")]
    user: Option<String>,
    /// They are nobody in Slack any more.
    #[arg(long, conflicts_with = "user")]
    no_user: bool,
}

/// Who is added.
#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// The e-mail address to sign in with.
    #[arg(long)]
    email: String,
    /// What they may do.
    #[arg(long, value_parser = role_parser())]
    role: Role,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Serialize)]
struct Added<'a> {
    operator_id: OperatorId,
    email: &'a str,
    role: Role,
}

#[derive(Serialize)]
struct SlackUserOutput<'a> {
    operator_id: OperatorId,
    email: &'a str,
    slack_user_id: Option<&'a str>,
}

#[derive(Serialize)]
struct OperatorOutput {
    operator_id: OperatorId,
    email: String,
    role: Role,
    slack_user_id: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Operator> for OperatorOutput {
    fn from(operator: Operator) -> Self {
        let Operator { id, email, role, slack_user_id, created_at } = operator;
        Self { operator_id: id, email, role, slack_user_id, created_at }
    }
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Add(args) => add(args, context).await,
            Self::Slack(args) => slack(args, context).await,
            Self::Role(args) => access::give_role(args, context).await,
            Self::Remove(args) => access::remove(args, context).await,
            Self::List => list(context).await,
        }
    }
}

async fn add(args: AddArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let email = parse_email(&args.email).map_err(|why| Failure::option("email", why))?;
    let admin = AdminContext::open(context).await?;
    let password = if args.password_stdin { read_password()? } else { ask_password(&email)? };
    let hash = hash(password).await?;
    let added = admin
        .transaction(async |tx| add_operator(tx, &admin.actor, &email, args.role, &hash).await);
    let Insertion::Inserted(operator_id) = added.await? else {
        return Err(Failure::option("email", format!("{email} may sign in already")).into());
    };
    let human = format!("{email} may sign in now, as {}.", args.role);
    CommandOutput::new(&Added { operator_id, email: &email, role: args.role }, human)
}

async fn slack(args: SlackArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let email = parse_email(&args.email).map_err(|why| Failure::option("email", why))?;
    let user = args.user.as_deref().map(SlackUserId::parse).transpose();
    let user = user.map_err(|why| Failure::option("user", why))?;
    let admin = AdminContext::open(context).await?;
    let unknown = || Failure::option("email", format!("{email} may not sign in"));
    let login = operators::find_login(&admin.pool, &email).await?.ok_or_else(unknown)?;
    let changed = admin
        .transaction(async |tx| change_slack_user(tx, &admin.actor, login.id, user.as_ref()).await);
    match changed.await? {
        SlackUserChange::Done => {}
        SlackUserChange::Taken => {
            return Err(Failure::option("user", "is another operator's").into());
        }
        SlackUserChange::Unknown => return Err(unknown().into()),
    }
    let slack_user_id = user.as_ref().map(SlackUserId::as_str);
    let human = match slack_user_id {
        Some(user) => format!("{email} is {user} in Slack: its buttons act as them."),
        None => format!("{email} is nobody in Slack any more."),
    };
    let output = SlackUserOutput { operator_id: login.id, email: &email, slack_user_id };
    CommandOutput::new(&output, human)
}

async fn list(context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let operators = operators::list_operators(&admin.pool).await?;
    let rows = operators.iter().map(|operator| {
        vec![
            plain(&operator.id),
            plain(&operator.email),
            plain(&operator.role),
            plain(&operator.slack_user_id.as_deref().unwrap_or("-")),
            plain(&format_timestamp(operator.created_at)),
        ]
    });
    let nobody = "No operators: no one can sign in. See: sendpromptly operator add --help";
    let human = table_or(nobody, &["OPERATOR", "EMAIL", "ROLE", "SLACK", "SINCE"], rows.collect());
    CommandOutput::new(&Listed::whole(operators.into_iter().map(OperatorOutput::from)), human)
}

/// Hashing keeps a core busy, so it is not done where other work waits.
async fn hash(password: String) -> anyhow::Result<String> {
    let hashed =
        tokio::task::spawn_blocking(move || password::hash(&password, &mut Memory::default()));
    let hashed = hashed.await?;
    Ok(hashed.map_err(|error| Failure::Validation(error.to_string()))?)
}

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(password::MAX_BYTES)? + 3;
    stdin().take(most).read_to_string(&mut text).context("the password could not be read")?;
    Ok(without_line_end(&text).to_owned())
}

fn ask_password(email: &str) -> anyhow::Result<String> {
    if !stdin().is_terminal() {
        let cure = "must be given with --password-stdin where there is no terminal to ask at";
        return Err(Failure::option("password", cure).into());
    }
    let given = rpassword::prompt_password(format!("Password for {email}: "))?;
    if rpassword::prompt_password("Repeat the password: ")? != given {
        return Err(Failure::Validation("the two passwords are not the same".into()).into());
    }
    Ok(given)
}

/// `echo` and most editors end a line; a password does not.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.as_str()))
        .try_map(|text| text.parse::<Role>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_no_part_of_a_password() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            assert_eq!(without_line_end(text), "correct horse");
        }
        assert_eq!(without_line_end(" spaces stay \n\n"), " spaces stay \n");
    }

    #[tokio::test]
    async fn a_short_password_is_a_validation_error() {
        let error = hash("elevenchars".into()).await.expect_err("too short");
        assert_eq!(crate::failure::code(&error), "validation_error");
        assert_eq!(error.to_string(), "a password needs at least 12 characters");
    }

    #[test]
    fn a_new_operator_is_shown_without_the_password() {
        let operator_id = "opr_00000000000000000000000001".parse().expect("an id");
        let added = Added { operator_id, email: "bob@example.com", role: Role::Operator };
        assert_eq!(
            serde_json::to_string(&added).expect("json"),
            r#"{"operator_id":"opr_00000000000000000000000001","email":"bob@example.com","role":"operator"}"#
        );
    }
}
