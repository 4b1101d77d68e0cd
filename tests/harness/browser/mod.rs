//! A real browser, for what only a browser can show: that a page works, with scripts and without,
//! that it can be used by everyone, and that it talks to no other host.
//!
//! One Chromium serves all tests that run at the same moment and ends with the last of them; each
//! [`Page`] has cookies and a cache of its own, as if it were another machine. It is spoken to over
//! two pipes, so there is no port and no driver program, and it ends by itself when this process is
//! killed. Hosts other than this one do not resolve: a page that asks for them is found out, and
//! nothing leaves the machine.
//!
//! What does not happen within [`TIMEOUT`] ends the test with a message that says what was waited
//! for, and what was there instead.

mod act;
mod axe;
mod find;
mod heard;
mod install;
mod network;
mod options;
mod page;
mod process;
mod see;
mod wire;

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Mutex;

pub use axe::{Violation, assert_accessible};
pub use network::{Request, foreign};
pub use options::{PageOptions, Viewport};
pub use page::Page;
pub use see::Cookie;

use process::Process;
use wire::Wire;

/// How long a page may take to load, and how long something is searched for on it.
pub const TIMEOUT: Duration = Duration::from_secs(10);

static SHARED: Mutex<Weak<Browser>> = Mutex::const_new(Weak::new());

/// A running Chromium. It ends with the last value that shares it.
pub struct Browser {
    wire: Wire,
    // After the wire, which closes the pipes: that ends the browser in order.
    _process: Process,
}

impl Browser {
    /// The browser, started by the first test that needs it.
    ///
    /// # Panics
    /// When it is neither found nor installable, or does not start.
    pub async fn start() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(browser) = shared.upgrade().filter(|browser| browser.wire.is_open()) {
            return browser;
        }
        let browser = Arc::new(Self::launch().await.expect("a browser"));
        *shared = Arc::downgrade(&browser);
        browser
    }

    async fn launch() -> anyhow::Result<Self> {
        let (process, pipes) = Process::start(install::program().await?)?;
        let wire = Wire::new(pipes);
        let version = wire.call(None, "Browser.getVersion", serde_json::json!({})).await;
        version.map_err(|error| error.context(process.last_words()))?;
        Ok(Self { wire, _process: process })
    }

    /// An empty page of a fresh visitor: without cookies, with nothing cached.
    ///
    /// # Panics
    /// When the browser cannot open one.
    pub async fn page(self: &Arc<Self>, options: PageOptions) -> Page {
        Page::create(Arc::clone(self), options).await.expect("a page")
    }
}
