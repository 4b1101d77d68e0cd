//! A real browser for tests: a page works, with scripts and without, it can be used by everyone,
//! and it talks to no other host. Nothing here knows whose pages they are.
//!
//! A [`Chromium`] serves many tests concurrently; each [`Page`] has cookies and a cache of its own,
//! as if it were another machine. It is spoken to over two pipes, so there is no port and no driver
//! program, and it ends by itself when this process is killed. Hosts other than this one do not
//! resolve: a page that asks for them is found out, and nothing leaves the machine.
//!
//! What does not happen within [`TIMEOUT`] ends the test with a message that says what was waited
//! for, and what was there instead.
//!
//! Chromium alone is asked, by the [DevTools protocol]. Why no driver crate does it is in
//! `docs/decisions/`: without the page's scripts, `chromiumoxide` clicks nothing, and it has no pipe
//! (<https://github.com/mattsse/chromiumoxide/issues/294>).
//!
//! [DevTools protocol]: https://chromedevtools.github.io/devtools-protocol/

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on ends here"
)]

mod act;
mod apart;
mod find;
mod network;
mod options;
mod page;
mod page_state;
mod process;
mod see;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use network::{Request, foreign};
pub use options::{PageOptions, Viewport};
pub use page::Page;
pub use see::Cookie;

use process::Process;
use wire::Wire;

/// How long a page may take to load, and how long something is searched for on it.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A running Chromium. It ends with this value.
pub struct Chromium {
    wire: Wire,
    // After the wire, which closes the pipes: that ends the browser in order.
    _process: Process,
}

impl Chromium {
    /// Starts a browser from its program.
    ///
    /// # Errors
    /// When the program does not start or is no browser. What it said last is in the error.
    pub async fn launch(program: &Path) -> anyhow::Result<Self> {
        let (process, pipes) = Process::start(program)?;
        let wire = Wire::new(pipes);
        let version = wire.call(None, "Browser.getVersion", serde_json::json!({})).await;
        version.map_err(|error| error.context(process.last_words()))?;
        Ok(Self { wire, _process: process })
    }

    /// Whether it still responds. A browser that crashed does not come back.
    pub fn is_running(&self) -> bool {
        self.wire.is_open()
    }

    /// An empty page of a fresh visitor: without cookies, with nothing cached.
    pub async fn page(self: &Arc<Self>, options: PageOptions) -> Page {
        Page::create(Arc::clone(self), options).await.expect("a page")
    }
}
