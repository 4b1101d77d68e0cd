//! The extensions of `examples/`, as a team runs them: a copy of the folder, its libraries, and a
//! worker started as its `Procfile` says, in a process group that ends with its value.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use anyhow::Context as _;
use embedded::{Program, ProgramOptions};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::time::Instant;

use crate::wait::TIMEOUT;
use crate::{World, binary};

/// What an example is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Python,
    TypeScript,
    Rust,
}

impl Language {
    pub const ALL: [Self; 3] = [Self::Python, Self::TypeScript, Self::Rust];

    const fn folder(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::Rust => "rust",
        }
    }

    /// The command of the shop's ledger, as the example's README says it.
    const fn ledger(self) -> &'static str {
        match self {
            Self::Python => "exec .venv/bin/python ledger.py \"$@\"",
            Self::TypeScript => "exec npm run --silent ledger \"$@\"",
            Self::Rust => "exec ./extension-example \"$@\"",
        }
    }
}

/// What TypeScript's example is compiled to, which takes ten seconds of a processor: once for all copies that are in use
/// at the same moment.
static COMPILED: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());

/// A copy of an example with a ledger of its own.
pub struct Example {
    folder: TempDir,
    language: Language,
    _compiled: Option<Arc<TempDir>>,
}

impl Example {
    /// Copies it, and puts the libraries there that tests have installed.
    ///
    /// # Errors
    /// When they cannot be installed, or the example does not build.
    pub async fn new(language: Language) -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(move || Self::copy(language)).await?
    }

    fn copy(language: Language) -> anyhow::Result<Self> {
        let folder = copy_source(language)?;
        let (to, mut of_all) = (folder.path(), None);
        match language {
            Language::Python => {
                printed(to, "python3 -m venv --without-pip .venv", &[])?;
                let packages = "import sysconfig; print(sysconfig.get_path('purelib'))";
                let packages = printed(to, ".venv/bin/python -c \"$1\"", &[packages])?;
                let path = Path::new(packages.trim()).join("libraries.pth");
                fs::write(path, libraries()?.join("python").display().to_string())?;
            }
            Language::TypeScript => {
                link_node_modules(to)?;
                let compiled = compiled()?;
                copy_folder(&compiled.path().join("build"), &to.join("build"))?;
                of_all = Some(compiled);
            }
            Language::Rust => {
                let built = binary::path()?.with_file_name("extension-example");
                std::os::unix::fs::symlink(built, to.join("extension-example"))?;
            }
        }
        Ok(Self { folder, language, _compiled: of_all })
    }

    /// A payment was taken.
    ///
    /// # Errors
    /// When the ledger's command fails.
    pub async fn paid(&self, payment: &str, customer: &str) -> anyhow::Result<()> {
        self.ledger(&["paid", payment, customer, "500"]).await.map(drop)
    }

    /// Its credits were granted.
    ///
    /// # Errors
    /// When the ledger's command fails.
    pub async fn granted(&self, payment: &str, customer: &str) -> anyhow::Result<()> {
        self.ledger(&["granted", payment, customer]).await.map(drop)
    }

    /// The ledger's command: what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn ledger(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = shell(self.folder.path(), self.language.ledger(), arguments);
        read(&tokio::task::spawn_blocking(move || command.output()).await??)
    }

    /// Where the copy is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a shell in the folder prints.
    ///
    /// # Errors
    /// When its command fails.
    pub fn succeeds(&self, line: &str, arguments: &[&str]) -> anyhow::Result<String> {
        printed(self.folder.path(), line, arguments)
    }

    /// Starts its worker on a task queue, and waits until it says that it takes calls.
    pub async fn start(&self, world: &World, queue: &str) -> ExampleWorker {
        let procfile = fs::read_to_string(self.folder.path().join("Procfile")).expect("a Procfile");
        let line = procfile.trim().strip_prefix("worker: ").expect("one line");
        // Cargo would build in the copy what it has built in the workspace.
        let line = if self.language == Language::Rust { "./extension-example" } else { line };
        let options = ProgramOptions {
            line,
            folder: self.folder.path(),
            set: vec![
                ("TEMPORAL_ADDRESS", world.temporal_address.clone().into()),
                ("TEMPORAL_NAMESPACE", embedded::NAMESPACE.into()),
                ("EXTENSION_QUEUE", queue.into()),
            ],
            unset: Vec::new(),
        };
        let (program, stdout, stderr) = Program::start(&options).expect("a shell");
        let printed = Arc::default();
        tokio::spawn(keep(stdout, Arc::clone(&printed)));
        tokio::spawn(keep(stderr, Arc::clone(&printed)));
        let worker = ExampleWorker { program, printed };
        let ready = format!("taking calls from {queue}");
        let deadline = Instant::now() + TIMEOUT;
        while !worker.printed().contains(&ready) {
            assert!(Instant::now() < deadline, "{:?}: {}", self.language, worker.printed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        worker
    }
}

/// A running worker. All that it has started ends with this value.
pub struct ExampleWorker {
    program: Program,
    printed: Arc<Mutex<String>>,
}

impl ExampleWorker {
    /// What it printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        self.printed.lock().expect("no panic while locked").clone()
    }

    /// Freezes it, as a machine does that is out of memory.
    pub fn freeze(&self) {
        self.program.signal(Signal::STOP);
    }

    /// Kills it, as `kill -9` does.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.program.signal(Signal::KILL);
        Ok(self.program.wait().await.map(drop)?)
    }

    /// Ends it as a supervisor does; whether it needed no force.
    pub async fn stop(self) -> bool {
        self.program.stop().await == embedded::Stopped::Orderly
    }
}

async fn keep(output: impl AsyncRead + Unpin, printed: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut printed = printed.lock().expect("no panic while locked");
        printed.push_str(&line);
        printed.push('\n');
    }
}

fn read(output: &Output) -> anyhow::Result<String> {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    anyhow::ensure!(output.status.success(), "{}: {stdout}{stderr}", output.status);
    Ok(stdout.into_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn source(language: Language) -> PathBuf {
    root().join("examples/extensions").join(language.folder())
}

fn copy_source(language: Language) -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("sendpromptly-example-").tempdir()?;
    copy_folder(&source(language), folder.path())?;
    Ok(folder)
}

/// The folder of a copy that is compiled, beside the others, so that what names its libraries is true in them too.
fn compiled() -> anyhow::Result<Arc<TempDir>> {
    let mut shared = COMPILED.lock().expect("no panic while locked");
    if let Some(compiled) = shared.upgrade() {
        return Ok(compiled);
    }
    let folder = Arc::new(copy_source(Language::TypeScript)?);
    link_node_modules(folder.path())?;
    printed(folder.path(), "npm run --silent build", &[])?;
    *shared = Arc::downgrade(&folder);
    Ok(folder)
}

fn link_node_modules(folder: &Path) -> anyhow::Result<()> {
    let libraries = libraries()?.join("node/node_modules");
    Ok(std::os::unix::fs::symlink(libraries, folder.join("node_modules"))?)
}

fn printed(folder: &Path, line: &str, arguments: &[&str]) -> anyhow::Result<String> {
    read(&shell(folder, line, arguments).output()?)
}

fn shell(folder: &Path, line: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line, "sh"]).args(arguments).current_dir(folder);
    command
}

/// The folder that the script prints once they are there.
fn libraries() -> anyhow::Result<PathBuf> {
    let script = root().join("scripts/install_test_libraries.py");
    let printed = read(&Command::new("python3").arg(script).output().context("python3")?)?;
    Ok(printed.trim().into())
}

/// What running an example leaves in its folder.
const LEFT: [&str; 7] =
    [".venv", "__pycache__", "build", "ledger.jsonl", "ledger.sqlite", "node_modules", "target"];

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if LEFT.iter().any(|left| name == *left) {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(&name))?;
        } else {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}
