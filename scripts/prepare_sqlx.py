#!/usr/bin/env python3
"""Writes .sqlx from the queries in crates/store, or checks that it is up to date.

    prepare_sqlx.py [--check] [COMMAND…]

Run by `make prepare` and `make ci` with DATABASE_URL naming a migrated database. COMMAND compiles the
crate, `cargo check` where none is given. The query macros write what they learn from the database to
SQLX_OFFLINE_DIR, so no further tool is needed.
"""

import filecmp
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

KEPT = pathlib.Path(".sqlx")
CRATE = pathlib.Path("crates/store/src/lib.rs")


def describe(folder: str, command: list[str]) -> int:
    CRATE.touch()  # the macros only run when the crate is compiled anew
    environment = {**os.environ, "SQLX_OFFLINE": "false", "SQLX_OFFLINE_DIR": folder}
    code = subprocess.run(command or ["cargo", "check", "--workspace", "--all-targets"], env=environment).returncode
    CRATE.touch()
    return code


def differences(fresh: str) -> list[str]:
    compared = filecmp.dircmp(fresh, KEPT)
    return sorted(compared.left_only + compared.right_only + compared.diff_files)


def main() -> int:
    check = sys.argv[1:2] == ["--check"]
    with tempfile.TemporaryDirectory() as fresh:
        if code := describe(fresh, sys.argv[2 if check else 1 :]):
            return code
        if check:
            stale = differences(fresh)
            print("\n".join(["run `make prepare`; these differ:", *stale]) if stale else ".sqlx is up to date")
            return 1 if stale else 0
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(fresh, KEPT)
        print(f"wrote {len(list(KEPT.iterdir()))} queries")
        return 0


if __name__ == "__main__":
    sys.exit(main())
