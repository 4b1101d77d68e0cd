//! The queue of a group commit, without anything that waits.
//!
//! Everything that has joined stands in a line for each of its names, in the order of joining; what
//! is the first in all of its lines is ready. It keeps its places until it is released, so what
//! stands behind it is not ready before. Lines are joined all at once, so no two wait for each
//! other.

use std::collections::{BTreeMap, VecDeque};

use super::Name;

/// What identifies something that has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    number: u64,
    names: [Name; 2],
}

pub(super) struct Queue<T> {
    joined: u64,
    lines: BTreeMap<Name, VecDeque<u64>>,
    ready: VecDeque<(Ticket, T)>,
    blocked: BTreeMap<u64, (Ticket, T)>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { joined: 0, lines: BTreeMap::new(), ready: VecDeque::new(), blocked: BTreeMap::new() }
    }
}

impl<T> Queue<T> {
    /// How many have joined and were not taken.
    pub(super) fn waiting(&self) -> usize {
        self.ready.len() + self.blocked.len()
    }

    /// Whether there is something to be taken.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn join(&mut self, names: [Name; 2], item: T) -> Ticket {
        self.joined += 1;
        let ticket = Ticket { number: self.joined, names };
        for name in names {
            self.lines.entry(name).or_default().push_back(ticket.number);
        }
        self.blocked.insert(ticket.number, (ticket, item));
        self.unblock(ticket.number);
        ticket
    }

    /// Takes what is ready, the longest ready first.
    pub(super) fn take(&mut self, most: usize) -> Vec<(Ticket, T)> {
        let most = most.min(self.ready.len());
        self.ready.drain(..most).collect()
    }

    /// Gives up the places of what was taken.
    pub(super) fn release(&mut self, ticket: Ticket) {
        for name in ticket.names {
            let Some(line) = self.lines.get_mut(&name) else { continue };
            line.retain(|number| *number != ticket.number);
            match line.front().copied() {
                Some(next) => self.unblock(next),
                None => drop(self.lines.remove(&name)),
            }
        }
    }

    /// Removes what was not taken. `None` if it was.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<T> {
        let ready = self.ready.iter().position(|(one, _)| *one == ticket);
        let left = match ready {
            Some(place) => self.ready.remove(place),
            None => self.blocked.remove(&ticket.number),
        };
        let (_, item) = left?;
        self.release(ticket);
        Some(item)
    }

    fn unblock(&mut self, number: u64) {
        let Some((ticket, _)) = self.blocked.get(&number) else { return };
        let is_first = |name| self.lines.get(name).and_then(VecDeque::front) == Some(&number);
        if ticket.names.iter().all(is_first) {
            self.ready.extend(self.blocked.remove(&number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(taken: &[(Ticket, &'static str)]) -> Vec<&'static str> {
        taken.iter().map(|(_, word)| *word).collect()
    }

    #[test]
    fn what_shares_no_name_is_taken_together_in_the_order_of_joining() {
        let mut queue = Queue::default();
        for (number, word) in (0..).step_by(2).zip(["a", "b", "c"]) {
            queue.join([number, number + 1], word);
        }
        assert_eq!(words(&queue.take(2)), ["a", "b"]);
        assert!(queue.has_ready());
        assert_eq!(words(&queue.take(2)), ["c"]);
        assert_eq!((queue.waiting(), queue.has_ready()), (0, false));
    }

    #[test]
    fn what_shares_a_name_follows_in_the_order_of_joining() {
        let mut queue = Queue::default();
        queue.join([1, 2], "first");
        queue.join([3, 1], "second");
        queue.join([3, 4], "third");
        queue.join([1, 1], "fourth");
        for ready in [&["first"][..], &["second"], &["third", "fourth"]] {
            let taken = queue.take(9);
            assert_eq!(words(&taken), ready);
            for (ticket, _) in taken {
                queue.release(ticket);
            }
        }
    }

    #[test]
    fn what_leaves_keeps_nobody_waiting_and_what_was_taken_cannot_leave() {
        let mut queue = Queue::default();
        let first = queue.join([1, 2], "first");
        let second = queue.join([1, 3], "second");
        queue.join([3, 4], "third");
        assert_eq!(words(&queue.take(9)), ["first"]);
        assert_eq!(queue.leave(first), None);
        assert_eq!(queue.leave(second), Some("second"));
        assert_eq!(words(&queue.take(9)), ["third"]);
    }

    #[test]
    fn nothing_is_left_of_what_is_done() {
        let mut queue = Queue::default();
        for n in 0..100 {
            queue.join([n % 7, 100 + n % 5], n);
        }
        let mut done = 0;
        while queue.waiting() > 0 {
            for (ticket, _) in queue.take(3) {
                queue.release(ticket);
                done += 1;
            }
        }
        assert_eq!((done, queue.lines.len(), queue.blocked.len()), (100, 0, 0));
    }
}
