//! What can be seen of a page without touching it: its picture, its requests, its cookies.
//!
//! Requests and complaints are given once the page has asked for nothing for half a second, so that
//! what it asks for at the very end, such as its icon, is among them.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::TIMEOUT;
use super::network::Request;
use super::options::Viewport;
use super::page::Page;
use super::page_state::PageState;

/// A cookie as the browser keeps it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    pub name: String,
    pub value: String,
    /// Where it is sent to.
    pub domain: String,
    /// The paths that it is sent to.
    pub path: String,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Whether it is sent over HTTPS only.
    pub secure: bool,
    /// `Strict`, `Lax` or `None`; absent if it was not said.
    pub same_site: Option<String>,
    /// Whether it ends with the browser.
    pub session: bool,
}

impl Page {
    /// Views the page on another screen or in another light.
    pub async fn look(&self, viewport: Viewport, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let scheme = json!({ "name": "prefers-color-scheme", "value": scheme });
        let touch = json!({ "enabled": viewport.is_phone() });
        for (method, params) in [
            ("Emulation.setDeviceMetricsOverride", viewport.metrics()),
            ("Emulation.setTouchEmulationEnabled", touch),
            ("Emulation.setEmulatedMedia", json!({ "features": [scheme] })),
        ] {
            self.call(method, params).await.expect("a way to look at the page");
        }
    }

    /// Writes what the window shows to a PNG file.
    pub async fn screenshot(&self, path: &Path) {
        self.capture(json!({ "format": "png" }), path).await.expect("a screenshot");
    }

    /// Writes the whole page to a PNG file, however long it is.
    pub async fn screenshot_whole(&self, path: &Path) {
        let layout = self.call("Page.getLayoutMetrics", json!({})).await.expect("a layout");
        let size = &layout["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1
        });
        let whole = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        self.capture(whole, path).await.expect("a screenshot");
    }

    async fn capture(&self, how: Value, path: &Path) -> anyhow::Result<()> {
        self.at_rest().await?;
        let shot = self.call("Page.captureScreenshot", how).await?;
        let png = STANDARD.decode(shot["data"].as_str().context("no picture")?)?;
        Ok(tokio::fs::write(path, png).await?)
    }

    /// Everything that the page asked for so far, once it asks for nothing more.
    pub async fn requests(&self) -> Vec<Request> {
        self.quiet().await;
        self.state.borrow().log.requests.clone()
    }

    /// What the page complained of so far: failed and forbidden loads, errors of scripts.
    pub async fn complaints(&self) -> Vec<String> {
        self.quiet().await;
        self.state.borrow().complaints.clone()
    }

    /// From now on nothing is taken from the cache, as if each page were the first one that is opened.
    pub async fn bypass_cache(&self) {
        let off = json!({ "cacheDisabled": true });
        self.call("Network.setCacheDisabled", off).await.expect("a cache");
    }

    /// The bytes on the wire of all that the page took since it was opened. What was in the cache took none.
    pub async fn weight(&self) -> u64 {
        self.quiet().await;
        self.state.borrow().log.weight()
    }

    /// The cookies of this visitor.
    pub async fn cookies(&self) -> Vec<Cookie> {
        let of = json!({ "browserContextId": self.context });
        let mut jar =
            self.browser.wire.call(None, "Storage.getCookies", of).await.expect("cookies");
        serde_json::from_value(jar["cookies"].take()).expect("cookies")
    }

    /// Waits until half a second has passed without a request.
    async fn quiet(&self) {
        self.at_rest().await.expect("a loaded page");
        let (mut state, is_quiet) = (self.state.clone(), |state: &PageState| {
            state.log.requests.is_empty() || (state.quiet && state.log.all_over())
        });
        let waited = timeout(TIMEOUT, state.wait_for(is_quiet)).await.is_ok();
        assert!(waited, "the page does not stop asking: {:?}", self.state.borrow().log.requests);
    }
}
