//! The browser of the stories. One Chromium serves all tests that run at the same moment and ends
//! with the last of them.

mod axe;
mod install;

use std::sync::{Arc, Weak};

use futures::future::join_all;
use tokio::sync::Mutex;

use ::browser::Chromium;
pub use ::browser::{Cookie, Page, PageOptions, Request, TIMEOUT, Viewport, foreign};
pub use axe::{Violation, assert_accessible, violations};

static SHARED: Mutex<Weak<Chromium>> = Mutex::const_new(Weak::new());

/// The browser of this run. It ends with the last of these values and of its pages.
pub struct Browser(Arc<Chromium>);

impl Browser {
    /// The browser, started by the first test that needs it.
    ///
    /// # Panics
    /// When it is neither found nor installable, or does not start.
    pub async fn start() -> Self {
        let mut shared = SHARED.lock().await;
        if let Some(browser) = shared.upgrade().filter(|browser| browser.is_running()) {
            return Self(browser);
        }
        let program = install::program().await.expect("a browser");
        let browser = Arc::new(Chromium::launch(program).await.expect("a browser"));
        *shared = Arc::downgrade(&browser);
        Self(browser)
    }

    /// An empty page of a fresh visitor.
    pub async fn page(&self, options: PageOptions) -> Page {
        self.0.page(options).await
    }

    /// Three of them, each of another fresh visitor: while one waits, the others use the processors.
    pub async fn pages(&self, options: PageOptions) -> Vec<Page> {
        join_all((0..3).map(|_| self.page(options))).await
    }
}
