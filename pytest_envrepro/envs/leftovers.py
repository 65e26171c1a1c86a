"""Programs that were started in environments and still run: found by the folders that they were given as their own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")

_PROCESSES = Path("/proc")  # Linux, proc(5): elsewhere nothing is found.
_GIVEN = (b"HOME", b"TMPDIR")  # A setting, or a shell, may have put something else in the place of one.


class Running(NamedTuple):
    """A process that runs.

    Attributes:
        scratch: the folder that its own ones are in.
    """

    pid: int
    argv: tuple[str, ...]
    scratch: str


def running(scratches: Mapping[str, T]) -> Iterator[tuple[Running, T]]:
    """Find processes of this user whose own folders lie in some folders; what has just ended is none.

    Args:
        scratches: folders, each with what is to be given with it.
    """
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = sorted(filter(str.isdecimal, os.listdir(_PROCESSES)), key=int)
    for name in names:
        with contextlib.suppress(OSError):  # Of another user, or it has ended meanwhile.
            variables = (_PROCESSES / name / "environ").read_bytes().split(b"\0")
            given = (os.fsdecode(each.partition(b"=")[2]) for each in variables if each.partition(b"=")[0] in _GIVEN)
            scratch = next((folder for folder in map(os.path.dirname, given) if folder in scratches), None)
            argv = (_PROCESSES / name / "cmdline").read_bytes().split(b"\0")[:-1] if scratch else []
            if scratch and argv:
                yield Running(int(name), tuple(map(os.fsdecode, argv)), scratch), scratches[scratch]
