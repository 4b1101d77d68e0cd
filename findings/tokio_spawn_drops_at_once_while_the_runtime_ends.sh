#!/usr/bin/env bash
# tokio 1.54.1 (crates.io).
#
# A guard gives back what it holds by spawning its clean-up from `drop`, as pools of connections do. When the runtime
# ends it drops the tasks that hold such guards, and in their `drop` `Handle::try_current` still finds the runtime, so
# the guard spawns as ever. But nothing is spawned any more: `spawn` drops the new task before it returns, on the same
# stack, with all that the task holds. A clean-up that holds the guard itself, such as `guard.close()`, thus comes back to
# the same `drop`, without an end unless something counts; here it is stopped after three. The handle that `spawn` gave
# is of a task that is cancelled already, and no error says so.
#
# Seen:
#   drop 1: a runtime is there
#   drop 2: a runtime is there
#   drop 3: a runtime is there, no more
#   spawn returned a task that is finished: true
#   spawn returned a task that is finished: true
#   clean-ups that ran: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
tokio = { version = "=1.54.1", features = ["rt-multi-thread"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Handle, Runtime};

static DROPS: AtomicUsize = AtomicUsize::new(0);
static CLEANED: AtomicUsize = AtomicUsize::new(0);

struct Guard {
    is_clean: bool,
}

impl Guard {
    async fn clean_up(mut self) {
        self.is_clean = true;
        CLEANED.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_clean {
            return;
        }
        let drops = DROPS.fetch_add(1, Ordering::SeqCst) + 1;
        let Ok(runtime) = Handle::try_current() else {
            return println!("drop {drops}: no runtime is there");
        };
        if drops == 3 {
            return println!("drop {drops}: a runtime is there, no more");
        }
        println!("drop {drops}: a runtime is there");
        let task = runtime.spawn(Guard { is_clean: false }.clean_up());
        println!("spawn returned a task that is finished: {}", task.is_finished());
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    runtime.spawn(async {
        let _held = Guard { is_clean: false };
        std::future::pending::<()>().await;
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    drop(runtime);
    println!("clean-ups that ran: {}", CLEANED.load(Ordering::SeqCst));
}
RUST
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target"
"$folder/target/debug/seen" >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
