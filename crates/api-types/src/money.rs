//! Amounts of money, as the document describes them.

/// So many minor units of a currency: of a receipt, or the sum of several.
#[cfg(feature = "openapi")]
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = Amount)]
pub struct AmountShape {
    /// Whole minor units: 4900 for 49.00 USD.
    #[schema(minimum = 0, example = 4900)]
    pub value: i64,
    /// Three capital letters of ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    pub currency: String,
}

/// So many minor units of a currency, as a receipt may say.
#[cfg(feature = "openapi")]
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = AmountBody)]
pub struct AmountBodyShape {
    /// Whole minor units: 4900 for 49.00 USD. Never with a point, not even 49.0.
    #[schema(minimum = 0, maximum = 999_999_999_999_i64, example = 4900)]
    pub value: i64,
    /// Three capital letters of ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    pub currency: String,
}
