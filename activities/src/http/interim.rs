//! How many interim responses (RFC 9110, section 15.2) may come before the one that counts.
//!
//! A server may send any number of 1xx responses first, and the HTTP library reads them all: a row
//! of them that never ends would be read at the network's full speed until the deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::Request;
use tokio::sync::Notify;

/// `100 Continue`, `103 Early Hints` and `102 Processing` now and then are all that is in use.
const MAX_INTERIM: u32 = 16;

/// Counts what comes before the response to one request.
pub(super) struct InterimResponses {
    one_too_many: Arc<Notify>,
}

impl InterimResponses {
    pub(super) fn count<B>(request: &mut Request<B>) -> Self {
        let one_too_many = Arc::new(Notify::new());
        let (notify, seen) = (Arc::clone(&one_too_many), AtomicU32::new(0));
        hyper::ext::on_informational(request, move |_| {
            if seen.fetch_add(1, Ordering::Relaxed) == MAX_INTERIM {
                notify.notify_one();
            }
        });
        Self { one_too_many }
    }

    /// Returns once more came than may come; otherwise never.
    pub(super) async fn too_many(&self) {
        self.one_too_many.notified().await;
    }
}
