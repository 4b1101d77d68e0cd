#!/usr/bin/env python3
"""Prints where the tests find PHP and Ruby, as lines of name=path, after installing what is missing.

What is on PATH and can do what the clients need is used. Otherwise root installs Debian's packages, and
anyone else gets the same packages fetched by apt and unpacked into the cache folder, each with a launcher
that knows where its libraries lie. When there is no way, the error says what was tried.
"""

import pathlib
import shutil
import sys

import apt_packages
from apt_packages import Failed

# What an interpreter must be able to do, and the packages that bring it.
INTERPRETERS = {
    "php": {
        "check": ["-r", "exit(PHP_VERSION_ID >= 80100 && extension_loaded('curl') && extension_loaded('mbstring') ? 0 : 1);"],
        "packages": ["php-cli", "php-curl", "php-mbstring"],
        "family": "php[a-z0-9.-]*",
        "program": "usr/bin/php[0-9]*",
    },
    "ruby": {
        "check": ["-e", "require 'openssl'; require 'net/http'; require 'json'; require 'minitest'; exit RUBY_VERSION >= '3.0'"],
        "packages": ["ruby", "ruby-minitest"],
        "family": "(lib)?ruby[a-z0-9.-]*",
        "program": "usr/bin/ruby[0-9]*",
    },
}
# Everything is in the environment, so that processes that an interpreter starts find it too.
PHP_VARIABLES = 'export PHPRC="$here/php.ini" PHP_INI_SCAN_DIR="$here/none" UNPACKED_PHP="$here"\n'
PHP_SETTINGS = """extension_dir = "${{UNPACKED_PHP}}/{extensions}"
extension = ctype
extension = curl
extension = mbstring
extension = posix
extension = tokenizer
"""
RUBY_VARIABLES = 'export RUBYLIB="{rubylib}${{RUBYLIB:+:$RUBYLIB}}"\n'


def works(name: str, program) -> bool:
    try:
        apt_packages.run(program, *INTERPRETERS[name]["check"])
        return True
    except Failed:
        return False


def find(name: str, cache: pathlib.Path) -> str | None:
    candidates = [shutil.which(name), *cache.glob(f"{name}-*/{name}")]
    return next((str(program) for program in candidates if program and works(name, program)), None)


def variables(name: str, root: pathlib.Path) -> str:
    """What an unpacked interpreter needs in its environment beside its libraries."""
    if name == "php":
        [extensions] = {path.parent.relative_to(root) for path in root.glob("usr/lib/php/*/curl.so")}
        (root / "php.ini").write_text(PHP_SETTINGS.format(extensions=extensions), encoding="utf-8")
        return PHP_VARIABLES
    patterns = ["usr/lib/ruby/vendor_ruby", "usr/lib/ruby/*.*.*", "usr/lib/*/ruby/*.*.*",
                "usr/share/rubygems-integration/all/gems/minitest-*/lib"]
    libraries = [path.relative_to(root) for pattern in patterns for path in root.glob(pattern)]
    return RUBY_VARIABLES.format(rubylib=":".join(f"$here/{path}" for path in libraries))


def install(name: str, cache: pathlib.Path) -> str:
    packages = INTERPRETERS[name]["packages"]
    if apt_packages.is_root():
        apt_packages.install(packages)
        found = find(name, cache)
    else:
        def finish(root: pathlib.Path) -> str:
            [program, *_] = sorted(root.glob(INTERPRETERS[name]["program"]))
            apt_packages.write_launcher(root, name, program.relative_to(root), variables(name, root))
            return f"{name}-unpacked"

        family = INTERPRETERS[name]["family"]
        found = apt_packages.unpack(packages, cache, finish, lambda: find(name, cache), family) / name
    if not found or not works(name, found):
        raise Failed(f"{found or name} cannot do what the clients need")
    return str(found)


def main() -> int:
    cache = apt_packages.cache_folder()
    for name in INTERPRETERS:
        try:
            print(f"{name}={find(name, cache) or install(name, cache)}", flush=True)
        except (Failed, OSError, ValueError) as reason:
            return apt_packages.give_up(name, " ".join(INTERPRETERS[name]["packages"]), reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
