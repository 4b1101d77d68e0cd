#!/usr/bin/env python3
"""Prints the folder of the libraries that tests use from npm and PyPI, after installing them: those of the
payment providers, which make and sign events, those of Standard Webhooks, which verify messages, those of providers
of messages, which send what we send, generators of clients and Schemathesis, which read the OpenAPI document, AWS's,
which signs what we sign, and what the extensions in examples/ name.

The folder holds node/node_modules, from npm, and python, from pip. Both are made beside their place and
then renamed, so an installation that was cut off is made again, and one that is there takes no time.
"""

import fcntl
import json
import pathlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "target/test-libraries"
# The newest that run on Node 20 (@shopify/shopify-api 14 wants Node 22) and Python 3.11.
NODE = {
    "@shopify/shopify-api": "13.1.0", "adaptivecards": "3.0.6", "express": "5.3.0", "stripe": "23.1.0",
    "openapi-typescript": "7.13.0", "standardwebhooks": "1.1.1", "typescript": "5.9.3",
}
PYTHON = {
    "stripe": "16.1.0", "openapi-python-client": "0.29.1", "openapi-spec-validator": "0.9.0",
    "standardwebhooks": "1.1.0", "jsonschema": "4.26.0", "pagerduty": "7.2.0",
    "discord-webhook": "1.4.1", "slack_sdk": "3.48.0", "botocore": "1.44.8", "schemathesis": "4.32.5",
    "aiontfy": "0.8.6", "aiohttp": "3.14.5", "mashumaro": "3.23", "orjson": "3.13.0",
}
# What asks for a newer Python than it needs; what it needs besides stands above.
ANY_PYTHON = {"aiontfy"}


class Failed(Exception):
    pass


def run(what: str, *command) -> None:
    try:
        done = subprocess.run(
            [str(word) for word in command], text=True, timeout=900,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{what}: {error}") from error
    if done.returncode != 0:
        raise Failed(f"{what} ended with {done.returncode}:\n{done.stdout.strip()}")


def install_node(folder: pathlib.Path, versions: dict) -> None:
    npm = shutil.which("npm")
    if not npm:
        raise Failed("npm is missing: install Node 20 or newer with npm, and put it on the PATH")
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": versions}))
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    run("npm install", npm, "install", "--prefix", folder, *quiet)


def install_python(folder: pathlib.Path, versions: dict) -> None:
    pip = [sys.executable, "-m", "pip"]
    try:
        run("pip", *pip, "--version")
    except Failed as error:
        raise Failed("pip is missing: install it for the Python that runs this") from error
    install = [*pip, "install", "--quiet", "--target", folder]
    pins = {name: f"{name}=={version}" for name, version in versions.items()}
    run("pip install", *install, *[pin for name, pin in pins.items() if name not in ANY_PYTHON])
    alone = [pin for name, pin in pins.items() if name in ANY_PYTHON]
    run("pip install", *install, "--no-deps", "--ignore-requires-python", *alone)


def with_examples() -> tuple[dict, dict]:
    """Ours and those of the extensions in examples/, whose pins stand there."""
    folder = ROOT / "examples/extensions"
    package = json.loads((folder / "typescript/package.json").read_text())
    requirements = (folder / "python/requirements.txt").read_text().split()
    node = {**package["dependencies"], **package["devDependencies"]}
    python = dict(line.split("==") for line in requirements)
    for ours, theirs in [(NODE, node), (PYTHON, python)]:
        for name in ours.keys() & theirs.keys():
            if ours[name] != theirs[name]:
                raise Failed(f"{name} is pinned to {ours[name]} here and to {theirs[name]} in {folder}")
    return {**NODE, **node}, {**PYTHON, **python}


def provide(name: str, versions: dict, install, runs_on: str = "") -> None:
    folder, marker = FOLDER / name, json.dumps([versions, runs_on])
    if (folder / "versions.json").is_file() and (folder / "versions.json").read_text() == marker:
        return
    print(f"installing {', '.join(versions)} for {name}", file=sys.stderr, flush=True)
    fresh = FOLDER / f".{name}"
    for old in [fresh, folder]:
        shutil.rmtree(old, ignore_errors=True)
    fresh.mkdir()
    install(fresh, versions)
    (fresh / "versions.json").write_text(marker)
    fresh.rename(folder)


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            node, python = with_examples()
            # What pip installs may be for one version of Python only.
            version = ".".join(map(str, sys.version_info[:2]))
            with ThreadPoolExecutor() as both:
                begun = [
                    both.submit(provide, "node", node, install_node),
                    both.submit(provide, "python", python, install_python, version),
                ]
            for one in begun:
                one.result()
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    print(FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
