#!/usr/bin/env python3
"""Prints the path of a Chromium for the tests, after installing one if the machine has none.

SENDPROMPTLY_CHROMIUM is taken at its word. Otherwise PATH is searched, then the cache folder that the
engines are kept in. If nothing is found, root installs Debian's package; anyone else gets the same
packages fetched by apt, which checks them, and unpacked into the cache folder: no root is needed, and
nothing outside that folder changes. An installation that was cut off leaves a temporary folder, which
the next one removes. When there is no way, the error lists everything that was tried.
"""

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
MINIMUM = 120  # the first whose new headless mode does everything that the tests ask for
INSTALL = ["install", "--yes", "--no-install-recommends"]
WORK_PREFIX = ".installing-"  # what the engines' installer removes too, under the same lock
LAUNCHER = """#!/bin/sh
# The libraries and fonts that the system lacks lie beside the browser.
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/usr/lib/chromium/chromium" "$@"
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


class Failed(Exception):
    pass


def is_root() -> bool:
    return os.geteuid() == 0


def cache_folder() -> pathlib.Path:
    """The same folder as in crates/embedded/src/places.rs."""
    if explicit := os.environ.get("SENDPROMPTLY_CACHE_DIR"):
        return pathlib.Path(explicit).absolute()
    if is_root():
        return pathlib.Path("/var/cache/sendpromptly")
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (pathlib.Path(xdg) if os.path.isabs(xdg) else pathlib.Path.home() / ".cache") / "sendpromptly"


def run(*command, **more) -> str:
    """Runs a command; its last words are the reason if it fails."""
    try:
        done = subprocess.run(
            [str(word) for word in command], check=True, text=True, timeout=1800,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in (error.stderr or error.stdout).splitlines() if line.strip()]
        raise Failed("; ".join(lines[-3:]) or f"it ended with {error.returncode}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from error
    return done.stdout


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


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def apt_get(*arguments, options=()) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    return run("apt-get", "-qq", *options, *arguments, env=environment)


def update_and(arguments: list[str], options) -> None:
    """Fetches the package lists, which fresh machines lack, and then installs."""
    reason = None
    try:
        apt_get("update", options=[*options, "-o", "APT::Update::Error-Mode=any"])
    except Failed as error:
        reason = error  # A source that is not needed may be away, so the installation decides.
    try:
        apt_get(*arguments, options=options)
    except Failed as error:
        raise Failed(f"{error}; before that, apt-get update: {reason}" if reason else str(error)) from error


def install_as_root(_cache: pathlib.Path) -> str:
    if not is_root():
        raise Failed("you are not root")
    say("installing Chromium with apt-get")
    update_and([*INSTALL, "chromium"], ["-o", "DPkg::Lock::Timeout=300"])
    check("/usr/bin/chromium")
    return "/usr/bin/chromium"


def private_apt(folder: pathlib.Path) -> list[str]:
    """Options that keep everything that apt writes inside a folder of ours."""
    for name in ["state/lists/partial", "cache/archives/partial"]:
        (folder / name).mkdir(parents=True)
    values = {
        "Dir::State": folder / "state",
        "Dir::State::status": "/var/lib/dpkg/status",  # what the system has is not fetched again
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
    }
    return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]


def install_into_cache(cache: pathlib.Path) -> str:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Failed("this system has no apt-get")
    say(f"fetching Chromium with apt-get into {cache}")
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if other := first_usable(in_cache(cache), []):
            return other  # Another process installed it while we waited.
        for left in cache.glob(WORK_PREFIX + "*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=cache) as work:
            return fetch(pathlib.Path(work), cache)


def fetch(work: pathlib.Path, cache: pathlib.Path) -> str:
    # Asked for by name, both are fetched even if the system has them and only hides them.
    wanted = ["--reinstall", "--download-only", "chromium", "chromium-common"]
    update_and([*INSTALL, *wanted], private_apt(work))
    browser = work / "browser"
    for package in sorted((work / "cache/archives").glob("*.deb")):
        run("dpkg-deb", "--extract", package, browser)
    (browser / "fonts.conf").write_text(FONTS, encoding="utf-8")
    launcher = browser / "chromium"
    libraries = sorted({path.parent.relative_to(browser) for path in browser.rglob("lib*.so*")})
    launcher.write_text(
        LAUNCHER.format(libraries=":".join(f"$here/{folder}" for folder in libraries)), encoding="utf-8"
    )
    for path in [browser, launcher]:
        path.chmod(0o755)
    check(launcher)
    [version] = re.findall(r"[\d.]+", run(launcher, "--version"))[:1]
    target = cache / f"chromium-{version}"
    shutil.rmtree(target, ignore_errors=True)  # It is there but not usable, or we would not be here.
    browser.rename(target)
    return str(target / "chromium")


def give_up(tried: list[str]) -> int:
    say("No Chromium was found or could be installed for the tests. Tried:")
    say("\n".join(f"  - {line}" for line in tried))
    say(
        f"To install it by hand, either\n"
        f"  run `apt-get install chromium` as root, or your system's equivalent\n"
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
    for name, way in ways.items():
        if not found:
            try:
                found = way(cache)
            except (Failed, OSError) as reason:
                tried.append(f"{name}: {reason}")
    if not found:
        return give_up(tried)
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
