"""Disks of a test's own, which are files: a small one, and those of kinds that the machine's own may not be.

A test that uses one says `requires_integration("disks")`: who may mount says so, and then nothing is skipped.
"""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def mounted(folder: Path, *argv: str) -> Iterator[Path]:
    """Mount something at a folder, which is made.

    Args:
        argv: as `mount` takes it.
    """
    folder.mkdir()
    subprocess.run(["mount", *argv, str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def disk(folder: Path, kind: str, mebibytes: int) -> Iterator[Path]:
    """Give a folder on a new disk.

    Args:
        kind: of its file system: `btrfs`, which shares blocks between files, or `ext4`, which does not.
    """
    image = folder / f"{kind}.img"
    with image.open("wb") as file:
        file.truncate(mebibytes << 20)
    subprocess.run([f"mkfs.{kind}", "-q", str(image)], check=True)
    with mounted(folder / kind, "-o", "loop", str(image)) as place:
        yield place
