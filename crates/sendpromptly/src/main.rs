//! `sendpromptly`: one binary for the product and for its administration.
//!
//! What a command has to say goes to standard output, once, when it is done: text for people, or
//! with `--json` exactly one line. Progress and logs go to standard error. The exit code is 0 when
//! it worked, 1 when it did not, 2 when the command line could not be read. A command that fails
//! half-way has changed nothing, because each change is one transaction.

mod admin_context;
mod audit_heads;
mod cmd;
mod config;
mod dev;
mod failure;
mod local;
mod logging;
mod output;
mod progress;
mod senders;
mod settings;
mod text;
mod timeline;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use web::random;

use crate::cmd::Command;
use crate::config::Environment;
use crate::failure::Failure;
use crate::output::CommandOutput;

/// Catches paid but not applied: the customer paid, the app answered 200, and nothing happened.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print exactly one line of JSON.
    #[arg(long, global = true)]
    json: bool,
    /// The data folder of `dev`, which other commands use when `DATABASE_URL` is not set.
    #[arg(long, global = true, value_name = "DIR", default_value = local::DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
}

const HELP: &str = "\
Begin here:
  sendpromptly dev                          everything on this machine, nothing to install
  sendpromptly incident list                in a second terminal, in the same folder

Administration works on DATABASE_URL, or on the `dev` that runs in the data folder.";

/// What every command is given.
#[derive(Clone)]
pub struct Context {
    /// Whether to print JSON.
    pub json: bool,
    /// The data folder of `dev`.
    pub data_dir: PathBuf,
    /// The environment.
    pub environment: Environment,
}

fn main() -> ExitCode {
    crash_points::arm();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return reject(&error),
    };
    // One TLS provider for everything; nothing can have chosen another one before this line.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let environment = Environment::from_process();
    let environment = if cli.command.works_beside_dev() {
        environment.beside_dev(&cli.data_dir)
    } else {
        environment
    };
    let context = Context { json: cli.json, data_dir: cli.data_dir, environment };
    let is_service = cli.command.is_service();
    match run(cli.command, &context) {
        Ok(answer) => answer.print(context.json),
        Err(error) if is_service && !context.json && logging::is_json(&context.environment) => {
            tracing::error!(error = failure::message(&error), "ended by an error");
            ExitCode::from(failure::exit_code(&error))
        }
        Err(error) => output::print_failure(&error, context.json),
    }
}

/// A command line that could not be read. A caller that asked for JSON gets its error as JSON too.
fn reject(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if !json || !error.use_stderr() {
        error.exit();
    }
    let why = Failure::Validation(in_one_line(&error.render().to_string()));
    let failed = output::print_failure(&why.into(), true);
    // There, 1 says that histories drift.
    if names_replay(std::env::args_os().skip(1)) { ExitCode::from(2) } else { failed }
}

/// What is wrong, and what was probably meant; how the command is used is left out.
fn in_one_line(rendered: &str) -> String {
    let said = rendered.trim_start_matches("error: ").split("\n\n");
    let said = said.take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
    said.map(str::trim).collect::<Vec<_>>().join("; ")
}

/// Whether the command is `replay`: the first word that is no option and not the folder of one.
fn names_replay(mut arguments: impl Iterator<Item = OsString>) -> bool {
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--data-dir") => drop(arguments.next()),
            Some(option) if option.starts_with('-') => (),
            command => return command == Some("replay"),
        }
    }
    false
}

fn run(command: Command, context: &Context) -> anyhow::Result<CommandOutput> {
    let (environment, log) = (&context.environment, command.default_log());
    let exporter = if command.is_service() {
        logging::start_service(environment, log)?
    } else if command.names_mistakes() {
        logging::start_regardless(environment, log);
        None
    } else {
        logging::start(environment, log)?;
        None
    };
    if !command.names_mistakes() {
        for unknown in settings::find_unknown() {
            tracing::warn!("{unknown}");
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(command.run(context));
    if let Some(exporter) = exporter {
        exporter.finish();
    }
    ended
}

#[cfg(test)]
mod documented;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_description_and_an_example() {
        let mut cli = Cli::command();
        cli.build();
        let mut pending: Vec<_> = cli.get_subcommands().cloned().collect();
        while let Some(command) = pending.pop() {
            let name = command.get_name().to_owned();
            if name == "help" {
                continue;
            }
            assert!(command.get_about().is_some(), "{name} has no description");
            if command.has_subcommands() {
                pending.extend(command.get_subcommands().cloned());
                continue;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("sendpromptly "), "{name} has no example");
            let lines: Vec<_> = help.lines().collect();
            let broken = lines.windows(2).find(|pair| {
                let is_prose = pair.iter().all(|line| line.starts_with(char::is_alphanumeric));
                is_prose && !pair[0].ends_with(':')
            });
            assert_eq!(broken, None, "a paragraph of {name} is one line, wrapped by the terminal");
        }
    }

    #[test]
    fn an_error_in_one_line_says_what_was_probably_meant() {
        for (line, said) in [
            (
                "project lst",
                "unrecognized subcommand 'lst'; tip: a similar subcommand exists: 'list'",
            ),
            ("project list --bogus", "unexpected argument '--bogus' found"),
        ] {
            let words = ["sendpromptly"].into_iter().chain(line.split(' '));
            let error = Cli::try_parse_from(words).expect_err("a bad line");
            assert_eq!(in_one_line(&error.render().to_string()), said);
        }
    }

    #[test]
    fn replay_is_a_command_and_not_a_word_of_another() {
        let is_replay = |line: &str| names_replay(line.split(' ').map(OsString::from));
        assert!(is_replay("--json replay --bogus") && is_replay("--data-dir x replay"));
        for other in ["project create --name replay", "--data-dir replay project", "--json"] {
            assert!(!is_replay(other), "{other}");
        }
    }

    #[test]
    fn json_and_data_dir_stand_before_or_after_the_command() {
        for line in [
            ["sendpromptly", "--json", "--data-dir", "x", "project", "list"],
            ["sendpromptly", "project", "list", "--data-dir", "x", "--json"],
        ] {
            let cli = Cli::try_parse_from(line).expect("a good line");
            assert!(cli.json);
            assert_eq!(cli.data_dir, PathBuf::from("x"));
        }
    }
}
