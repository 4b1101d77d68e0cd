//! When what is killed: drawn from a seed, which is printed where the story fails.
//!
//! All moments are in the first third of the way, because what a process that dies has claimed is dispatched by another
//! one half a minute later.

use std::io::Write as _;

use super::processes::Victim;
use super::shop::all;

/// What the moments are drawn from; the variable `FLOOD_SEED` repeats those of an earlier run.
pub struct Seed(u32);

impl Seed {
    pub fn draw() -> Self {
        let given = std::env::var("FLOOD_SEED").ok().and_then(|text| text.parse().ok());
        let mut random = [0; 4];
        getrandom::fill(&mut random).expect("random bytes");
        Self(given.unwrap_or(u32::from_le_bytes(random)))
    }

    /// Who is killed after how many callbacks: each of them once, in any order.
    pub fn moments(&self) -> [(i64, Victim); 3] {
        let [order, first, second, third] = self.0.to_le_bytes();
        let mut victims = [Victim::Api, Victim::Worker, Victim::Temporal];
        victims.rotate_left(usize::from(order % 3));
        if order >= 128 {
            victims.swap(0, 1);
        }
        let [a, b, c] = victims;
        // Each moment is in a span of its own of a tenth of all callbacks, anywhere in it.
        let span = i64::try_from(all() / 10).expect("a number");
        let after = |earlier: i64, byte: u8| 5 + earlier * span + i64::from(byte) % span;
        [(after(0, first), a), (after(1, second), b), (after(2, third), c)]
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // There may be no reader; there is nothing to be done about that.
            let _said =
                writeln!(std::io::stderr(), "the moments are those of FLOOD_SEED={}", self.0);
        }
    }
}
