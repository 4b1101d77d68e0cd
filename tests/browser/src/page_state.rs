//! What a page has reported about itself: whether it is loading, what it asked for, what it
//! complained of.

use serde_json::Value;

use super::network::Log;

#[derive(Default)]
pub(super) struct PageState {
    frame: String,
    /// A navigation was asked for and has not come to rest.
    pub loading: bool,
    /// Half a second has passed without a request since the document was opened.
    pub quiet: bool,
    pub log: Log,
    pub complaints: Vec<String>,
}

impl PageState {
    pub fn new(frame: &str) -> Self {
        Self { frame: frame.to_owned(), ..Self::default() }
    }

    /// Applies one event of the browser.
    pub fn apply(&mut self, method: &str, params: &Value) {
        match method {
            "Page.frameRequestedNavigation" | "Page.frameStartedLoading"
                if self.concerns(params) =>
            {
                self.loading = true;
            }
            "Page.frameStoppedLoading" if self.concerns(params) => self.loading = false,
            "Page.frameNavigated" if params["frame"]["id"] == self.frame.as_str() => {
                self.log.leave_for(&params["frame"]["loaderId"]);
            }
            "Page.lifecycleEvent" if self.concerns(params) => match params["name"].as_str() {
                Some("init") => self.quiet = false,
                Some("networkIdle") => self.quiet = true,
                _ => {}
            },
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complain(&params["entry"]["text"], &params["entry"]["url"]);
            }
            "Runtime.exceptionThrown" => {
                let details = &params["exceptionDetails"];
                self.complain(&details["exception"]["description"], &details["url"]);
            }
            "Runtime.consoleAPICalled" if params["type"] == "error" => {
                self.complain(&params["args"][0]["value"], &Value::Null);
            }
            _ => self.log.apply(method, params),
        }
    }

    fn concerns(&self, params: &Value) -> bool {
        params["frameId"] == self.frame.as_str()
    }

    fn complain(&mut self, text: &Value, url: &Value) {
        let text = text.as_str().unwrap_or("an error without words");
        let place = url.as_str().map(|url| format!(" ({url})")).unwrap_or_default();
        self.complaints.push(format!("{text}{place}"));
    }
}
