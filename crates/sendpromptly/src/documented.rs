//! The commands of the documents are read by clap as they stand there, so that one that names a verb, an option or a
//! value that is gone is found.
//!
//! In a block for the shell a command is whole. Between words it may be cut off, as in `sendpromptly project undeclare`.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::Cli;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What the documents write as `…` behind the prefix of an id.
const ID: &str = "01K9QE0A1B2C3D4E5F6G7H8J9K";

struct Written {
    words: Vec<String>,
    whole: bool,
}

impl Written {
    fn read(code: &str, whole: bool) -> Option<Self> {
        let words = split(code);
        let at = words.iter().position(|word| word == "sendpromptly")?;
        let in_front = ["docker", "compose", "exec", "api"];
        let is_command =
            words[..at].iter().all(|word| word.contains('=') || in_front.contains(&word.as_str()));
        let its_own =
            words[at..].iter().take_while(|word| ![">", "|", "&&"].contains(&word.as_str()));
        let words: Vec<_> = its_own.map(|word| fill(word)).collect();
        (is_command && words.len() > 1).then_some(Self { words, whole })
    }

    /// What clap says against it.
    fn problem(&self) -> Option<String> {
        let error = Cli::try_parse_from(&self.words).err()?;
        let is_gone =
            matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand);
        let is_wrong = is_gone || self.whole && error.use_stderr();
        is_wrong.then(|| format!("{}: {error}", self.words.join(" ")))
    }
}

/// The words of a line as a shell reads it, without its comment.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word = Some(word.unwrap_or_default());
            }
            (None, '#') if word.is_none() => break,
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

fn fill(word: &str) -> String {
    match word {
        "…" | "$PROJECT" => format!("prj_{ID}"),
        _ => word.replace("_…", &format!("_{ID}")),
    }
}

fn commands(text: &str) -> Vec<Written> {
    let text = text.replace("\\\n", " ");
    let read = |(n, part): (usize, &str)| -> Vec<Written> {
        if n.is_multiple_of(2) {
            let codes = part.split('`').skip(1).step_by(2);
            codes.filter_map(|code| Written::read(code, false)).collect()
        } else {
            let block = part.strip_prefix("sh\n").unwrap_or_default();
            block.lines().filter_map(|line| Written::read(line, true)).collect()
        }
    };
    text.split("```").enumerate().flat_map(read).collect()
}

/// All that tells of commands and settings as they are: the changelog and the decisions do not.
pub fn documents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let of_docs = std::fs::read_dir(root.join("docs")).expect("documents");
    let pages = of_docs.map(|entry| entry.expect("an entry").path());
    let pages = pages.filter(|page| page.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.filter(|page| !page.ends_with("CHANGELOG.md"));
    let named = ["README.md", "CONTRIBUTING.md", "clients/README.md", "docs/extensions/README.md"];
    pages.chain(named.map(|name| root.join(name))).collect()
}

#[test]
fn every_command_of_the_documents_is_one() {
    let (mut read, mut wrong) = (0, Vec::new());
    for page in documents() {
        let written = commands(&std::fs::read_to_string(&page).expect("a document"));
        read += written.len();
        let problems = written.iter().filter_map(Written::problem);
        wrong.extend(problems.map(|problem| format!("{}: {problem}", page.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 120, "only {read} commands were found");
}

#[test]
fn a_command_that_is_gone_is_found_wherever_it_stands() {
    let text = "`sendpromptly project undeclare` and `sendpromptly project forget`\n\n```sh\n\
                KEY=1 sendpromptly project list --gone   # is gone\n\
                sendpromptly project archive \\\n  --project prj_…\n\
                sendpromptly project undeclare\n```\n";
    let written = commands(text);
    let wrong: Vec<_> = written.iter().filter_map(Written::problem).collect();
    let named = ["project forget", "project list --gone", "project undeclare:"];
    assert_eq!((written.len(), wrong.len()), (5, named.len()), "{wrong:?}");
    assert!(wrong.iter().zip(named).all(|(problem, name)| problem.contains(name)), "{wrong:?}");
}
