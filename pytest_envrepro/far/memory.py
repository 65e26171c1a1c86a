"""The memory of a child: its page faults, and memory that it has at hand.

Each page is waited for when it is first written to (a minor page fault: some 4 µs on a virtual machine). A process that has
run other bodies before has some left; one that runs a single body has it in time where it takes some while it waits.
"""

from __future__ import annotations

import os
from io import FileIO

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
_NUMBER = 32  # Bytes of an int, with what is lost between two.
_APART = 8000  # Ints: no more than lie in one arena of CPython's own allocator (256 KiB until 3.9, 1 MiB since).
_KEPT: list[int] = []


def faulted(process: int | str = "self") -> int:
    """Tell of how many bytes a process has had minor page faults so far: new ones, copies of its parent's, parts of files.

    Linux says it in proc_pid_stat(5), which unlike `resource` is no module that a body would find loaded; it is 0 elsewhere.
    """
    try:
        with FileIO(f"/proc/{process}/stat") as file:
            return int(file.read().rpartition(b")")[2].split()[7]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def has_idle_processor() -> bool:
    """Tell whether no more processes of this machine want a processor than there are, this one counted in (proc(5))."""
    try:
        with FileIO("/proc/loadavg") as file:
            wanting = int(file.read().split()[3].partition(b"/")[0])
        return wanting <= len(os.sched_getaffinity(0))
    except (AttributeError, OSError, IndexError, ValueError):
        return False


def take(size: int) -> None:
    """Have so many bytes at hand, half of them for large objects and half for small ones."""
    if _is_glibc():
        # It keeps what has become free, but for what is larger than all that was given back before (mallopt(3),
        # M_MMAP_THRESHOLD). Zeros that nobody looks at are no pages yet, so the first is had for nothing.
        bytes(size // 2)
        bytearray(size // 2)
    numbers = [*range(size // 2 // _NUMBER)]
    _KEPT.extend(numbers[::_APART])  # An arena in which something is left is kept, with all that has become free in it.


def _is_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, OSError, ValueError):
        return False
