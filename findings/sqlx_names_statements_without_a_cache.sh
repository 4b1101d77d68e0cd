#!/usr/bin/env bash
# sqlx 0.9.0 (crates.io), against a server of twenty lines that speaks PostgreSQL's protocol 3.0.
#
# PgConnectOptions::statement_cache_capacity(0) switches off the cache of prepared statements, not their
# names: every execution prepares under a new one (sqlx_s_1, sqlx_s_2, ...) and closes none of them. Behind a
# pooler in transaction mode they stay on the server's connection and meet those of the next client:
# "prepared statement sqlx_s_1 already exists". What prepares without a name is Query::persistent(false), per
# query, with any capacity.
#
# Seen (the names in Parse, the number of statements that were closed):
#   default: sqlx_s_1; closed 0
#   capacity 0: sqlx_s_1 sqlx_s_2; closed 0
#   capacity 0, persistent(false): (none) (none); closed 0
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
sqlx = { version = "=0.9.0", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "1", features = ["macros", "rt"] }
TOML
cat >"$folder/src/main.rs" <<'RUST'
use sqlx::{ConnectOptions, postgres::PgConnectOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn reply(stream: &mut TcpStream, kind: u8, body: &[u8]) {
    let mut message = vec![kind];
    message.extend((body.len() as u32 + 4).to_be_bytes());
    message.extend(body);
    stream.write_all(&message).unwrap();
}

/// Answers everything with "done, no rows"; gives the names in Parse and how many statements were closed.
fn serve(mut stream: TcpStream) -> (Vec<String>, usize) {
    let (mut names, mut closed) = (Vec::new(), 0);
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    std::io::copy(&mut (&stream).take(u32::from_be_bytes(length) as u64 - 4), &mut std::io::sink()).unwrap();
    reply(&mut stream, b'R', &[0; 4]);
    reply(&mut stream, b'Z', b"I");
    let mut kind = [0];
    while stream.read_exact(&mut kind).is_ok() {
        stream.read_exact(&mut length).unwrap();
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut body).unwrap();
        match kind[0] {
            b'P' => {
                let name = String::from_utf8_lossy(body.split(|byte| *byte == 0).next().unwrap());
                names.push(if name.is_empty() { "(none)".to_owned() } else { name.into_owned() });
                reply(&mut stream, b'1', b"");
            }
            b'D' => {
                reply(&mut stream, b't', &[0; 2]);
                reply(&mut stream, b'n', b"");
            }
            b'B' => reply(&mut stream, b'2', b""),
            b'E' => reply(&mut stream, b'C', b"SELECT 0\0"),
            b'C' => {
                closed += usize::from(body[0] == b'S');
                reply(&mut stream, b'3', b"");
            }
            b'S' => reply(&mut stream, b'Z', b"I"),
            _ => break,
        }
    }
    (names, closed)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for (what, capacity, persistent) in
        [("default", 100, true), ("capacity 0", 0, true), ("capacity 0, persistent(false)", 0, false)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
        let options = PgConnectOptions::new().host("127.0.0.1").port(port).username("alice");
        let options = options.ssl_mode(sqlx::postgres::PgSslMode::Disable);
        let mut connection = options.statement_cache_capacity(capacity).connect().await.unwrap();
        for _ in 0..2 {
            let query = sqlx::query("SELECT").persistent(persistent);
            query.execute(&mut connection).await.unwrap();
        }
        drop(connection);
        let (names, closed) = server.join().unwrap();
        println!("{what}: {}; closed {closed}", names.join(" "));
    }
}
RUST
cargo build --quiet --manifest-path "$folder/Cargo.toml" --target-dir "$folder/target"
"$folder/target/debug/seen" >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
