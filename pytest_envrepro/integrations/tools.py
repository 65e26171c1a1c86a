"""Judges programs: whether they are on PATH, and the version that they tell of themselves."""

from __future__ import annotations

import re
import shutil
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import VERSION_PATTERN, Version

from pytest_envrepro.integrations.base import Need
from pytest_envrepro.integrations.variables import for_programs
from pytest_envrepro.process import NotStartedError, TimedOutError, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TOOL = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.+-]*)\s*(?P<versions>[<>=!~].*)?")
_TIMEOUT = 10.0  # Seconds: the first start of a large program from a cold disk.
_LIMIT = 65536  # Bytes of each stream: what writes on and on is ended.
_MOST = 4096  # Characters of what it prints: a version stands at the beginning.
_LONGEST = 60  # Characters of a version.


class Tool(NamedTuple):
    """A program that is needed.

    Attributes:
        name: as it is typed.
        specifier: the versions admitted; None where any will do, and nothing has to be started.
    """

    name: str
    specifier: SpecifierSet | None = None

    def __str__(self) -> str:
        """Write it as in the table, without spaces."""
        return f"{self.name}{self.specifier or ''}"


def parse_tool(text: str) -> Tool:
    """Parse `pg_ctl` or `pg_ctl>=15`.

    Raises:
        ValueError: it is neither.
    """
    match = _TOOL.fullmatch(text.strip())
    wrong = f"'{text}' is not a program with an optional version, such as pg_ctl>=15"
    if match is None:
        raise ValueError(wrong)
    versions = match["versions"]
    try:
        return Tool(match["name"], SpecifierSet(versions) if versions else None)
    except ValueError as error:
        raise ValueError(wrong) from error


class Tools:
    """The programs of one machine; each is asked for its version once.

    Args:
        environ: the environment variables; PATH is among them.
        folder: where programs are started.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self._versions: dict[str, tuple[Version | None, str]] = {}

    def need(self, tool: Tool) -> Need:
        """Judge one program."""
        path = shutil.which(tool.name, path=self._environ.get("PATH", ""))
        if path is None:
            return Need(str(tool), None, met=False, why="is not on PATH")
        if tool.specifier is None:
            return Need(str(tool), path, met=True, why="is on PATH")
        if path not in self._versions:
            self._versions[path] = self._ask(path, tool.name)
        version, why_not = self._versions[path]
        if version is None:
            return Need(str(tool), path, met=False, why=why_not)
        met = tool.specifier.contains(version, prereleases=True)
        return Need(str(tool), str(version), met=met, why=f"{version} is on PATH")

    def _ask(self, path: str, name: str) -> tuple[Version | None, str]:
        """Give the first version (PEP 440) that a program prints, or why there is none."""
        try:
            done = run(
                [path, "--version"],
                cwd=self._folder,
                environ=for_programs(self._environ),
                timeout=_TIMEOUT,
                limit=_LIMIT,
            )
        except NotStartedError as error:
            return None, str(error)
        except TimedOutError as error:
            return None, f"`{name} --version` {error}"
        for text in (done.stdout, done.stderr):
            version = first_version(text)
            if version is not None:
                return version, ""
        return None, f"`{name} --version` prints no version"


@lru_cache(maxsize=1)
def _version() -> re.Pattern[str]:
    """Give the pattern of a version that is a word of its own; of one with letters behind (`1.1.1w`), the numbers count.

    It takes a millisecond to compile, which few sessions need.
    """
    return re.compile(
        rf"(?<![A-Za-z0-9_.])(?:(?:{VERSION_PATTERN})(?![A-Za-z0-9_]|\.[0-9])|v?[0-9]+(?:\.[0-9]+)+)",
        re.VERBOSE | re.IGNORECASE,
    )


def first_version(text: str) -> Version | None:
    """Find the first version (PEP 440) in what a program prints."""
    for match in _version().finditer(text[:_MOST]):
        written = match[0]
        if len(written) <= _LONGEST:
            return Version(written)
    return None
