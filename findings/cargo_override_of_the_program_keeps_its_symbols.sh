#!/usr/bin/env bash
# Cargo and rustc 1.95.0 (rust-toolchain.toml), Linux.
#
# [profile.release] strip = true leaves no symbols in a program. With an override of the program's own package beside it, such as
# [profile.release.package.NAME] opt-level = "z", the program has its symbol table again: strip = true is lost, and only what
# Cargo strips by default, debugging information, goes. Nothing is said of it. An override of a dependency changes nothing. So
# what is meant to make a program smaller can make it half as large again.
#
# Seen (whether the program has a symbol table):
#   strip: no
#   strip, override of a dependency: no
#   strip, override of the program: yes
set -euo pipefail
toolchain=$PWD/$(dirname "$0")/../rust-toolchain.toml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$toolchain" "$folder"
mkdir -p "$folder/src" "$folder/part/src"
cd "$folder"
echo 'fn main() { println!("{}", part::number()); }' >src/main.rs
echo 'pub fn number() -> u32 { std::process::id() }' >part/src/lib.rs
printf '[package]\nname = "part"\nversion = "0.1.0"\nedition = "2024"\n' >part/Cargo.toml

has_symbols() {
    printf '[package]\nname = "whole"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\npart = { path = "part" }\n[profile.release]\nstrip = true\n%b' "$2" >Cargo.toml
    cargo build --quiet --release --target-dir "$folder/target"
    echo "$1: $(readelf --sections --wide target/release/whole | grep -q '\.symtab' && echo yes || echo no)"
}

{
    has_symbols strip ''
    has_symbols "strip, override of a dependency" '[profile.release.package.part]\nopt-level = "z"\n'
    has_symbols "strip, override of the program" '[profile.release.package.whole]\nopt-level = "z"\n'
} >seen
diff seen - <<'SEEN' && echo "as described"
strip: no
strip, override of a dependency: no
strip, override of the program: yes
SEEN
