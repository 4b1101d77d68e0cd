//! The built-in test shop as the console knows it. The shop itself makes calls and answers callbacks; the process that
//! starts the service provides it.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use domain::ids::ProjectId;
use domain::project::Mode;
use domain::repair_url::{AllowedNetworks, RepairUrl};
use domain::test_shop::{self, PaymentKind};
use web::error::Cause;

use crate::error_page::sentence;

/// The shop, where it is on. Cheap to clone.
#[derive(Clone)]
pub struct TestShop {
    /// Where this server is for callbacks, without a slash at the end.
    pub server: Arc<str>,
    /// The folder that mails are written to, where no mail server is set.
    pub mail_dir: Option<PathBuf>,
    /// Makes a payment: a receipt and maybe a result, over the API.
    pub pay: Pay,
    /// What answers callbacks.
    pub routes: Router,
}

impl TestShop {
    /// Where callbacks of a project reach it.
    ///
    /// # Errors
    /// When callbacks may not go there, with a sentence that says why: the shop is under the rules of every other
    /// repair URL.
    pub fn repair_url(
        &self,
        project_id: ProjectId,
        allow: &AllowedNetworks,
    ) -> Result<RepairUrl, String> {
        let url = test_shop::repair_url(&self.server, project_id);
        RepairUrl::parse(&url, Mode::Test, allow).map_err(|error| {
            sentence(&format!("callbacks cannot reach the shop: {url} {}", error.0))
        })
    }
}

/// A payment that an operator asked for.
#[derive(Debug, Clone)]
pub struct TestPayment {
    /// A test project that the shop is connected to.
    pub project_id: ProjectId,
    /// The provider's id of the event: the same one again is the same payment.
    pub provider_event_id: String,
    pub kind: PaymentKind,
}

/// How far a payment got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// All that the shop had to say was accepted.
    Sent,
    /// It was not, with a sentence that says why.
    Stopped(String),
}

/// A payment under way.
pub type Paying = Pin<Box<dyn Future<Output = Result<PaymentOutcome, Cause>> + Send>>;

/// Makes a payment.
pub type Pay = Arc<dyn Fn(TestPayment) -> Paying + Send + Sync>;
