"""Compares the files of two environments, and tells what differs and says nothing."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.envs.launchers import are_one_script, digest
from pytest_envrepro.envs.launchers import names as launcher_names
from pytest_envrepro.envs.packages import File
from pytest_envrepro.envs.sources import same_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.envs.elsewhere import Elsewhere
    from pytest_envrepro.envs.packages import Package, Packages

_MOST_NAMED = 3
_CHUNK = 256 * 1024  # Bytes that are read at once.
# What installers write about the installation itself: the two of one lock may differ in it.
_ABOUT = re.compile(r"[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json)")
_BYTECODE = re.compile(r"(?P<folder>(?:.*/)?)__pycache__/(?P<module>[^/]+?)\.[\w-]+(?:\.opt-\d)?\.pyc")


class Side(NamedTuple):
    """One of the two environments.

    Attributes:
        label: for people, as part of a sentence.
        packages: what is installed.
        prefix: its own folder.
        loose: the files that are not listed by any package, by path; None where they cannot be known.
        system: what else there is to say of it, by name.
        variables: those that are declared for its programs, by name: each as it is, and as it may be shown.
        lists: what else there is in it, by what it is and by name: what is not in one of them is not there.
        unknown: what there may be in it too, and cannot be told.
        home: what its own programs call its folder, where that is a copy.
        elsewhere: the files outside its folder, where they are part of it: those of a container.
    """

    label: str
    packages: Packages
    prefix: str = ""
    loose: Mapping[str, str] | None = None
    system: Mapping[str, str] | None = None
    variables: Mapping[str, tuple[str, str]] | None = None
    lists: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    unknown: tuple[str, ...] = ()
    home: str = ""
    elsewhere: Elsewhere | None = None


class FileChange(NamedTuple):
    """A file that is not the same: of which package (None for no package), its path, and how it differs."""

    package: str | None
    path: str
    what: str


class _Noise(NamedTuple):
    """What differs and says nothing: of what kind, and in which package."""

    kind: str
    package: str


class FileComparison:
    """Compares the files of two environments.

    Attributes:
        changes: what differs.
        compared: how many files were compared.
    """

    def __init__(self, left: Side, right: Side, heads: tuple[str, str]) -> None:
        self.left = left
        self.right = right
        self.heads = heads
        self.changes: list[FileChange] = []
        self.compared = 0
        self._noise: list[_Noise] = []

    def compare(self, names: Iterable[str]) -> None:
        """Compare the files of the packages that both have in one version, and of no package."""
        sources: set[str] = set()
        for name in names:
            one, other = self.left.packages.get(name), self.right.packages.get(name)
            if one is not None and other is not None and same_version(one.version, other.version):
                sources |= self._package(one, other)
        if self.left.loose is not None and self.right.loose is not None:
            self._loose(self.left.loose, self.right.loose, sources)

    def worded_noise(self) -> Iterator[str]:
        """Say what differs and does not count."""
        kinds: dict[str, set[str]] = defaultdict(set)
        for kind, package in self._noise:
            kinds[kind].add(package)
        for kind, packages in sorted(kinds.items()):
            few = sorted(packages)[:_MOST_NAMED]
            more = [f"and {len(packages) - len(few)} more"] if len(packages) > len(few) else []
            yield f"{kind} of {', '.join([*few, *more])}"

    def _package(self, one: Package, other: Package) -> set[str]:
        """Compare the files of a package; give the paths of its modules."""
        title = f"{one.name} {one.version}"
        lefts, rights = ({file.path: file for file in each.files} for each in (one, other))
        points = launcher_names([*lefts.values(), *rights.values()])
        for path in sorted(lefts.keys() | rights.keys()):
            left, right = lefts.get(path), rights.get(path)
            about = _ABOUT.fullmatch(path)
            what = self._difference(left, right)
            self.compared += 1
            if what is None:
                continue
            if about:
                self._noise.append(_Noise(about[1], one.name))
            elif left and right and os.path.basename(path) in points and self._is_as_installed(left, right):
                self._noise.append(_Noise("launchers", one.name))
            else:
                self.changes.append(FileChange(title, path, what))
        return {path for path in lefts.keys() | rights.keys() if path.endswith(".py")}

    def _loose(self, lefts: Mapping[str, str], rights: Mapping[str, str], sources: set[str]) -> None:
        for path in sorted(lefts.keys() | rights.keys()):
            bytecode = _BYTECODE.fullmatch(path)
            module = f"{bytecode['folder']}{bytecode['module']}.py" if bytecode else None
            if module and module not in sources:
                continue  # Of a package that differs, or of a module that is loose itself.
            left, right = ((File(path, each[path]) if path in each else None) for each in (lefts, rights))
            what = self._difference(left, right)
            if what is not None and module:
                self._noise.append(_Noise("bytecode", module.split("/")[0].removesuffix(".py")))
            elif what is not None:
                self.changes.append(FileChange(None, path, what))
            self.compared += not module

    def _difference(self, left: File | None, right: File | None) -> str | None:
        """Say how a file differs, or None where it does not."""
        if left is None or right is None:
            return f"only in {self.heads[0] if left else self.heads[1]}"
        one, other = _stat(left.place), _stat(right.place)
        if one is None or other is None:
            missing = [head for head, found in zip(self.heads, (one, other), strict=True) if found is None]
            return None if len(missing) == len(self.heads) else f"missing in {missing[0]}, though its RECORD lists it"
        if os.path.samestat(one, other) or self._is_same((left.place, one), (right.place, other)):
            return None
        if one.st_size == other.st_size:
            return f"another content, of the same {one.st_size:,} bytes"
        sizes = zip((one.st_size, other.st_size), self.heads, strict=True)
        return ", ".join(f"{size:,} bytes in {head}" for size, head in sizes)

    def _is_same(self, left: tuple[str, os.stat_result], right: tuple[str, os.stat_result]) -> bool:
        if left[1].st_mode & right[1].st_mode & stat.S_IXUSR:
            one, other = (side.home or side.prefix for side in (self.left, self.right))
            is_one = are_one_script((left[0], one), (right[0], other))
            if is_one is not None:
                return is_one
        return left[1].st_size == right[1].st_size and _same_content(left[0], right[0])

    def _is_as_installed(self, left: File, right: File) -> bool:
        """Tell whether both files are what their installers wrote, by RECORD."""
        return all(each.hash is not None and digest(each.place) == each.hash for each in (left, right))


def _stat(place: str) -> os.stat_result | None:
    try:
        return os.stat(place)
    except OSError:
        return None


def _same_content(left: str, right: str) -> bool:
    try:
        with open(left, "rb") as one, open(right, "rb") as other:
            while True:
                here = one.read(_CHUNK)
                if here != other.read(_CHUNK):
                    return False
                if not here:
                    return True
    except OSError:
        return False
