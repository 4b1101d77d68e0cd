//! The built-in test shop: a small app that takes test payments, so that the whole way can be seen before a real app
//! makes its first call.
//!
//! It does what an app does and has no other way in: its calls go over HTTP to the API with a key of the project, and it
//! answers callbacks whose signature it has checked. It keeps nothing. A process that dies between a receipt and its
//! result leaves an event as any other, whose incident opens when its time is over; one that dies between a callback's
//! response and the report leaves a reprocess that ends as `no_result`, and the operator reprocesses again.
//! Off, it has no path at all; on, it serves test projects that were connected to it.

mod callback;
mod client;
mod payment;
mod repair;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use console::test_shop::{Pay, TestShop};
use domain::test_shop::REPAIR_PATH;
use store::{MasterKey, PgPool};

pub use callback::verify;
pub use client::ShopClient;

/// Where the shop finds the service that it is part of.
#[derive(Debug, Clone)]
pub struct TestShopSettings {
    /// Where it reaches the API, from this machine.
    pub api: String,
    /// Where callbacks reach this server.
    pub server: String,
    /// The folder that mails are written to, where no mail server is set.
    pub mail_dir: Option<PathBuf>,
}

/// What the shop works with.
#[derive(Clone)]
struct Shop {
    pool: PgPool,
    master_key: MasterKey,
    api: Arc<str>,
}

/// Opens the shop.
pub(crate) fn open(pool: PgPool, master_key: MasterKey, settings: TestShopSettings) -> TestShop {
    let TestShopSettings { api, server, mail_dir } = settings;
    let shop = Shop { pool, master_key, api: api.into() };
    let routes = Router::new().route(REPAIR_PATH, post(repair::repair)).with_state(shop.clone());
    let pay: Pay = Arc::new(move |payment| {
        let shop = shop.clone();
        Box::pin(async move { payment::pay(&shop, payment).await })
    });
    TestShop { server: server.into(), mail_dir, pay, routes }
}
