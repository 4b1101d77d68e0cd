#!/usr/bin/env python3
"""Prints where the tests find pgbouncer, after fetching Debian's package if there is none."""

import sys

from apt_packages import Failed, provide_server, run


def works(program) -> bool:
    try:
        return "PgBouncer" in run(program, "--version")
    except Failed:
        return False


if __name__ == "__main__":
    sys.exit(provide_server("pgbouncer", works))
