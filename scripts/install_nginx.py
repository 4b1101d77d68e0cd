#!/usr/bin/env python3
"""Prints where the tests find nginx, after fetching Debian's package if there is none."""

import sys

from apt_packages import Failed, provide_server, run


def works(program) -> bool:
    """It says how it was built, which takes its libraries, and can do TLS and pass requests on."""
    try:
        run("sh", "-c", 'exec "$0" -V 2>&1 | grep -q http_ssl_module', program)
        return True
    except Failed:
        return False


if __name__ == "__main__":
    sys.exit(provide_server("nginx", works))
