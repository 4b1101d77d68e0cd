"""Debian packages for the tests: installed by root, or unpacked into the cache folder by anyone else.

apt fetches and checks the packages in both ways. Unpacked ones need no root, and nothing outside the
cache folder changes. An installation that was cut off leaves a temporary folder, which the next one
removes.
"""

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

INSTALL = ["install", "--yes", "--no-install-recommends"]
WORK_PREFIX = ".installing-"  # what the engines' installer removes too, under the same lock
LAUNCHER = """#!/bin/sh
# The libraries that the system lacks lie beside the program.
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
{settings}exec "$here/{program}" "$@"
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


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def apt_get(*arguments, options=()) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    return run("apt-get", "-qq", *options, *arguments, env=environment)


def update_and(arguments: list[str], options, more=lambda: []) -> None:
    """Fetches the package lists, which fresh machines lack, and then installs, also what `more` finds in them."""
    reason = None
    try:
        apt_get("update", options=[*options, "-o", "APT::Update::Error-Mode=any"])
    except Failed as error:
        reason = error  # A source that is not needed may be away, so the installation decides.
    try:
        apt_get(*arguments, *more(), options=options)
    except Failed as error:
        raise Failed(f"{error}; before that, apt-get update: {reason}" if reason else str(error)) from error


def install(packages: list[str]) -> None:
    """Installs packages on the system, as root."""
    if not is_root():
        raise Failed("you are not root")
    say(f"installing {', '.join(packages)} with apt-get")
    update_and([*INSTALL, *packages], ["-o", "DPkg::Lock::Timeout=300"])


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


def folders(root: pathlib.Path, pattern: str) -> str:
    """The folders below `root` that hold such files, as a launcher names them."""
    found = sorted({path.parent.relative_to(root) for path in root.rglob(pattern)})
    return ":".join(f"$here/{folder}" for folder in found)


def write_launcher(root: pathlib.Path, name: str, program, settings: str = "") -> pathlib.Path:
    """Writes what starts an unpacked program; `settings` are lines of shell that it needs beside its libraries."""
    text = LAUNCHER.format(libraries=folders(root, "lib*.so*"), settings=settings, program=program)
    (root / name).write_text(text, encoding="utf-8")
    (root / name).chmod(0o755)
    return root / name


def give_up(name: str, package: str, reason) -> int:
    say(f"No usable {name} was found or could be installed for the tests: {reason}")
    say(f"To install it by hand, run `apt-get install {package}` as root, or your system's equivalent")
    return 1


def unpack(packages: list[str], cache: pathlib.Path, finish, other=lambda: None, family="") -> pathlib.Path:
    """Unpacks packages and what they need beside the system's; `finish` makes the folder usable and names it.

    `other` looks, once no other process installs any more, whether one of them has done it meanwhile.
    What the system has is left to it, except for the packages themselves and those they need whose names
    match `family`: half of an interpreter is of no use.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Failed("this system has no apt-get")
    say(f"fetching {', '.join(packages)} with apt-get into {cache}")
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := other():
            return pathlib.Path(found).parent
        for left in cache.glob(WORK_PREFIX + "*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=cache) as work:
            return fetch(packages, pathlib.Path(work), cache, finish, family)


def relatives(packages: list[str], family: str, options) -> list[str]:
    listed = run("apt-cache", *options, "depends", "--recurse", "--important", *packages)
    return [name for name in listed.splitlines() if re.fullmatch(family, name)]


def fetch(packages: list[str], work: pathlib.Path, cache: pathlib.Path, finish, family: str) -> pathlib.Path:
    options = private_apt(work)
    # Asked for by name, they are fetched even if the system has them and only hides them.
    wanted = [*INSTALL, "--reinstall", "--download-only", *packages]
    update_and(wanted, options, lambda: relatives(packages, family, options) if family else [])
    root = work / "root"
    for package in sorted((work / "cache/archives").glob("*.deb")):
        run("dpkg-deb", "--extract", package, root)
    root.chmod(0o755)
    target = cache / finish(root)
    shutil.rmtree(target, ignore_errors=True)  # It is there but not usable, or we would not be here.
    root.rename(target)
    return target


def provide_server(name: str, works) -> int:
    """Prints where a server is that is named like its package, after fetching it if `works` finds none.

    It is unpacked for root too: an installation would start a service on this machine.
    """
    cache = cache_folder()
    by_hand = pathlib.Path("/usr/sbin") / name  # not on the path of ordinary users

    def find() -> str | None:
        candidates = [shutil.which(name), by_hand, cache / f"{name}-unpacked" / name]
        return next((str(program) for program in candidates if program and works(program)), None)

    def finish(root: pathlib.Path) -> str:
        write_launcher(root, name, f"usr/sbin/{name}")
        return f"{name}-unpacked"

    try:
        found = find() or str(unpack([name], cache, finish, find) / name)
        if not works(found):
            raise Failed(f"{found} does not run")
    except (Failed, OSError, ValueError) as reason:
        return give_up(name, name, reason)
    print(found)
    return 0
