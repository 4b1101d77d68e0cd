//! Reads the metrics of a process once a second, as Prometheus does, only more often.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::http::Http;

const EVERY: Duration = Duration::from_secs(1);

/// Runs until it is asked what it read.
pub struct Scraper {
    stop: CancellationToken,
    scrapes: JoinHandle<Scrapes>,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scrapes {
    /// Those that succeeded.
    pub count: u32,
    /// The length of the last one.
    pub bytes: usize,
}

impl Scraper {
    /// Reads `/metrics` there.
    pub fn start(origin: String) -> Self {
        let stop = CancellationToken::new();
        let scrapes = tokio::spawn(scrape(Http::new(origin), stop.clone()));
        Self { stop, scrapes }
    }

    pub async fn finish(self) -> anyhow::Result<Scrapes> {
        self.stop.cancel();
        Ok(self.scrapes.await?)
    }
}

async fn scrape(http: Http, stop: CancellationToken) -> Scrapes {
    let mut scrapes = Scrapes::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // Whoever asks sees by the count what did not succeed.
        if let Ok((status, body)) = http.get("/metrics", "").await
            && status.is_success()
        {
            scrapes = Scrapes { count: scrapes.count + 1, bytes: body.len() };
        }
    }
    scrapes
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;
    use crate::sink::Sink;

    async fn scrapes_of(status: StatusCode) -> Scrapes {
        let sink = Sink::start(status).await.expect("a server");
        let scraper = Scraper::start(sink.origin.clone());
        while sink.received().requests == 0 {
            tokio::task::yield_now().await;
        }
        // The response to the first one is awaited, whatever comes in between.
        scraper.finish().await.expect("scrapes")
    }

    #[tokio::test]
    async fn only_what_succeeds_is_counted() {
        assert_eq!(scrapes_of(StatusCode::OK).await, Scrapes { count: 1, bytes: 0 });
        assert_eq!(scrapes_of(StatusCode::SERVICE_UNAVAILABLE).await, Scrapes::default());
    }
}
