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


def write_program(path: pathlib.Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


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
