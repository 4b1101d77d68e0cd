#!/usr/bin/env python3
"""Refuses files that have grown too long. When a file gets long, the design is telling something.

Counts lines of code: not blank ones, not comments, and in Rust nothing below #[cfg(test)].
"""

import pathlib
import subprocess
import sys

LIMITS = {".rs": 400, ".html": 80, ".css": 120, ".js": 50}
COMMENTS = {".rs": ("//",), ".html": (), ".css": ("/*", "*"), ".js": ("//",)}


def code_lines(path: pathlib.Path) -> int:
    count = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if path.suffix == ".rs" and text == "#[cfg(test)]":
            break
        if text and not (COMMENTS[path.suffix] and text.startswith(COMMENTS[path.suffix])):
            count += 1
    return count


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    )
    too_long = [
        f"{path}: {lines} lines of code, at most {LIMITS[path.suffix]}"
        for path in map(pathlib.Path, listed.stdout.splitlines())
        if path.suffix in LIMITS and path.exists() and "vendor" not in path.parts
        for lines in [code_lines(path)]
        if lines > LIMITS[path.suffix]
    ]
    print("\n".join(too_long) or "every file has a good size")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
