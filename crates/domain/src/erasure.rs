//! Erasing a customer: how far an erasure is.

use crate::text_enum::text_enum;

text_enum! {
    /// What of an erasure is under way.
    ErasureState {
        /// The customer's events, with everything that belongs to them.
        Events = "events",
        /// Responses that are kept to be given again.
        Responses = "responses",
        /// What is about more than the customer, and names them.
        Rest = "rest",
        /// What entries of the audit say in words.
        Texts = "texts",
        /// Nothing is left of it in the database.
        Done = "done",
    }
}
