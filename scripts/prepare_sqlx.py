#!/usr/bin/env python3
"""Writes .sqlx from the queries in crates/store, or checks that it is up to date (--check).

Run by `make prepare` with DATABASE_URL naming a migrated database. The query macros write what they
learn from it to SQLX_OFFLINE_DIR, so no further tool is needed.
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


def describe(folder: str) -> None:
    CRATE.touch()  # the macros only run when the crate is compiled anew
    environment = {**os.environ, "SQLX_OFFLINE": "false", "SQLX_OFFLINE_DIR": folder}
    subprocess.run(["cargo", "check", "--package", "store"], check=True, env=environment)
    CRATE.touch()


def differences(fresh: str) -> list[str]:
    compared = filecmp.dircmp(fresh, KEPT)
    return sorted(compared.left_only + compared.right_only + compared.diff_files)


def main() -> int:
    with tempfile.TemporaryDirectory() as fresh:
        describe(fresh)
        if "--check" in sys.argv:
            stale = differences(fresh)
            print("\n".join(["run `make prepare`; these differ:", *stale]) if stale else ".sqlx is up to date")
            return 1 if stale else 0
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(fresh, KEPT)
        print(f"wrote {len(list(KEPT.iterdir()))} queries")
        return 0


if __name__ == "__main__":
    sys.exit(main())
