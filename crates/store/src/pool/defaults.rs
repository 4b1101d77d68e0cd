//! What a role, a database or a server may have set otherwise, and every statement of ours relies on.
//!
//! Behind a lock is read what others have committed by then: in a transaction that keeps to one
//! view of the data (`repeatable read`, `serializable`) a result and its receipt, taken at the same
//! moment, would not see each other, and a month that is dropped would take rows with it that came
//! just before. Tables and functions are in `public`, and functions of the owner look for them
//! nowhere else. Bodies of functions are read anew by each session: a backslash in one is itself.

const DEFAULTS: [(&str, &str); 3] = [
    ("default_transaction_isolation", "'read committed'"),
    ("search_path", "public"),
    ("standard_conforming_strings", "on"),
];

/// Statements that set each of them, with `SET` or `SET LOCAL`.
pub(super) fn statements(set: &str) -> String {
    DEFAULTS.map(|(name, value)| format!("{set} {name} = {value}")).join("; ")
}
