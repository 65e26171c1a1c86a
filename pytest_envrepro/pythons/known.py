"""The interpreters of this machine: where they may be, which of them work, and why the others do not."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from packaging.version import Version

from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.errors import InterpreterNotFound
from pytest_envrepro.pythons.machine import Candidate, Machine
from pytest_envrepro.pythons.probing import probe
from pytest_envrepro.pythons.pyenv import installation
from pytest_envrepro.pythons.questions import OLDEST
from pytest_envrepro.pythonspecs import Spec, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.interpreter import Python

_KEPT = 256  # Interpreters, and lists of them, that are remembered.
_TOO_OLD = "environments are made with 3.8 and later"


class Known:
    """The interpreters that are known.

    Args:
        cache: the user's cache folder, where it is remembered what interpreters said; None to ask them each time.

    Attributes:
        pyenv: the user's pyenv, or None.
        machine: all that is not pyenv's.
    """

    def __init__(self, environ: Mapping[str, str], cache: Path | None) -> None:
        self._environ = environ
        self._memory = VerdictCache(cache, room="interpreters", kept=_KEPT)
        self.pyenv = installation(environ)
        left_out = [self.pyenv.root] if self.pyenv else []
        self.machine = Machine(environ, cache, self._memory, left_out=left_out)
        self._failed: dict[str, str] = {}
        self._too_old: dict[str, str] = {}

    def probe(self, candidate: Candidate) -> Python:
        """Ask a candidate what it is.

        Raises:
            InterpreterNotFound: it does not work, is too old, or is not of the version that its name claims.
        """
        claimed = parse(candidate.claim) if candidate.claim else None
        if claimed and claimed.version and _is_too_old(claimed.version):
            raise InterpreterNotFound(f"{candidate.path} is Python {candidate.claim}: {_TOO_OLD}")
        python = probe(candidate.path, self._environ, self._memory)
        if claimed and not claimed.fits_version(Version(python.interpreter.version)):
            raise InterpreterNotFound(f"{candidate.path} says that it is Python {python.interpreter.version}")
        return python.found_as(candidate.origin)

    def working(self, candidate: Candidate) -> Python | None:
        """Give the interpreter of a candidate, or None where it does not work; `report` tells why."""
        if candidate.path in self._failed:
            return None
        try:
            return self.probe(candidate)
        except InterpreterNotFound as error:
            self._failed[candidate.path] = str(error)
            if _TOO_OLD in str(error):
                self._too_old[candidate.path] = str(error)
            return None

    def too_old(self, version: Version) -> str | None:
        """Say of one that was looked at, and would be of this version, that it is too old; None where there is none."""
        words = re.compile(rf" is Python {re.escape(str(version))}(?!\d)")
        return next((text for text in self._too_old.values() if words.search(text)), None)

    def of_pyenv(self, folder: str) -> Candidate:
        """Give the interpreter of one of pyenv's versions, or of its virtualenvs."""
        name = os.path.basename(folder)
        claim = name if name[0].isdigit() and parse(name) and not _is_virtualenv(folder) else None
        return Candidate(os.path.join(folder, *_PYTHON), f"pyenv {name}", claim)

    def likely(self, *, anew: bool = False) -> Iterator[Candidate]:
        """Give the versions of pyenv, also those that are not active; then all that work elsewhere.

        Args:
            anew: do not believe what is remembered of elsewhere.
        """
        for name in self.pyenv.installed() if self.pyenv else ():
            folder = self.pyenv.folder(name) if self.pyenv else None
            if folder is not None and not _is_virtualenv(folder):
                yield self.of_pyenv(folder)
        yield from self.machine.listed(anew=anew)

    def found(self) -> tuple[Python, ...]:
        """Give all that work, each once, by implementation, version and path."""
        pythons: dict[str, Python] = {}
        for candidate in (host(), *self.likely(), *self.machine.on_path()):
            if (python := self.working(candidate)) is not None:
                pythons.setdefault(python.executable, python)
        return tuple(sorted(pythons.values(), key=_by_version))

    def report(self, besides: str) -> list[str]:
        """Tell all that work, and why others do not, in lines.

        Args:
            besides: what is told already.
        """
        rows = [(_version(each), each.origin, each.executable) for each in self.found()]
        widths = [max((len(row[index]) for row in rows), default=0) for index in range(2)]
        lines = ["there are:"] if rows else ["there is none that works"]
        lines += [f"  {row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in rows]
        failed = sorted({*self._failed.values(), *filter(None, [self.machine.unlisted])} - {besides})
        return [*lines, *(["these are not used:"] if failed else []), *(f"  {each}" for each in failed)]


_PYTHON = ("python.exe",) if os.name == "nt" else ("bin", "python")


def host() -> Candidate:
    """Give the base of what runs this: a virtualenv that has a copy of it, not a link to it, would be asked each time."""
    own = os.path.realpath(sys.executable)
    is_copy = sys.prefix != sys.base_prefix and own.startswith(os.path.join(os.path.realpath(sys.prefix), ""))
    return Candidate((is_copy and getattr(sys, "_base_executable", None)) or own, "the Python that runs pytest")


def may_fit(candidate: Candidate, spec: Spec) -> bool:
    """Tell whether a name leaves it open: `python3.9` need not be asked where 3.12 is wanted."""
    claimed = parse(candidate.claim) if candidate.claim else None
    if claimed is None or claimed.version is None:
        return True
    few = claimed.version.release
    if len(few) > 2:  # noqa: PLR2004  # All of a version.
        return spec.fits_version(claimed.version)
    return spec.version is None or all(one == other for one, other in zip(few, spec.version.release, strict=False))


def best(pythons: Iterable[Python], pinned: tuple[Spec, ...]) -> Python | None:
    """Give the best of some interpreters, the first of several that are as good; None of none.

    Args:
        pinned: those that are preferred, the first one most.
    """

    def goodness(python: Python) -> tuple[int, bool, Version, Version, bool]:
        rank = next((len(pinned) - index for index, spec in enumerate(pinned) if spec.fits(python)), 0)
        version = Version(python.interpreter.version)
        own = Version(python.interpreter.environment["implementation_version"])
        return rank, not version.is_prerelease, version, own, not python.is_debug

    return max(pythons, key=goodness, default=None)


def _is_virtualenv(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "pyvenv.cfg"))


def _is_too_old(version: Version) -> bool:
    return len(version.release) > 1 and version.release[:2] < OLDEST


def _by_version(python: Python) -> tuple[str, Version, str]:
    return python.interpreter.implementation, Version(python.interpreter.version), python.executable


def _version(python: Python) -> str:
    implementation = python.interpreter.implementation
    plain = f"{python.interpreter.version}{'t' if python.is_threaded else ''}"
    return plain if implementation == "cpython" else f"{implementation} {plain}"
