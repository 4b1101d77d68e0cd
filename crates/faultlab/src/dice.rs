//! Random numbers that a seed repeats.

use std::time::Duration;

/// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>): small, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of one round: another one for each fault and number.
    pub fn seed_of_round(seed: u64, fault: &str, round: u32) -> u64 {
        let mut dice = Self(seed ^ u64::from(round));
        fault.bytes().fold(dice.next(), |mixed, byte| Self(mixed ^ u64::from(byte)).next())
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A time from the first to the second, in milliseconds.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
        least + Duration::from_millis(self.below(span.saturating_add(1)))
    }

    /// One of them.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let place = usize::try_from(self.below(from.len().try_into().ok()?)).ok()?;
        from.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers_and_each_round_has_its_own() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed);
            [dice.next(), dice.next(), dice.next()]
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
        // The first number of the reference implementation for the seed 0.
        assert_eq!(Dice::new(0).next(), 0xe220_a839_7b1d_cdaf);
        let of = Dice::seed_of_round;
        assert_eq!(of(1, "kill-api", 0), of(1, "kill-api", 0));
        assert_ne!(of(1, "kill-api", 0), of(1, "kill-api", 1));
        assert_ne!(of(1, "kill-api", 0), of(1, "kill-worker", 0));
    }

    #[test]
    fn times_stay_between_their_bounds() {
        let (least, most) = (Duration::from_millis(5), Duration::from_millis(7));
        let mut dice = Dice::new(3);
        assert!((0..100).map(|_| dice.between(least, most)).all(|it| it >= least && it <= most));
        assert_eq!(dice.between(most, most), most);
    }
}
