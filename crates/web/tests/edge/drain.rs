//! Stopping: nothing new, everything begun, and not for ever.

use super::harness::{SHORT, SOON, Server, happened, request, soon};
use tokio::net::TcpStream;

const SLOW: &str = "POST /api/v1/slow HTTP/1.1\r\nHost: shop.example\r\n\r\n";

#[tokio::test]
async fn running_requests_end_and_new_ones_are_not_taken() {
    let mut server = Server::start().await;
    let mut idle = server.connect().await;
    idle.send(request("{}")).await;
    assert_eq!(idle.response().await.expect("a response").status(), 200);
    let mut silent = server.connect().await;
    let mut running = server.connect().await;
    running.send(SLOW).await;
    happened(&server.probe.entered).await;

    server.stop();
    idle.closed().await;
    silent.closed().await;
    let rejected = soon(TcpStream::connect(server.address)).await;
    assert!(rejected.is_err(), "still listening");

    server.probe.gate.add_permits(1);
    let response = running.response().await.expect("a response");
    assert_eq!(response.body, "committed");
    assert_eq!(response.header("connection"), Some("close"));
    server.ended().await;
}

#[tokio::test]
async fn detached_work_is_waited_for_without_its_handler() {
    let mut server = Server::start().await;
    let (gate, committed) = (server.probe.gate.clone(), server.probe.committed.clone());
    drop(server.probe.detached.run(async move {
        happened(&gate).await;
        committed.add_permits(1);
        Ok(())
    }));
    server.stop();
    let early = tokio::time::timeout(SHORT, server.ended()).await;
    assert!(early.is_err(), "the work is still running");
    server.probe.gate.add_permits(1);
    server.ended().await;
    assert_eq!(server.probe.committed.available_permits(), 1);
}

#[tokio::test]
async fn what_does_not_end_is_cut_after_the_drain_time() {
    let mut server = Server::with(|options| options.drain = SHORT).await;
    let mut client = server.connect().await;
    client.send(SLOW).await;
    happened(&server.probe.entered).await;
    let stopped = tokio::time::Instant::now();
    server.stop();
    assert!(client.response().await.is_none(), "a cut request has no response");
    server.ended().await;
    assert!((SHORT..SOON).contains(&stopped.elapsed()));
}
