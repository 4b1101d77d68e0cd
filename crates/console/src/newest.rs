//! The newest of what is too long for a page.

/// Takes away the oldest of what has more bytes together, and says whether there were any. The last one stays however long it
/// is.
pub(crate) fn keep_newest<T>(items: &mut Vec<T>, most: usize, size: impl Fn(&T) -> usize) -> bool {
    let mut bytes = 0;
    let fits = |item: &&T| {
        bytes += size(item);
        bytes <= most
    };
    let shown = items.iter().rev().take_while(fits).count().max(1);
    let left_out = items.len().saturating_sub(shown);
    items.drain(..left_out);
    left_out > 0
}
