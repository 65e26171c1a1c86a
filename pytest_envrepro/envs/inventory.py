"""Reads what is installed in this environment, from the metadata on the disk, as pip sees it.

A distribution is a `.dist-info` folder (PEP 376, PEP 627); `.egg-info` and zipped ones are left to `importlib.metadata`.
The folders are listed at once, and a METADATA is read only when somebody asks for that distribution.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.envs.metadata import SETTLED, read_by_importlib, read_distribution
from pytest_envrepro.inventory import Distribution, Inventory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.envs.records import Records
    from pytest_envrepro.inventory import Interpreter, Recorded

_DIST_INFO = re.compile(r"(?P<name>[A-Za-z0-9][^-]*)-(?P<version>[^-]+)\.dist-info")


class _Found(NamedTuple):
    """A metadata folder, by what its name tells; and the distribution where the standard library has to read it."""

    name: str
    path: str
    version: str
    read: Distribution | None = None


def read_inventory(paths: Iterable[str], interpreter: Interpreter, *, root: str = "") -> Inventory:
    """List what is installed on a search path; the first of a name counts, as it does for an import.

    Args:
        paths: folders and archives, in the order of `sys.path`.
        interpreter: the Python that they belong to.
        root: the folder that stands for `/`, of what is a copy of another machine's.
    """
    first: dict[str, _Found] = {}
    duplicates: dict[str, tuple[str, ...]] = {}
    leftovers: set[tuple[str, str]] = set()
    for path in dict.fromkeys(paths):
        here: dict[str, list[_Found]] = {}
        for found in _list(path, leftovers, root):
            here.setdefault(found.name, []).append(found)
        for name, several in here.items():
            if name not in first:
                first[name] = several[0]
                if len(several) > 1:
                    duplicates[name] = tuple(os.path.basename(found.path) for found in several)
    distributions = Distributions(first, root)
    return Inventory(
        interpreter=interpreter,
        distributions=distributions,
        duplicates=duplicates,
        leftovers=tuple(sorted(leftovers)),
        versions={name: found.version for name, found in first.items()},
        state=distributions.state,
        files=distributions.files,
        files_state=distributions.files_state,
        extras=distributions.extras,
        modules=distributions.modules,
    )


def _list(path: str, leftovers: set[tuple[str, str]], root: str) -> Iterator[_Found]:
    """Give what lies in one entry of the search path, sorted, `.dist-info` first; note leftovers."""
    try:
        names = sorted(os.listdir(path))
    except NotADirectoryError:
        yield from (_read_now(found, path, root) for found in importlib.metadata.distributions(path=[path]))
        return
    except OSError:
        return
    eggs: list[_Found] = []
    for name in names:
        if name.endswith((".dist-info", ".egg-info")) and not name.isascii() and _undecodable(name):
            label = os.fsencode(name).decode("utf-8", "backslashreplace")
            leftovers.add((label, "has a name that is not UTF-8"))
        elif name.endswith(".dist-info"):
            match = _DIST_INFO.fullmatch(name)
            if name.startswith("~"):
                leftovers.add((name, "was left behind by an installation that pip did not finish"))
            elif match is not None:
                yield _Found(canonicalize_name(match["name"]), f"{path}/{name}", match["version"])
            else:
                read = read_distribution(f"{path}/{name}", "", "")
                if read.fault is None:
                    yield _Found(read.name, f"{path}/{name}", str(read.version))
                else:
                    leftovers.add((name, f"is not called NAME-VERSION.dist-info, and {read.fault}"))
        elif name.endswith(".egg-info") or name == "EGG-INFO":
            found = importlib.metadata.PathDistribution(Path(path, name))
            eggs.append(_read_now(found, f"{path}/{name}", root))
    yield from eggs


def _undecodable(name: str) -> bool:
    """Tell whether a file's name holds bytes that are no text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def _read_now(found: importlib.metadata.Distribution, path: str, root: str) -> _Found:
    read = read_by_importlib(found, path, root=root)
    return _Found(read.name, path, str(read.version or ""), read)


class Distributions(Mapping[str, Distribution]):
    """The distributions by name; each is read when it is first asked for."""

    def __init__(self, found: Mapping[str, _Found], root: str = "") -> None:
        self._found = found
        self._root = root
        self._read: dict[str, Distribution] = {}
        self._records: Records | None = None

    def __getitem__(self, name: str) -> Distribution:
        if name not in self._read:
            found = self._found[name]
            self._read[name] = found.read or read_distribution(found.path, found.name, found.version)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._found))

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def state(self) -> str | None:
        """Digest names, sizes and times of all that a check of the whole environment reads.

        A change of a file changes its inode's time (`ctime`), which no program sets back. None where a file changed a
        moment ago, since it could change again within the same tick of the clock, or where `importlib.metadata` read.
        """
        digest = hashlib.sha256()
        newest = 0.0
        for name in sorted(self._found):
            found = self._found[name]
            if found.read is not None:
                return None
            for file in ("METADATA", "WHEEL"):
                try:
                    status = os.stat(f"{found.path}/{file}")
                except OSError:
                    digest.update(f"{found.path}/{file} is missing\n".encode(errors="surrogateescape"))
                    continue
                newest = max(newest, status.st_ctime)
                stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
                digest.update(f"{found.path}/{file} {stamp}\n".encode(errors="surrogateescape"))
        return digest.hexdigest() if newest < time.time() - SETTLED else None

    def files(self, full: bool) -> tuple[Recorded, ...]:  # noqa: FBT001  # The field that it becomes names no arguments.
        """Compare the files of every distribution with its RECORD, by name."""
        return self._recorded().compare(full=full)

    def files_state(self) -> str | None:
        """Digest all that comparing the files depends on, or None where that cannot be promised."""
        return self._recorded().state()

    def extras(self, name: str) -> frozenset[str]:
        """Give the canonical names of the extras that a distribution declares."""
        from pytest_envrepro.envs.provided import extras  # noqa: PLC0415  # Is needed for integrations alone.

        return extras(self._found[name].path)

    def modules(self, name: str) -> tuple[str, ...]:
        """Give the names that a distribution is imported by."""
        from pytest_envrepro.envs.provided import modules  # noqa: PLC0415  # Is needed for integrations alone.

        return modules(self._found[name].path)

    def _recorded(self) -> Records:
        if self._records is None:
            from pytest_envrepro.envs.records import Records  # noqa: PLC0415  # Is needed where the table asks alone.

            self._records = Records(((name, self._found[name].path) for name in self), root=self._root)
        return self._records
