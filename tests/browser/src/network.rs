//! Every request that a page made, with the bytes that its response took on the wire.

use serde_json::Value;
use url::Url;

/// One request. A redirection is a request of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Where it went.
    pub url: String,
    /// What for, in the browser's terms: `Document`, `Stylesheet`, `Script`, `Image`, `Fetch`, …
    pub kind: String,
    /// The status of the response, if there was one.
    pub status: Option<u64>,
    /// The size of the response as it was sent, with its headers. 0 for what was in the cache.
    pub bytes: u64,
    /// Why there was no response, in the browser's terms.
    pub failure: Option<String>,
    id: String,
    /// The document that made it.
    loader: String,
    is_over: bool,
}

/// The requests that left the host and port of this URL. What is inside the page, as `data:` is,
/// left nothing.
#[must_use]
pub fn foreign<'a>(requests: &'a [Request], home: &str) -> Vec<&'a Request> {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    let inside = |url: &str| url.starts_with("data:") || url.starts_with("blob:");
    let home = origin(home);
    requests.iter().filter(|one| !inside(&one.url) && origin(&one.url) != home).collect()
}

#[derive(Default)]
pub(super) struct Log {
    pub requests: Vec<Request>,
    /// The document that is shown.
    shown: String,
}

impl Log {
    pub fn all_over(&self) -> bool {
        self.requests.iter().all(|request| request.is_over)
    }

    /// The bytes of the document that is shown, and of all that was asked for since.
    pub fn weight(&self) -> u64 {
        let since = self.requests.iter().skip_while(|request| request.loader != self.shown);
        since.map(|request| request.bytes).sum()
    }

    /// Another document is shown. What the last one still waited for is over with it; its end is
    /// not reported.
    pub fn leave_for(&mut self, loader: &Value) {
        loader.as_str().unwrap_or_default().clone_into(&mut self.shown);
        for request in &mut self.requests {
            request.is_over |= request.loader != *loader;
        }
    }

    /// Applies one event of the browser.
    pub fn apply(&mut self, method: &str, params: &Value) {
        match method {
            "Network.requestWillBeSent" => {
                self.answered(params, &params["redirectResponse"]);
                let request = &params["request"];
                self.add(params, &request["method"], &request["url"], &params["type"]);
            }
            "Network.webSocketCreated" => {
                self.add(params, &"GET".into(), &params["url"], &"WebSocket".into());
                self.end(params);
            }
            "Network.responseReceived" => self.answered(params, &params["response"]),
            "Network.loadingFinished" => {
                if let Some(request) = self.find(params) {
                    request.bytes = whole(&params["encodedDataLength"]).unwrap_or(request.bytes);
                }
                self.end(params);
            }
            "Network.loadingFailed" => {
                if let Some(request) = self.find(params) {
                    let why = [&params["blockedReason"], &params["errorText"]];
                    let why = why.into_iter().filter_map(Value::as_str).find(|why| !why.is_empty());
                    request.failure = Some(why.unwrap_or("no reason given").to_owned());
                }
                self.end(params);
            }
            _ => {}
        }
    }

    fn add(&mut self, params: &Value, method: &Value, url: &Value, kind: &Value) {
        self.end(params); // What was redirected has the same id.
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.requests.push(Request {
            method: text(method),
            url: text(url),
            kind: text(kind),
            status: None,
            bytes: 0,
            failure: None,
            id: text(&params["requestId"]),
            loader: text(&params["loaderId"]),
            is_over: false,
        });
    }

    fn answered(&mut self, params: &Value, response: &Value) {
        if let Some(request) = self.find(params).filter(|_| response.is_object()) {
            request.status = response["status"].as_u64();
            request.bytes = whole(&response["encodedDataLength"]).unwrap_or_default();
        }
    }

    fn end(&mut self, params: &Value) {
        if let Some(request) = self.find(params) {
            request.is_over = true;
        }
    }

    fn find(&mut self, params: &Value) -> Option<&mut Request> {
        let id = params["requestId"].as_str()?;
        self.requests.iter_mut().rev().find(|request| request.id == id)
    }
}

/// A whole number, which the browser may write as `1234.0`.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().and_then(|number| format!("{number:.0}").parse().ok()))
}
