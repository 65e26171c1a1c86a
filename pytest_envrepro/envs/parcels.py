"""Archives that a container sends: taken apart without trust, since what runs in it may send anything."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TREE = "tree"  # What the paths of files begin with in the archive.
ANSWER = "answer.json"
_MOST_NAMED = 3
_BROKEN = "its answer is no archive, or not a whole one"


class ParcelError(ValueError):
    """What was sent is not what was asked for; the text says in what, to follow "and"."""


class Member(NamedTuple):
    """A file of the container, or a folder: then it has no data.

    Attributes:
        path: absolute, in the container.
        changed: when, in seconds since the epoch.
    """

    path: str
    data: bytes | None
    changed: float
    is_program: bool


def unpack(output: bytes, mark: str) -> tuple[dict[str, Any], list[Member]]:
    """Take apart what a program has written.

    Args:
        mark: the line after which the archive begins: what other code has printed before does not count.

    Returns:
        the answer, and the files and folders.

    Raises:
        ParcelError: it is not complete, or holds what was not asked for.
    """
    _, found, archive = output.partition(f"\n{mark}\n".encode())
    if not found:
        raise ParcelError("it answers as no Python does" if output.strip() else "it answers nothing")
    members: list[Member] = []
    answer: Any = None
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            for info in tar:
                if answer is not None:
                    raise ParcelError(f"it sends {info.name!r} after the end")
                file = tar.extractfile(info) if info.isreg() else None
                data = file.read() if file else None
                if data is not None and len(data) != info.size:
                    raise ParcelError(_BROKEN)
                if info.name == ANSWER:
                    answer = json.loads(data or b"null")
                else:
                    members.append(_member(info, data))
    except tarfile.TarError:
        raise ParcelError(_BROKEN) from None
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, ParcelError) else ParcelError("its answer cannot be read") from None
    if not isinstance(answer, dict) or answer.get("members") != len(members):
        raise ParcelError(_BROKEN)
    twice = [
        path for path, times in Counter(each.path for each in members if each.data is not None).items() if times > 1
    ]
    if twice:
        raise ParcelError(f"it sends {twice[0]!r} twice")
    faults = [str(each) for each in answer.get("faults", [])]
    if faults:
        more = f", and {len(faults) - _MOST_NAMED} more" if len(faults) > _MOST_NAMED else ""
        raise ParcelError(f"it cannot read all of it: {', '.join(faults[:_MOST_NAMED])}{more}")
    return answer, members


def _member(info: tarfile.TarInfo, data: bytes | None) -> Member:
    """Check one: a file or a folder, whose path stays where it is."""
    top, *parts = info.name.split("/")
    if top != TREE or not parts or not {"", ".", ".."}.isdisjoint(parts) or "\0" in info.name:
        raise ParcelError(f"it sends a path that leads elsewhere: {info.name!r}")
    if not (info.isreg() or info.isdir()):
        raise ParcelError(f"it sends what is neither a file nor a folder: {info.name!r}")
    return Member(f"/{'/'.join(parts)}", data, info.mtime, bool(info.mode & 0o100))


def lay_out(members: Iterable[Member], root: Path) -> None:
    """Write files and folders below a folder that stands for `/`, and that nothing else writes to.

    Raises:
        OSError: the disk is full, or a path cannot be one of this machine.
    """
    for each in members:
        place = f"{root}{each.path}"
        if each.data is None:
            os.makedirs(place, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(place, flags, 0o755 if each.is_program else 0o644), "wb") as file:
            file.write(each.data)
        os.utime(place, (each.changed, each.changed))
