#!/usr/bin/env python3
"""Prints where the tests find pgbouncer, after fetching Debian's package if there is none.

It is unpacked into the cache folder, for root too: an installation would start a service. Its launcher
knows where its libraries lie. When there is no way, the error says what was tried.
"""

import pathlib
import shutil
import sys

import apt_packages
from apt_packages import Failed

NAME = "pgbouncer"
LAUNCHER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$here/usr/sbin/pgbouncer" "$@"
"""


def works(program) -> bool:
    try:
        return "PgBouncer" in apt_packages.run(program, "--version")
    except Failed:
        return False


def find(cache: pathlib.Path) -> str | None:
    candidates = [shutil.which(NAME), "/usr/sbin/pgbouncer", cache / f"{NAME}-unpacked" / NAME]
    return next((str(program) for program in candidates if program and works(program)), None)


def finish(root: pathlib.Path) -> str:
    folders = sorted({path.parent.relative_to(root) for path in root.rglob("lib*.so*")})
    libraries = ":".join(f"$here/{folder}" for folder in folders)
    apt_packages.write_program(root / NAME, LAUNCHER.format(libraries=libraries))
    return f"{NAME}-unpacked"


def install(cache: pathlib.Path) -> str:
    found = apt_packages.unpack([NAME], cache, finish, lambda: find(cache)) / NAME
    if not works(found):
        raise Failed(f"{found} does not run")
    return str(found)


def main() -> int:
    cache = apt_packages.cache_folder()
    try:
        print(find(cache) or install(cache))
    except (Failed, OSError, ValueError) as reason:
        apt_packages.say(f"No usable pgbouncer was found or could be fetched for the tests: {reason}")
        apt_packages.say("To install it by hand, run `apt-get install pgbouncer` as root, or your system's equivalent")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
