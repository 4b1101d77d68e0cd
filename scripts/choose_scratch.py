#!/usr/bin/env python3
"""Prints where the temporary files of tests go: what TMPDIR says, else into memory where there is plenty, else the
usual place.

Databases of stories come and go by the hundred, a few megabytes each. In memory they take half the time, and no
story waits for a disk that is behind.
"""

import os
import pathlib
import tempfile

MEMORY = pathlib.Path("/dev/shm")
GIB = 1 << 30


def is_roomy(folder: pathlib.Path) -> bool:
    """Whether programs run there, and a run of the tests fits twice: some of it are programs."""
    try:
        place = os.statvfs(folder)
        memory = pathlib.Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]
    except (OSError, IndexError):
        return False
    free = place.f_bavail * place.f_frsize
    runs = not place.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK | os.X_OK)
    return runs and free >= 4 * GIB and int(memory) * 1024 >= 8 * GIB


def main() -> None:
    print(os.environ.get("TMPDIR") or (MEMORY if is_roomy(MEMORY) else tempfile.gettempdir()))


if __name__ == "__main__":
    main()
