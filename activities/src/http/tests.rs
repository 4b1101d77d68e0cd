//! The guarded client against servers that behave, misbehave and are not to be reached.

mod answers;
mod failures;

use tokio::net::TcpStream;

use super::test_server::{RawServer, local_client};
use super::{ExchangeError, HttpResponse};

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn post(server: &RawServer) -> Result<HttpResponse, ExchangeError> {
    local_client(2_000, 5_000).post(&server.url(), &[], b"{}".to_vec()).await
}

/// Keeps the connection open and says nothing.
async fn hold(stream: TcpStream) {
    std::future::pending::<()>().await;
    drop(stream);
}
