#!/usr/bin/env python3
"""Rejects Rust files that have grown too long, and lines of pages, styles and scripts that have grown too wide.

A long Rust file tells something of the design. A page is as long as what it shows, but one line of it holds one idea.
Counts lines of code: not blank ones, not comments, and nothing below #[cfg(test)].
"""

import pathlib
import subprocess
import sys

LONGEST = 400
WIDEST = 120
NARROW = {".html", ".css", ".js"}


def code_lines(text: str) -> int:
    count = 0
    for line in map(str.strip, text.splitlines()):
        if line == "#[cfg(test)]":
            break
        if line and not line.startswith("//"):
            count += 1
    return count


def complaints(path: pathlib.Path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".rs" and (lines := code_lines(text)) > LONGEST:
        yield f"{path}: {lines} lines of code, at most {LONGEST}"
    if path.suffix in NARROW:
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > WIDEST:
                yield f"{path}:{number}: {len(line)} characters, at most {WIDEST}"


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    )
    paths = [path for path in map(pathlib.Path, listed.stdout.splitlines()) if path.suffix in NARROW | {".rs"}]
    found = [
        complaint
        for path in paths
        if path.exists() and "vendor" not in path.parts
        for complaint in complaints(path)
    ]
    print("\n".join(found) or "every file has a good size")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
