"""The memory of a child: its page faults, and memory that it has at hand.

Each page is waited for when it is first written to (a minor page fault: some 4 µs on a virtual machine). A process that has
run other bodies before has some left; one that runs a single body has it in time where it takes some while it waits.
"""

from __future__ import annotations

import os
from io import FileIO
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
_SMALL = 512  # Bytes: no larger object is of CPython's own allocator, and of smaller ones it takes more to fill a page.
_APART = 400  # Of those: no more than lie in one arena (256 KiB until 3.9, 1 MiB since).
_OWN = 3 << 18  # Bytes: what a body waits for that does nothing, the most of it copies of what its parent has.
_LEAST = 7 << 18  # Bytes: to have less at hand gains little, and a body that does nothing may wait for half of it.
_TURN = 17  # Of so many children one has nothing at hand, and tells what bodies need by now; odd: tests may take turns.
_LOOKED = 3  # Of those that had nothing: what the neediest of so many needs, the next ones are to have.
_KEPT: list[bytes] = []


class AtHand(NamedTuple):
    """Bytes of memory that a child has at hand, for small objects and for large ones."""

    small: int = 0
    large: int = 0


NOTHING = AtHand()


class Needs:
    """What bodies need of both kinds, learned from their page faults.

    With nothing at hand, they tell of all. With all of that at hand for small objects, what they still wait for is for
    large ones. Where they wait for the half of what they had at hand, it was in vain, as for an object that is larger than
    all of it: they have nothing for a while then, and it is found out anew.
    """

    def __init__(self) -> None:
        self._looked: list[int] = [0]  # What the last ones waited for that had nothing at hand: bodies differ.
        self._large = 0
        self._turn = 0

    def learn(self, size: int, had: AtHand) -> None:
        """Note of how many bytes a body has had page faults, and what it had at hand."""
        missing = max(0, size - _OWN)
        gained = max(0, max(self._looked) - missing)
        if had == NOTHING:
            self._looked = [*self._looked, missing][-_LOOKED:]
        elif not had.large:
            self._large = missing
        elif gained < min(sum(had), max(self._looked)) // 2:
            self._large, self._turn = 0, -_TURN

    def at_hand(self, most: int) -> AtHand:
        """Give what the next child is to have at hand, of so many bytes at most."""
        self._turn += 1
        wanted = max(self._looked)
        size = min(wanted, most)
        if size < _LEAST or self._turn < 0 or self._turn % _TURN == 0:
            return NOTHING
        large = size * min(self._large, wanted) // wanted
        # What grows is moved to where it has room: that takes more than is in use in the end.
        return AtHand(size - large, min(2 * large, most - size + large))


def faulted(process: int | str = "self") -> int:
    """Tell of how many bytes a process has had minor page faults so far: new ones, copies of its parent's, parts of files.

    Linux says it in proc_pid_stat(5), which unlike `resource` is no module that a body would find loaded; it is 0 elsewhere.
    """
    try:
        with FileIO(f"/proc/{process}/stat") as file:
            return int(file.read().rpartition(b")")[2].split()[7]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def take(memory: AtHand) -> None:
    """Have so much memory at hand."""
    if memory.large and _is_glibc():
        # It keeps what has become free, but for what is larger than all that was given back before (mallopt(3),
        # M_MMAP_THRESHOLD). Zeros that nobody looks at are no pages yet, so the first is had for nothing.
        bytes(memory.large)
        bytearray(memory.large)
    objects = [*map(bytes, (_SMALL - bytes.__basicsize__,) * (memory.small // _SMALL))]
    _KEPT.extend(objects[::_APART])  # An arena in which something is left is kept, with all that has become free in it.


def _is_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, OSError, ValueError):
        return False
