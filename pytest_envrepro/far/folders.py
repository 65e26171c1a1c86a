"""Folders of tests where the files of an environment are others than those of the process that asks: laid, and taken back."""

from __future__ import annotations

import base64
import os
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

MOST = 64 << 20  # Bytes of all files together.


class TooMuchError(Exception):
    """There is more in the folders than travels.

    Attributes:
        size: of all files together, in bytes, as far as they were looked at.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(size)


def taken(folders: Iterable[str], known: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give what is in folders, by path: files with mode and content, links, and folders.

    Args:
        known: what was there before; what is as it was is left out, and what is gone is None.

    Raises:
        TooMuchError: that is too much.
    """
    found: dict[str, Any] = {}
    size = 0
    for path in _walked(folders):
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            found[path] = ["link", os.readlink(path)]
        elif stat.S_ISDIR(status.st_mode):
            found[path] = ["folder", mode]
        elif stat.S_ISREG(status.st_mode):
            size += status.st_size
            if size > MOST:
                raise TooMuchError(size)
            with open(path, "rb") as file:
                found[path] = ["file", mode, base64.b64encode(file.read()).decode("ascii")]
    if known is None:
        return found
    gone = dict.fromkeys(path for path in known if path not in found)
    return {**gone, **{path: told for path, told in found.items() if known.get(path) != told}}


def _walked(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        if os.path.lexists(folder):
            yield folder
        for where, names, files in os.walk(folder):
            for name in sorted(names + files):
                yield os.path.join(where, name)


def lay(found: dict[str, Any], within: Iterable[str] | None = None) -> None:
    """Lay what was taken elsewhere, at the same paths; what is gone there goes here too.

    Args:
        within: the folders and files that it may be laid in and at, where whoever has taken it is not to be believed: what
            lies elsewhere, or would by a link, is left out. None for anywhere.
    """
    places = None if within is None else [*within]
    for path in sorted(found, key=len, reverse=True):
        if found[path] is None and _may_be(path, places):
            _remove(path)
    for path in sorted(found, key=len):
        told = found[path]
        if told is None or not _may_be(path, places):
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if told[0] == "folder":
            os.makedirs(path, exist_ok=True)
            continue
        _remove(path)
        if told[0] == "link":
            os.symlink(told[1], path)
        else:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(base64.b64decode(told[2]))
            os.chmod(path, told[1] & 0o777)


def _may_be(path: str, places: list[str] | None) -> bool:
    """Tell whether a path lies in one of those places, as the links lead that are there by now."""
    if places is None:
        return True
    if path != os.path.normpath(path) or not os.path.isabs(path):
        return False
    parent = os.path.realpath(os.path.dirname(path))
    for place in places:
        real = os.path.realpath(place)
        if path == place or os.path.join(parent, "").startswith(os.path.join(real, "")):
            return True
    return False


def removed(paths: Iterable[str]) -> None:
    """Remove what was laid."""
    for path in paths:
        _remove(path)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.remove(path)
