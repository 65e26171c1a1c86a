"""Finds programs that still have something of a folder in hand, and could write into it under whatever name it has.

Linux tells that of each process (proc(5)): its current folder, its open files, and the files in its memory. Looked at are
processes of this user, this one too, that began after a session did; elsewhere than on Linux nothing is found.
"""

from __future__ import annotations

import os
from pathlib import Path

_PROCESSES = Path("/proc")
_ROUNDS = 100  # Looks for processes that began meanwhile: a machine where there are always some tells nothing.


def began(process: int) -> int:
    """Tell when a process began, in ticks since the machine did; 0 where that is not known."""
    try:
        status = (_PROCESSES / str(process) / "stat").read_bytes()
        return int(status.rpartition(b")")[2].split()[19])  # The name before it may have blanks and brackets.
    except (OSError, ValueError, IndexError):
        return 0


def is_held(folder: Path, since: int) -> bool:
    """Tell whether a program works in a folder, or has something in it open, or in memory that it shares with the disk.

    Args:
        folder: its path has no links. One that was just renamed is found by nobody who knew the path.
        since: processes that began earlier are not looked at, as `began` tells it.
    """
    beginning = os.fsencode(folder)
    known: set[str] = set()
    for _ in range(_ROUNDS):
        # A process that ends may have left all it has to another, which was not listed yet.
        new = _processes() - known
        if not new:
            return False
        if any(_holds(f"{_PROCESSES}/{process}", int(process), beginning, since) for process in new):
            return True
        known |= new
    return True


def _processes() -> set[str]:
    try:
        return {*filter(str.isdecimal, os.listdir(_PROCESSES))}
    except OSError:
        return set()


def _holds(place: str, process: int, folder: bytes, since: int) -> bool:
    try:
        if os.geteuid() not in {0, os.stat(place).st_uid}:
            return False
        if process != os.getpid() and began(process) < since:
            return False
        links = [f"{place}/cwd", *(f"{place}/fd/{each}" for each in os.listdir(f"{place}/fd"))]
        return any(_is_in(_led_to(link), folder) for link in links) or _is_shared(f"{place}/maps", folder)
    except OSError:  # It has ended, or does not let itself be looked at.
        return False


def _led_to(link: str) -> bytes:
    try:
        return os.readlink(os.fsencode(link))
    except OSError:  # Was closed meanwhile.
        return b""


def _is_in(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder + b"/")


def _is_shared(maps: str, folder: bytes) -> bool:
    """Tell whether a file of a folder lies in memory that is written back: a descriptor is not needed for that."""
    text = Path(maps).read_bytes()
    if folder not in text:
        return False
    # Address, rights ("rw-s"), offset, device, inode, path.
    rows = (line.split(None, 5) for line in text.splitlines())
    return any(row[1].endswith(b"s") and _is_in(row[5], folder) for row in rows if row[5:])
