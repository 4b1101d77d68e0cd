#!/usr/bin/env python3
"""Prints where the tests find promtool, after fetching Debian's package of Prometheus if there is none.

It is unpacked, for root too: an installation would start Prometheus as a service.
"""

import pathlib
import shutil
import sys

from apt_packages import Failed, cache_folder, give_up, run, unpack, write_launcher

NAME, PACKAGE, FOLDER = "promtool", "prometheus", "prometheus-unpacked"


def works(program) -> bool:
    try:
        run(program, "--version")
        return True
    except Failed:
        return False


def find() -> str | None:
    candidates = [shutil.which(NAME), cache_folder() / FOLDER / NAME]
    return next((str(program) for program in candidates if program and works(program)), None)


def finish(root: pathlib.Path) -> str:
    write_launcher(root, NAME, f"usr/bin/{NAME}")
    return FOLDER


def main() -> int:
    try:
        found = find() or str(unpack([PACKAGE], cache_folder(), finish, find) / NAME)
        if not works(found):
            raise Failed(f"{found} does not run")
    except (Failed, OSError, ValueError) as reason:
        return give_up(NAME, PACKAGE, reason)
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
