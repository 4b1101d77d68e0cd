#!/usr/bin/env python3
"""Rejects snapshots that no test reads, and those that a failed test left for review.

A file in `snapshots/` names its test and the source that it stands in. It is read if that test has as many snapshots
outside of its text as the file's number says: `NAME.snap` is the first one, `NAME-2.snap` the second.
"""

import pathlib
import re
import subprocess
import sys

PENDING = ("*.snap.new", "*.pending-snap")
SOURCE = re.compile(r"^source: (.+)$", re.MULTILINE)
NAME = re.compile(r"(?:.*__)?(?P<test>\w+?)(?:-(?P<number>\d+))?(?:@.+)?")
FUNCTION = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?(?:async )?fn (\w+)", re.MULTILINE)
SNAPSHOT = re.compile(r"\bassert_(?:\w+_)?snapshot!")
INLINE = re.compile(r'@r?#*"')


def listed(pattern: str = ".") -> list[pathlib.Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for path in map(pathlib.Path, found.splitlines()) if path.exists()]


def unreviewed() -> list[str]:
    """Git ignores some of these, so they are looked for beside what it holds, not in what it lists."""
    folders = {path.parts[0] for path in listed() if len(path.parts) > 1}
    found = {path for folder in folders for pattern in PENDING for path in pathlib.Path(folder).rglob(pattern)}
    return [f"{path}: was not reviewed; take it over or delete it" for path in sorted(found)]


def snapshots_outside(source: str) -> dict[str, int]:
    """Of each function of a source, how many snapshots stand in files of their own."""
    parts = FUNCTION.split(source)[1:]
    return {
        name: len(SNAPSHOT.findall(body)) - len(INLINE.findall(body))
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


def is_read(path: pathlib.Path) -> bool:
    source = SOURCE.search(path.read_text(encoding="utf-8"))
    file = pathlib.Path(source[1]) if source else None
    name = NAME.fullmatch(path.stem)
    if not (file and name and file.is_file() and path.parent.parent == file.parent):
        return False
    outside = snapshots_outside(file.read_text(encoding="utf-8"))
    return outside.get(name["test"], 0) >= int(name["number"] or 1)


def main() -> int:
    unread = [f"{path}: no test reads it" for path in listed("*.snap") if not is_read(path)]
    wrong = unread + unreviewed()
    print("\n".join(wrong) or "every snapshot is read by a test")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
