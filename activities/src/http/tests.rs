//! The guarded client against servers that behave, misbehave and are not to be reached.

mod failures;
mod responses;

use doubles::http_server::HttpServer;

use super::test_clients::local_client;
use super::{ExchangeError, HttpResponse};

async fn post(server: &HttpServer) -> Result<HttpResponse, ExchangeError> {
    local_client(2_000, 5_000).post(&server.url(), &[], b"{}".to_vec()).await
}
