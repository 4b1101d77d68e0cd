//! Idempotency keys, with the response to them. A key that was used again after that time counts from then.

super::macros::delete_by_age!(
    "idempotency_keys",
    "ctid",
    "created_at",
    "created_at < now() - interval '7 days'"
);
