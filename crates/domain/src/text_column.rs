//! A stable text as the type of a column that holds it. Only `store` asks for this, with the feature
//! `sqlx`; it binds the text itself, so nothing is written here.

/// Lets a type that is parsed from text be read from a column.
macro_rules! text_column {
    ($name:ident) => {
        #[cfg(feature = "sqlx")]
        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <str as sqlx::Type<sqlx::Postgres>>::type_info()
            }
        }

        #[cfg(feature = "sqlx")]
        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(
                value: sqlx::postgres::PgValueRef<'r>,
            ) -> Result<Self, sqlx::error::BoxDynError> {
                let text = <&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?;
                let unknown = || format!("{text:?} is no {} of this release", stringify!($name));
                text.parse().map_err(|_| unknown().into())
            }
        }
    };
}
pub(crate) use text_column;
