//! `completions`: a shell's script that completes commands and options, made of the command line itself, so that
//! it has what this version has.

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use crate::Cli;
use crate::output::CommandOutput;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Examples:
  source <(sendpromptly completions bash)
  sendpromptly completions zsh > ~/.zfunc/_sendpromptly
  sendpromptly completions fish > ~/.config/fish/completions/sendpromptly.fish";

/// What reads the script.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Gives the script; it needs neither database nor settings.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<CommandOutput> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sendpromptly", &mut script);
    let script = String::from_utf8(script)?;
    CommandOutput::new(&json!({ "shell": args.shell.to_string(), "script": script }), script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_script_knows_commands_verbs_and_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let output = run(&CompletionsArgs { shell }).expect("a script");
            for word in ["incident", "rotate-secret", "data-dir", "completions"] {
                assert!(output.human().contains(word), "{shell} does not complete {word}");
            }
            let line: serde_json::Value = serde_json::from_str(output.json()).expect("JSON");
            assert_eq!(line["script"], output.human());
        }
    }
}
