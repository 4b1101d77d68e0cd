#!/usr/bin/env python3
"""Prints where the tests find nginx, after fetching it if it is missing.

An nginx that is there is used. Otherwise Debian's package is fetched by apt and unpacked into the cache
folder, by root as by anyone else: installing it would start a web server on this machine. A launcher knows
where its libraries lie. When there is no way, the error says what was tried.
"""

import pathlib
import shutil
import sys

import apt_packages
from apt_packages import Failed

PACKAGE = "nginx"
BY_HAND = "/usr/sbin/nginx"  # not on the path of ordinary users
LAUNCHER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$here/{program}" "$@"
"""


def works(program) -> bool:
    """It says how it was built, which takes its libraries, and can do TLS and pass requests on."""
    try:
        apt_packages.run("sh", "-c", 'exec "$0" -V 2>&1 | grep -q http_ssl_module', program)
        return True
    except Failed:
        return False


def find(cache: pathlib.Path) -> str | None:
    candidates = [shutil.which(PACKAGE), BY_HAND, *cache.glob("nginx-*/nginx")]
    return next((str(path) for path in candidates if path and pathlib.Path(path).exists() and works(path)), None)


def finish(root: pathlib.Path) -> str:
    libraries = sorted({path.parent.relative_to(root) for path in root.rglob("lib*.so*")})
    libraries = ":".join(f"$here/{folder}" for folder in libraries)
    apt_packages.write_program(root / "nginx", LAUNCHER.format(libraries=libraries, program="usr/sbin/nginx"))
    return "nginx-unpacked"


def main() -> int:
    cache = apt_packages.cache_folder()
    try:
        found = find(cache) or apt_packages.unpack([PACKAGE], cache, finish, lambda: find(cache)) / "nginx"
        if not works(found):
            raise Failed(f"{found} does not run")
    except (Failed, OSError, ValueError) as reason:
        apt_packages.say(f"No usable nginx was found or could be fetched for the tests: {reason}")
        apt_packages.say("To install it by hand, run `apt-get install nginx` as root, or your system's equivalent")
        return 1
    print(found, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
