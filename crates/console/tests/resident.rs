//! What a process keeps of guesses at passwords, in a process of its own: memory is counted for all of it.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends here")]

use console::password_queue::{Comer, PasswordQueue};

/// Two passwords are worked on at a time, in 19 MiB each.
const BLOCKS_KIB: u64 = 2 * 19 * 1024;
/// For the threads and all else.
const MARGIN_KIB: u64 = 24 * 1024;

/// What this process holds in memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_guesses_leave_no_more_than_what_two_are_worked_on_in() {
    let before = resident();
    let queue = PasswordQueue::default();
    for round in 0..5 {
        let guesses = (0..40_u8).filter_map(|client| {
            let comer = match client % 4 {
                0 => Comer::Known(uuid::Uuid::from_u128(client.into())),
                _ => Comer::Stranger(Some([203, 0, 113, client].into())),
            };
            let place = queue.enter(comer).ok()?;
            Some(tokio::spawn(place.verify(format!("guess {client}"), None)))
        });
        let guesses: Vec<_> = guesses.collect();
        assert_eq!(guesses.len(), 40, "round {round}");
        for guess in guesses {
            assert_eq!(guess.await.expect("no panic"), Ok(false));
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < BLOCKS_KIB + MARGIN_KIB, "{grown} KiB");
}
