//! Failed sign-ins that count no more. An address that is locked stays until its lock is over.

super::macros::delete_by_age!(
    "sign_in_failures",
    "email_hash",
    "first_failed_at",
    "first_failed_at < now() - interval '24 hours' AND (locked_until IS NULL OR locked_until < now())"
);
