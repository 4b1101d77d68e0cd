#!/usr/bin/env bash
# sqlx 0.9.0 (crates.io), SQLite in memory.
#
# Two migration files of one version, as two branches make when they are merged, are embedded by `migrate!` without
# a word: nothing looks at the versions. At the first run the first file is applied and recorded, and the second
# fails on the migrator's own table, after its statements were tried. From then on every run takes the second file
# for a changed first one. Neither error names a file, and the second speaks of a modification that nobody made.
#
# Seen:
#   embedded: 20260101000000 add label, 20260101000000 keep ended
#   first run: while executing migrations: error returned from database: (code: 1555) UNIQUE constraint failed: _sqlx_migrations.version
#   second run: migration 20260101000000 was previously applied but has been modified
#   tables: label
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src" "$folder/migrations"
echo 'CREATE TABLE label (id INTEGER);' >"$folder/migrations/20260101000000_add_label.sql"
echo 'CREATE TABLE ended (id INTEGER);' >"$folder/migrations/20260101000000_keep_ended.sql"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["macros", "migrate", "runtime-tokio", "sqlite"] }
tokio = { version = "1", features = ["macros", "rt"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
use sqlx::Connection;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let embedded: Vec<_> = MIGRATOR.iter().map(|one| format!("{} {}", one.version, one.description)).collect();
    println!("embedded: {}", embedded.join(", "));
    let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for run in ["first", "second"] {
        match MIGRATOR.run(&mut connection).await {
            Ok(()) => println!("{run} run: done"),
            Err(error) => println!("{run} run: {error}"),
        }
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    println!("tables: {}", tables.join(", "));
}
RUST
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target"
"$folder/target/debug/seen" >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
