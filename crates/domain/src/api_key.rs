//! API keys: `sk_test_…` and `sk_live_…`.
//!
//! The shape, with its checksum, is that of [`crate::base62`].

pub use crate::base62::RANDOM_LENGTH;
use crate::base62::{self, base62_secret};
use crate::project::Mode;

base62_secret! {
    /// A well-formed API key.
    ApiKey
}

impl ApiKey {
    /// Makes a key out of at least twice [`RANDOM_LENGTH`] random bytes; `None` if they were too
    /// few.
    #[must_use]
    pub fn from_random(mode: Mode, random: &[u8]) -> Option<Self> {
        base62::make(prefix(mode), random).map(Self::new)
    }

    /// Reads a key as a caller sent it; `None` for anything that was never made here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = Mode::ALL.iter().any(|mode| base62::is_well_formed(prefix(*mode), text));
        known.then(|| Self::new(text.to_owned()))
    }
}

const fn prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "sk_test_",
        Mode::Live => "sk_live_",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey::from_random(Mode::Test, &[7; 64]).expect("enough bytes")
    }

    #[test]
    fn a_key_reads_back_and_has_the_promised_shape() {
        let key = key();
        assert!(key.reveal().starts_with("sk_test_"));
        assert_eq!(key.reveal().len(), 8 + 32 + 6);
        assert_eq!(ApiKey::parse(key.reveal()), Some(key));
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let good = key().reveal().to_owned();
        for at in 8..good.len() {
            let mut bad = good.clone();
            let other = if &good[at..=at] == "A" { "B" } else { "A" };
            bad.replace_range(at..=at, other);
            assert_eq!(ApiKey::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn other_shapes_are_rejected() {
        for bad in
            ["", "sk_", "sk_test_", "sk_prod_x", "sk_test_é", &format!("{} ", key().reveal())]
        {
            assert_eq!(ApiKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        assert!(!format!("{:?}", key()).contains(&key().reveal()[8..20]));
    }

    #[test]
    fn too_little_randomness_makes_no_key() {
        assert_eq!(ApiKey::from_random(Mode::Live, &[255; 64]), None);
    }
}
