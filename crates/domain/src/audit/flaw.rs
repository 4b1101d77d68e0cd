//! What can be wrong with the chain of the audit.

use crate::text_enum::text_enum;

text_enum! {
    /// A reason why the audit does not hold.
    Flaw {
        MissingLink = "missing_link",
        BrokenLink = "broken_link",
        MissingEntry = "missing_entry",
        ChangedEntry = "changed_entry",
        ChangedText = "changed_text",
        UnlinkedEntry = "unlinked_entry",
        LateEntry = "late_entry",
        MissingHead = "missing_head",
        OtherHead = "other_head",
    }
}

impl Flaw {
    /// What it means, as the end of a sentence about a link, an entry or a head.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::MissingLink => "a link before it is missing",
            Self::BrokenLink => {
                "it does not follow from the link before it: links were changed, removed or put in another order"
            }
            Self::MissingEntry => "its entry is missing, and retention did not take it",
            Self::ChangedEntry => "its entry was changed, or the text of its entry was removed",
            Self::ChangedText => {
                "the text of its entry was changed, or erased without an entry that says so"
            }
            Self::UnlinkedEntry => {
                "it has no link, five minutes after it was written: links were removed, or no worker runs"
            }
            Self::LateEntry => {
                "entries written more than five minutes later were linked before it: it was added later, or the clock was set back"
            }
            Self::MissingHead => "the chain once reached it and ends before it now",
            Self::OtherHead => "the chain once had another hash there",
        }
    }
}
