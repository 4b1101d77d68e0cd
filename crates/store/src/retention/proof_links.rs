//! Proof links that expired or were revoked, by the owner's `purge_proof_links`.

super::macros::count_by_age!(
    "proof_links",
    "least(expires_at, revoked_at)",
    "least(expires_at, revoked_at) < now() - interval '30 days'"
);

super::macros::delete_by_owner!("purge_proof_links", "proof_links");
