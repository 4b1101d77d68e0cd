//! What a role, a database or a server may have set otherwise, and every statement of ours relies on.
//!
//! Behind a lock is read what others have committed by then: in a transaction that keeps to one
//! view of the data (`repeatable read`, `serializable`) a result and its receipt, taken at the same
//! moment, would not see each other, and a month that is dropped would take rows with it that came
//! just before. Tables and functions are in `public`, and functions of the owner look for them
//! nowhere else. Bodies of functions are read anew by each session: a backslash in one is itself.
//! And a lock is waited for as long as a statement may take: one that is given up before, with an
//! error of its own, would be taken for a fault of ours.

const DEFAULTS: [(&str, &str); 4] = [
    ("default_transaction_isolation", "'read committed'"),
    ("search_path", "public"),
    ("standard_conforming_strings", "on"),
    ("lock_timeout", "0"),
];

/// Statements that set each of them, with `SET` or `SET LOCAL`.
pub(super) fn statements(set: &str) -> String {
    DEFAULTS.map(|(name, value)| format!("{set} {name} = {value}")).join("; ")
}
