//! Takes calls from the task queue until it is told to stop, and finishes those that it has.
//!
//! Where Temporal is comes from Temporal's own environment: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
//! `TEMPORAL_API_KEY`, `TEMPORAL_TLS_…` or a profile of `TEMPORAL_CONFIG_FILE`. Without any, it is
//! localhost:7233.
//!
//! `cargo run -- paid evt_1 user_456 500` does what a webhook handler does when it takes a payment,
//! `cargo run -- granted evt_1 user_456` what it does next, unless it fails to.

use std::time::Duration;

use sendpromptly_extension::QUEUE_PREFIX;
use temporalio_client::envconfig::LoadClientConfigProfileOptions;
use temporalio_client::{Client, ClientOptions, Connection};
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::signal::unix::{SignalKind, signal};

use extension_example::activities::Credits;
use extension_example::ledger::Ledger;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let ledger = Ledger::from_env();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => return take_calls(ledger).await,
        ["paid", payment, customer, credits] => ledger.paid(payment, customer, credits.parse()?)?,
        ["granted", payment, customer] => {
            ledger.granted(payment, customer, "webhook")?;
        }
        ["find", _, _] => {}
        _ => anyhow::bail!(
            "either paid PAYMENT CUSTOMER CREDITS, granted PAYMENT CUSTOMER, find PAYMENT CUSTOMER, or nothing"
        ),
    }
    println!("{:?}", ledger.find(&arguments[1], &arguments[2])?);
    Ok(())
}

async fn take_calls(ledger: Ledger) -> anyhow::Result<()> {
    let queue =
        std::env::var("EXTENSION_QUEUE").unwrap_or_else(|_| format!("{QUEUE_PREFIX}credits"));
    let from_env = LoadClientConfigProfileOptions::default();
    let (connection, client) = ClientOptions::load_from_config(from_env)
        .map_err(|error| anyhow::anyhow!("Temporal's environment: {error}"))?;
    let client = Client::new(Connection::connect(connection).await?, client)?;
    let runtime = Runtime::from_current_tokio(RuntimeOptions::default())?;
    let options = WorkerOptions::new(queue.as_str())
        .register_activities(Credits { ledger })
        .graceful_shutdown_period(Duration::from_secs(10))
        .build();
    let mut worker = Worker::new(&runtime, client, options)?;
    let shut_down = worker.shutdown_handle();
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        shut_down();
    });
    println!("taking calls from {queue}");
    worker.run().await?;
    Ok(())
}
