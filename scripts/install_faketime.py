#!/usr/bin/env python3
"""Prints where the fault lab finds libfaketime, after fetching Debian's package if there is none."""

import pathlib
import sys

from apt_packages import Failed, cache_folder, give_up, run, unpack

NAME = "libfaketimeMT.so.1"  # the one for programs with threads
FOLDER = "libfaketime-unpacked"


def works(library: pathlib.Path) -> bool:
    """A process that it is loaded into has the other time."""
    try:
        return run("env", f"LD_PRELOAD={library}", "FAKETIME=-3650d", "date", "+%Y") < run("date", "+%Y")
    except Failed:
        return False


def find() -> pathlib.Path | None:
    places = [pathlib.Path("/usr/lib"), cache_folder() / FOLDER]
    found = (library for place in places for library in sorted(place.glob(f"**/faketime/{NAME}")))
    return next(filter(works, found), None)


def main() -> int:
    try:
        library = find()
        if not library:
            unpack(["libfaketime"], cache_folder(), lambda root: FOLDER, find)
            library = find()
        if not library:
            raise Failed("the package holds no library that works here")
    except (Failed, OSError, ValueError) as reason:
        return give_up("libfaketime", "libfaketime", reason)
    print(library)
    return 0


if __name__ == "__main__":
    sys.exit(main())
