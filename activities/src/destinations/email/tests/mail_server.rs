//! A mail server for tests that follows a script.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::{EmailSender, Way};
use super::FROM;

/// A mail server that answers each command by its first word.
pub(super) struct MailServer {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// What to answer to which command; anything else is taken. An empty answer is silence.
pub(super) type Script = &'static [(&'static str, &'static str)];

impl MailServer {
    /// Starts a server that follows the script.
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                converse(stream, script, &log).await;
            }
        });
        Self { port, heard, task }
    }

    /// A sender that gives each step half a second, with a login such as `user:password@`.
    pub(super) fn sender(&self, login: &str) -> EmailSender {
        let url = format!("smtp://{login}127.0.0.1:{}", self.port);
        let mut sender = EmailSender::smtp(&url, FROM).expect("good settings");
        if let Way::Smtp(server) = &mut sender.way {
            server.step = Duration::from_millis(500);
        }
        sender
    }

    /// Every line so far.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic holds it").clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Holds one conversation until the client leaves.
async fn converse(stream: TcpStream, script: Script, log: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let mut in_data = false;
    let mut command = "(greeting)".to_owned();
    loop {
        let answer = script.iter().find(|(word, _)| command.starts_with(word)).map_or_else(
            || match command.as_str() {
                "(greeting)" => "220 mail.test ready",
                "DATA" => "354 go on",
                word if word.starts_with("EHLO") => "250-mail.test\r\n250 AUTH PLAIN LOGIN",
                word if word.starts_with("AUTH") => "235 welcome",
                "." => "250 2.0.0 queued as 7F3A",
                _ => "250 ok",
            },
            |(_, answer)| answer,
        );
        if !in_data && !answer.is_empty() {
            let line = format!("{answer}\r\n");
            if stream.write_all(line.as_bytes()).await.is_err() {
                return;
            }
            in_data = answer.starts_with("354");
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        command = line.trim_end_matches("\r\n").to_owned();
        in_data &= command != ".";
        log.lock().expect("no panic holds it").push(command.clone());
    }
}
