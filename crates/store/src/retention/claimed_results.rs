//! Which early result settled which event. Only a receipt within 24 hours asks for that.

super::macros::delete_by_age!(
    "claimed_early_results",
    "ctid",
    "claimed_at",
    "claimed_at < now() - interval '24 hours'"
);
