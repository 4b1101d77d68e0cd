#!/usr/bin/env python3
"""Prints the folder of PostgreSQL 15's programs, the oldest version that is supported, for the tests.

Debian's package is used where it is installed; root installs it where it is not.
"""

import pathlib
import sys

from apt_packages import Failed, give_up, install, run

FOLDER = pathlib.Path("/usr/lib/postgresql/15/bin")
PACKAGE = "postgresql-15"


def works() -> bool:
    try:
        return all(" 15." in run(FOLDER / name, "--version") for name in ["postgres", "initdb", "psql"])
    except Failed:
        return False


def main() -> int:
    try:
        if not works():
            install([PACKAGE])
        if not works():
            raise Failed(f"{FOLDER} has no usable programs")
    except Failed as reason:
        return give_up("PostgreSQL 15", PACKAGE, reason)
    print(FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
