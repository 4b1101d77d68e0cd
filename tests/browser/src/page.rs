//! One page of one visitor: opening it, and asking it.
//!
//! Every step first waits until the page has come to rest: no navigation is under way. A step that
//! finds nothing is retried until the timeout, so a test never has to wait by itself for what the
//! page is about to show.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::options::PageOptions;
use super::page_state::PageState;
use super::{Chromium, TIMEOUT};

/// A page of a visitor whom no other page knows. It is closed with this value.
pub struct Page {
    pub(super) browser: Arc<Chromium>,
    pub(super) options: PageOptions,
    /// What separates this visitor's cookies and cache from all others.
    pub(super) context: String,
    pub(super) frame: String,
    session: String,
    pub(super) state: watch::Receiver<PageState>,
}

impl Page {
    pub(super) async fn create(
        browser: Arc<Chromium>,
        options: PageOptions,
    ) -> anyhow::Result<Self> {
        let ask = async |method: &str, params: Value, field: &str| {
            let answer = browser.wire.call(None, method, params).await?;
            answer[field].as_str().map(ToOwned::to_owned).with_context(|| format!("no {field}"))
        };
        let forget = json!({ "disposeOnDetach": true });
        let context = ask("Target.createBrowserContext", forget, "browserContextId").await?;
        let blank = json!({ "url": "about:blank", "browserContextId": context });
        let frame = ask("Target.createTarget", blank, "targetId").await?;
        let attach = json!({ "targetId": frame, "flatten": true });
        let session = ask("Target.attachToTarget", attach, "sessionId").await?;
        let (sender, state) = watch::channel(PageState::new(&frame));
        browser.wire.listen(&session, move |method, params| {
            sender.send_modify(|state| state.apply(method, params));
        });
        let page = Self { browser, options, context, frame, session, state };
        page.prepare().await?;
        Ok(page)
    }

    async fn prepare(&self) -> anyhow::Result<()> {
        for domain in ["Page", "Network", "Log", "Runtime"] {
            self.call(&format!("{domain}.enable"), json!({})).await?;
        }
        if self.options.any_certificate {
            self.call("Security.setIgnoreCertificateErrors", json!({ "ignore": true })).await?;
        }
        self.call("Page.setLifecycleEventsEnabled", json!({ "enabled": true })).await?;
        // Every page believes that it is the one in front.
        self.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await?;
        self.run_scripts(self.options.javascript).await?;
        self.look(self.options.viewport, self.options.dark).await;
        Ok(())
    }

    /// Opens a URL and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        let opened = self.call("Page.navigate", json!({ "url": url })).await.expect("a page");
        assert!(opened.get("errorText").is_none(), "{url} cannot be opened: {opened}");
        self.at_rest().await.expect("a loaded page");
    }

    /// Where the page is.
    pub async fn url(&self) -> String {
        let url = self.evaluate("location.href").await;
        url.as_str().unwrap_or_default().to_owned()
    }

    pub async fn title(&self) -> String {
        let title = self.evaluate("document.title").await;
        title.as_str().unwrap_or_default().to_owned()
    }

    /// Evaluates an expression in the page. Also where scripts are off; but then no promise is
    /// awaited and no timer fires.
    pub async fn evaluate(&self, expression: &str) -> Value {
        self.at_rest().await.expect("a page at rest");
        self.script(expression).await.expect("a value")
    }

    /// Waits until the visible text of the page holds this text, in the letters that are shown.
    pub async fn wait_for_text(&self, text: &str, timeout: Duration) {
        self.attempt_for(timeout, &format!("{text:?} on the page"), async || {
            let shown = self.script("document.body.innerText").await?;
            anyhow::ensure!(shown.as_str().is_some_and(|shown| shown.contains(text)), "not there");
            Ok(())
        })
        .await;
    }

    pub(super) async fn at_rest(&self) -> anyhow::Result<()> {
        let mut state = self.state.clone();
        let waited = timeout(TIMEOUT, state.wait_for(|state| !state.loading)).await;
        waited.context("the page does not finish loading")?.context("the browser is gone")?;
        Ok(())
    }

    /// Tries a step until it works. Panics with its last error at the timeout.
    pub(super) async fn attempt<T>(
        &self,
        what: &str,
        step: impl AsyncFn() -> anyhow::Result<T>,
    ) -> T {
        self.attempt_for(self.options.timeout, what, step).await
    }

    async fn attempt_for<T>(
        &self,
        timeout: Duration,
        what: &str,
        step: impl AsyncFn() -> anyhow::Result<T>,
    ) -> T {
        let deadline = Instant::now() + timeout;
        loop {
            let tried = match self.at_rest().await {
                Ok(()) => step().await,
                Err(error) => Err(error),
            };
            match tried {
                Ok(value) => return value,
                Err(error) if Instant::now() >= deadline => {
                    let page = self.script("location.href + '\\n' + document.body.innerText").await;
                    let page = page.unwrap_or_default();
                    panic!("{what}: {error:#}\nThe page: {}", page.as_str().unwrap_or("none"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    pub(super) async fn run_scripts(&self, yes: bool) -> anyhow::Result<()> {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !yes })).await?;
        Ok(())
    }

    pub(super) async fn script(&self, expression: &str) -> anyhow::Result<Value> {
        // Without scripts nothing runs later, so a promise would never be kept.
        let how = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": self.options.javascript
        });
        value_of(self.call("Runtime.evaluate", how).await?)
    }

    pub(super) async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.browser.wire.call(Some(&self.session), method, params).await
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.browser.wire.forget(&self.session);
        let of = json!({ "browserContextId": self.context });
        self.browser.wire.notify("Target.disposeBrowserContext", &of);
    }
}

/// The value that a script gave, or what it threw.
pub(super) fn value_of(mut answer: Value) -> anyhow::Result<Value> {
    if let Some(thrown) = answer.get("exceptionDetails") {
        let described = thrown["exception"]["description"].as_str();
        anyhow::bail!("{}", described.or(thrown["text"].as_str()).unwrap_or("a script failed"));
    }
    Ok(answer["result"]["value"].take())
}
