//! How long anything with the database may take, and how much of it may be under way.
//!
//! Together they bound an outage. A statement on a connection that died silently ends after
//! [`Limits::answer`], a request without a connection after [`Limits::acquire`], so a request gets
//! a 503 within 30 s; an attempt to connect ends after [`Limits::connect`] and the next follows
//! within [`RETRY_MOST`], so the pool heals within seconds of the database.

use std::time::Duration;

/// How many connects go on at the same time: a server that has just returned, on a busy machine,
/// gets through a few at a time sooner than through all of them.
pub(super) const CONNECTS_AT_ONCE: u32 = 3;
/// How many requests may wait per connection while the database responds. The next one is rejected
/// immediately: it would not be served in time.
pub(super) const WAITING_PER_CONNECTION: u32 = 16;
/// The pause after the first failed connect; it doubles up to [`RETRY_MOST`].
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(50);
/// The longest pause between two attempts to connect.
pub(super) const RETRY_MOST: Duration = Duration::from_millis(500);
/// How long a server that has responded is not taken for one that is away, whatever became of new
/// connections.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
/// How long a disk counts as full after the last statement that found no room.
pub(super) const FULL_FOR: Duration = Duration::from_secs(30);
/// How long saying good-bye to a server may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// The time limits of a pool. The product uses the default ones; tests of outages shorten them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// After this the server ends a statement.
    pub statement: Duration,
    /// After this the server ends a transaction in which nothing happens.
    pub idle_in_transaction: Duration,
    /// After this we give up a statement, whatever the server does, and close its connection. Above
    /// [`Limits::statement`], so that a server that lives decides first.
    pub answer: Duration,
    /// How long a request waits for a connection.
    pub acquire: Duration,
    /// How long one attempt to connect may take, all of TLS and authentication included.
    pub connect: Duration,
    /// How long an idle connection may take to prove that it lives.
    pub check: Duration,
    /// A connection that was idle for longer is checked before it is used.
    pub check_after: Duration,
    /// How often an idle connection is checked in the background: what keep-alive of TCP would do,
    /// which sqlx cannot switch on.
    pub keep_alive: Duration,
    /// An idle connection that was unused for this long is closed: after a peak they go back to the
    /// others who share the server or the pooler with us.
    pub idle: Duration,
    /// A connection is closed at this age, so that it follows a changed address or a new server.
    pub lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: Duration::from_secs(15),
            idle_in_transaction: Duration::from_secs(30),
            answer: Duration::from_secs(18),
            acquire: Duration::from_secs(3),
            connect: Duration::from_secs(10),
            check: Duration::from_secs(2),
            check_after: Duration::from_millis(500),
            keep_alive: Duration::from_secs(15),
            idle: Duration::from_mins(1),
            lifetime: Duration::from_mins(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_without_a_word_ends_within_the_figures_of_the_documents() {
        let limits = Limits::default();
        assert!(limits.statement < limits.answer, "a server that lives has the first word");
        // A request may wait for its connection, find it dead, and then lose a statement on
        // another.
        let answered = limits.acquire + limits.check + limits.answer;
        assert!(answered <= Duration::from_secs(30), "503 after {answered:?}");
        // After the way is free, an attempt that began before may still hang.
        let healed = limits.connect + RETRY_MOST + limits.acquire;
        assert!(healed <= Duration::from_secs(30), "202 after {healed:?}");
        // The drain of the API ends after 30 s; then a statement of the relay or the worker may
        // hang.
        assert!(limits.answer + limits.acquire <= Duration::from_secs(30));
    }
}
