//! The DevTools protocol over two pipes: JSON objects, each ended by a zero byte.
//!
//! A command gets its response by its number; an event goes to the listener of its session. When
//! the browser ends, every command under way fails immediately and so does every later one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::process::Pipes;

/// Longer than a page may take, so that a slow page is reported as that.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);

type Listener = Box<dyn Fn(&str, &Value) + Send>;

#[derive(Default)]
struct Inbox {
    last_id: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Value>>,
    listeners: BTreeMap<String, Listener>,
    closed: bool,
}

pub(super) struct Wire {
    outgoing: mpsc::UnboundedSender<Value>,
    inbox: Arc<Mutex<Inbox>>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Wire {
    pub fn new((stdin, stdout): Pipes) -> Self {
        let (outgoing, messages) = mpsc::unbounded_channel();
        let inbox = Arc::<Mutex<Inbox>>::default();
        let write = tokio::spawn(write(stdin, messages));
        let read = tokio::spawn(read(stdout, Arc::clone(&inbox)));
        Self { outgoing, inbox, _tasks: [write, read].map(AbortOnDropHandle::new) }
    }

    pub fn is_open(&self) -> bool {
        !lock(&self.inbox).closed
    }

    /// Sends a command, to a page's session or to the browser itself, and gives its result.
    pub async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Value> {
        let (responder, response) = oneshot::channel();
        self.send(session, method, &params, Some(responder))?;
        let response = tokio::time::timeout(RESPONSE_TIMEOUT, response).await;
        let mut response =
            response.with_context(|| format!("{method} got no response"))?.context(GONE)?;
        match response.get("error") {
            Some(error) => anyhow::bail!("{method}: {}", error["message"].as_str().unwrap_or("?")),
            None => Ok(response["result"].take()),
        }
    }

    /// Sends a command whose result is not needed.
    pub fn notify(&self, method: &str, params: &Value) {
        // A browser that is gone needs no message.
        let _ = self.send(None, method, params, None);
    }

    /// Receives all events of a session.
    pub fn listen(&self, session: &str, listener: impl Fn(&str, &Value) + Send + 'static) {
        lock(&self.inbox).listeners.insert(session.to_owned(), Box::new(listener));
    }

    /// Forgets a session.
    pub fn forget(&self, session: &str) {
        lock(&self.inbox).listeners.remove(session);
    }

    fn send(
        &self,
        session: Option<&str>,
        method: &str,
        params: &Value,
        responder: Option<oneshot::Sender<Value>>,
    ) -> anyhow::Result<()> {
        let mut inbox = lock(&self.inbox);
        anyhow::ensure!(!inbox.closed, GONE);
        inbox.last_id += 1;
        let id = inbox.last_id;
        if let Some(responder) = responder {
            inbox.waiting.insert(id, responder);
        }
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.outgoing.send(message).context(GONE)
    }
}

const GONE: &str = "the browser is gone";

async fn write(mut stdin: ChildStdin, mut messages: mpsc::UnboundedReceiver<Value>) {
    while let Some(message) = messages.recv().await {
        let bytes = format!("{message}\0").into_bytes();
        if stdin.write_all(&bytes).await.is_err() {
            return; // The reading half notices, and notifies every waiter.
        }
    }
}

async fn read(stdout: ChildStdout, inbox: Arc<Mutex<Inbox>>) {
    let mut stdout = BufReader::new(stdout);
    let mut bytes = vec![];
    while stdout.read_until(0, &mut bytes).await.is_ok_and(|count| count > 0) {
        if let Ok(message) = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes)) {
            hand_over(&mut lock(&inbox), message);
        }
        bytes.clear();
    }
    let mut inbox = lock(&inbox);
    inbox.closed = true;
    inbox.waiting.clear();
    inbox.listeners.clear();
}

fn hand_over(inbox: &mut Inbox, message: Value) {
    if let Some(id) = message["id"].as_u64() {
        if let Some(responder) = inbox.waiting.remove(&id) {
            // The caller may have stopped waiting.
            let _ = responder.send(message);
        }
        return;
    }
    let listener = message["sessionId"].as_str().and_then(|session| inbox.listeners.get(session));
    if let (Some(listener), Some(method)) = (listener, message["method"].as_str()) {
        listener(method, &message["params"]);
    }
}

fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().expect("no panic while locked")
}
