//! Addresses that are secrets: whoever knows one can post there.

/// Declares such an address, of which neither `Debug` nor a label of its host shows more than where it leads.
macro_rules! secret_url {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(url::Url);

        impl $name {
            /// A URL that was checked when it was stored.
            #[must_use]
            pub fn from_stored(text: &str) -> Option<Self> {
                url::Url::parse(text).ok().map(Self)
            }

            /// The URL, its secrets included.
            #[must_use]
            pub const fn as_url(&self) -> &url::Url {
                &self.0
            }

            /// What may be shown of it.
            #[must_use]
            pub fn host(&self) -> &str {
                self.0.host_str().unwrap_or_default()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({}/…)"), self.host())
            }
        }
    };
}
pub(crate) use secret_url;
