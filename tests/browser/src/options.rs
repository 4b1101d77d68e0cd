//! Who views a page: on which screen, in which light, with scripts or without.

use std::time::Duration;

use serde_json::{Value, json};

use super::TIMEOUT;

/// The size of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewport {
    /// A desktop: 1280 × 900.
    Wide,
    /// A phone: 360 × 780, with touch.
    Phone,
}

impl Viewport {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Wide, Self::Phone];

    /// Its name in a file name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Phone => "phone",
        }
    }

    /// Its width in CSS pixels.
    #[must_use]
    pub fn width(self) -> u32 {
        match self {
            Self::Wide => 1280,
            Self::Phone => 360,
        }
    }

    pub(super) fn is_phone(self) -> bool {
        self == Self::Phone
    }

    pub(super) fn metrics(self) -> Value {
        let width = self.width();
        let height = if self.is_phone() { 780 } else { 900 };
        // A phone that gets no width from the page lays it out as on a desktop, and shrinks it.
        json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": self.is_phone()
        })
    }
}

/// How a page is viewed.
#[derive(Debug, Clone, Copy)]
pub struct PageOptions {
    /// The size of the window.
    pub viewport: Viewport,
    /// Whether the visitor prefers dark colours.
    pub dark: bool,
    /// Whether the page's scripts run.
    pub javascript: bool,
    /// Whether a certificate that no authority vouches for will do.
    pub any_certificate: bool,
    /// How long something is searched for before the test fails.
    pub timeout: Duration,
}

impl Default for PageOptions {
    fn default() -> Self {
        Self {
            viewport: Viewport::Wide,
            dark: false,
            javascript: true,
            any_certificate: false,
            timeout: TIMEOUT,
        }
    }
}

impl PageOptions {
    #[must_use]
    pub fn phone() -> Self {
        Self { viewport: Viewport::Phone, ..Self::default() }
    }

    /// The same in the dark.
    #[must_use]
    pub fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// The same, and what is not there immediately fails.
    #[must_use]
    pub fn hasty(self) -> Self {
        Self { timeout: Duration::ZERO, ..self }
    }

    /// The same, where any certificate is accepted.
    #[must_use]
    pub fn with_any_certificate(self) -> Self {
        Self { any_certificate: true, ..self }
    }

    /// The same with the page's scripts switched off.
    #[must_use]
    pub fn without_javascript(self) -> Self {
        Self { javascript: false, ..self }
    }
}
