//! An enum of built-in names that stays open for declared ones.

/// Declares an enum whose variants have a stable text, and a variant for a declared [`Name`].
///
/// [`Name`]: super::Name
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
            /// One that a project declared.
            Declared($crate::catalogue::Name),
        }

        impl $name {
            /// Every built-in one, in declaration order.
            pub const BUILT_IN: &[Self] = &[$(Self::$variant),+];

            /// The stable text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Declared(name) => name.as_str(),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        /// Whatever has the form of a name is read: what a project declared, or what a newer
        /// release wrote, is no reason to fail.
        impl std::str::FromStr for $name {
            type Err = $crate::catalogue::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let built_in = Self::BUILT_IN.iter().find(|one| one.as_str() == text);
                built_in.cloned().map_or_else(|| text.parse().map(Self::Declared), Ok)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::catalogue::InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(one: $name) -> Self {
                one.as_str().to_owned()
            }
        }

        $crate::text_column::text_column!($name);
    };
}
pub(super) use open_enum;
