//! How much is measured, and what becomes of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::load::Timing;

/// Sizes and lengths of the load.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How often each figure is measured; the report has the median, the least and the most.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How long each load lasts, after a warm-up of a fifth of that.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
    /// Share of the full numbers of events, such as 20,000 in the outbox: 0.01 for a short look.
    #[arg(long, default_value_t = 1.0)]
    pub size: f64,
    /// Numbers of events on disk at which the cost of a receipt is measured, the least first.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    pub scale: Vec<u32>,
    /// Numbers of watches that wait for a result at which the cost of a receipt and memory are
    /// measured, the least first. Temporal has to start each: 10,000 take one or two minutes,
    /// 100,000 a quarter of an hour or more.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    pub pending: Vec<u32>,
    /// How many API keys the app uses in rotation; each has a rate limit of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub keys: u32,
    /// Where the reports are written.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub out: PathBuf,
}

impl Options {
    /// How long a load lasts.
    pub fn timing(&self) -> Timing {
        let lasting = Duration::from_secs(self.seconds.into());
        Timing { warm_up: lasting / 5, lasting }
    }

    /// That many events, or the share of them that is wanted; at least one.
    pub fn scaled(&self, count: u32) -> u32 {
        let scaled = (f64::from(count) * self.size).round().clamp(1.0, f64::from(u32::MAX));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range"
        )]
        let scaled = scaled as u32;
        scaled
    }
}
