#!/usr/bin/env python3
"""Prints the path of a Chromium for the tests, after installing one if the machine has none.

SENDPROMPTLY_CHROMIUM is taken at its word. Otherwise PATH is searched, then the cache folder that the
engines are kept in. If nothing is found, root installs Debian's package; anyone else gets the same
packages fetched by apt, which checks them, and unpacked into the cache folder: no root is needed, and
nothing outside that folder changes. An installation that was cut off leaves a temporary folder, which
the next one removes. When there is no way, the error lists everything that was tried.

The shell comes first: the same engine without the windows around it, which nobody sees here, takes half
the processor's time on pages that are quickly over.
"""

import itertools
import os
import pathlib
import re
import shutil
import sys

from apt_packages import Failed, cache_folder, install, run, say, unpack, write_launcher

SHELL = "chromium-headless-shell"
NAMES = [SHELL, "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
PACKAGES = [SHELL, "chromium"]  # not every release of Debian has the first
MINIMUM = 120  # the first whose new headless mode does everything that the tests ask for
FONT_SETTINGS = 'export FONTCONFIG_FILE="$here/fonts.conf"\n'
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


def check(program) -> None:
    """Fails unless the program is a Chromium that is new enough."""
    printed = run(program, "--version")
    version = re.search(r"Chrom\w+ (\d+)\.", printed)
    if not version:
        raise Failed(f"it is no Chromium: it says {printed.strip().split(chr(10))[0]!r}")
    if int(version[1]) < MINIMUM:
        raise Failed(f"version {version[1]} is too old, {MINIMUM} is needed")


def first_usable(programs, tried: list[str]) -> str | None:
    for program in programs:
        try:
            check(program)
            return str(program)
        except Failed as reason:
            tried.append(f"{program}: {reason}")
    return None


def in_cache(cache: pathlib.Path) -> list[pathlib.Path]:
    def age(path):
        return path.stat().st_mtime
    return sorted(cache.glob("chromium-*/chromium"), key=age, reverse=True)


def find(cache: pathlib.Path, tried: list[str]) -> str | None:
    on_path = [found for name in NAMES if (found := shutil.which(name))]
    if not on_path:
        tried.append(f"PATH: none of {', '.join(NAMES)}")
    return first_usable(on_path + in_cache(cache), tried)


def install_as_root(package: str, _cache: pathlib.Path) -> str:
    install([package])
    check(f"/usr/bin/{package}")
    return f"/usr/bin/{package}"


def install_into_cache(package: str, cache: pathlib.Path) -> str:
    def finish(browser: pathlib.Path) -> str:
        """Writes the launcher; the folder is named by the version."""
        (browser / "fonts.conf").write_text(FONTS, encoding="utf-8")
        launcher = write_launcher(browser, "chromium", f"usr/lib/chromium/{package}", FONT_SETTINGS)
        check(launcher)
        [version] = re.findall(r"[\d.]+", run(launcher, "--version"))[:1]
        return f"chromium-{version}"

    folder = unpack([package, "chromium-common"], cache, finish, lambda: first_usable(in_cache(cache), []))
    return str(folder / "chromium")


def give_up(tried: list[str]) -> int:
    say("No Chromium was found or could be installed for the tests. Tried:")
    say("\n".join(f"  - {line}" for line in tried))
    say(
        f"To install it by hand, either\n"
        f"  run `apt-get install {SHELL}` as root, or your system's equivalent\n"
        f"or\n"
        f"  set SENDPROMPTLY_CHROMIUM to a Chromium or Chrome {MINIMUM} or newer"
    )
    return 1


def main() -> int:
    tried: list[str] = []
    if explicit := os.environ.get("SENDPROMPTLY_CHROMIUM"):
        found = first_usable([explicit], tried)
        if not found:
            say(f"SENDPROMPTLY_CHROMIUM leads to {tried[0]}")
            return 1
        print(found)
        return 0
    cache = cache_folder()
    found = find(cache, tried)
    ways = {"apt-get install": install_as_root, f"apt-get, unpacked into {cache}": install_into_cache}
    for (name, way), package in itertools.product(ways.items(), PACKAGES):
        if not found:
            try:
                found = way(package, cache)
            except (Failed, OSError) as reason:
                tried.append(f"{name} {package}: {reason}")
    if not found:
        return give_up(tried)
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
