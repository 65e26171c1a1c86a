"""The packages of a `pdm.lock`: those of one name and version, with extras and without, are one pin."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.archives import hashes_of
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.pdm_project import beside_project
from pytest_envrepro.model import Pin
from pytest_envrepro.requirement import NAME, Requirement, parse, parse_marker_or_raise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.outcome import Finding

_NAME = re.compile(NAME)
_SYSTEMS = ("git", "hg", "svn", "bzr")
_PLACE = re.compile(r"(?:-e\s|[./~]|file:)")


class Entry(NamedTuple):
    """One package of the lock: a package, or what it needs besides for some extras.

    Attributes:
        name: canonical.
        version: None where it comes from no index.
        url: where it comes from then.
        line: that of its table.
        extras: canonical names; none of the package itself.
        groups: as the lock has them.
        needs: what it needs, as metadata writes it.
    """

    name: str
    version: Version | None
    url: str | None
    line: int
    extras: frozenset[str]
    groups: tuple[str, ...]
    marker: str | None
    needs: tuple[str, ...]
    hashes: tuple[str, ...]
    is_editable: bool


class Reader(NamedTuple):
    """Reads the packages of one lock.

    Attributes:
        path: the lock.
        files: of the schemas before 4.3, the files of all packages, by name and version.
        part_of: gives the part of the project that a group stands for.
    """

    path: str
    files: Mapping[str, Any]
    part_of: Callable[[str], str]

    def pins(
        self, tables: Iterable[tuple[Any, int]], is_own: Callable[[str, str | None], bool]
    ) -> tuple[list[Pin], list[Finding]]:
        """Give the pins, and what is wrong with single packages, at the lines that they begin on.

        Args:
            tables: the packages, each with its line.
            is_own: tells, by a name and a place, whether a package is one of the projects themselves.
        """
        faults: list[Finding] = []
        entries: list[Entry] = []
        for table, line in tables:
            try:
                entry = self._entry(table, line)
            except LockError as error:
                faults.append(unreadable((error.file, error.line), error.message))
            except ValueError as error:
                faults.append(unreadable((self.path, line), redact(str(error))))
            else:
                if not is_own(entry.name, entry.url):
                    entries.append(entry)
        with_extras: dict[tuple[str, Version | None, str | None], list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.extras:
                with_extras[entry[:3]].append(entry)
        return [self._pin(entry, with_extras[entry[:3]]) for entry in entries if not entry.extras], faults

    def _pin(self, entry: Entry, with_extras: Iterable[Entry]) -> Pin:
        written = "" if entry.url else f"=={entry.version}"
        requirement = Requirement(
            name=entry.name, specifier=SpecifierSet(written), written=written, url=entry.url, marker=entry.marker
        )
        return Pin(
            requirement=requirement,
            version=entry.version,
            hashes=entry.hashes,
            file=self.path,
            line=entry.line,
            editable=entry.is_editable,
            requires=(*entry.needs, *_of_extras(entry, with_extras)),
            parts=frozenset(map(self.part_of, entry.groups)),
        )

    def _entry(self, table: Any, line: int) -> Entry:
        if not isinstance(table, dict):
            raise ValueError(f"a package has to be a table, not {type(table).__name__}")  # noqa: TRY004  # The user's file.
        named = table.get("name")
        if not isinstance(named, str) or _NAME.fullmatch(named) is None:
            raise ValueError("a package has no name" if named is None else f"'{named}' is no name of a package")
        fields = _Fields(table, f"the package '{named}'")
        url = fields.place()
        written, marker = fields.text("version"), fields.text("marker")
        if written is None and url is None:
            raise ValueError(f"the package '{named}' has no version")
        if marker is not None:
            parse_marker_or_raise(marker)
        try:
            version = Version(written) if written is not None else None
        except InvalidVersion:
            raise ValueError(f"'{written}' is not a version of the package '{named}'") from None
        files = table.get("files", self.files.get(f"{named} {written}", []))
        if not isinstance(files, list) or not all(isinstance(each, (dict, tuple)) for each in files):
            raise ValueError(f"'files' of the package '{named}' has to be a list of tables")
        return Entry(
            name=canonicalize_name(named),
            version=None if url else version,
            url=url,
            line=line,
            extras=frozenset(map(canonicalize_name, fields.texts("extras"))),
            groups=fields.texts("groups"),
            marker=marker,
            needs=tuple(filter(None, map(fields.need, fields.texts("dependencies")))),
            hashes=hashes_of(files, version) if version is not None else (),
            is_editable=table.get("editable") is True,
        )


class _Fields(NamedTuple):
    """Takes values out of the table of one package; one of a wrong type is a `ValueError`."""

    table: Mapping[str, Any]
    whose: str

    def text(self, key: str) -> str | None:
        """Give a string, or None where there is none."""
        found = self.table.get(key)
        if found is not None and not isinstance(found, str):
            raise ValueError(f"'{key}' of {self.whose} has to be a string, not {type(found).__name__}")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Give the strings of a list."""
        found = self.table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise ValueError(f"'{key}' of {self.whose} has to be a list of strings")
        return tuple(found)

    def place(self) -> str | None:
        """Give where a package comes from that is from no index; of a checkout, with its commit."""
        folder = self.text("subdirectory")
        within = f"#subdirectory={folder}" if folder else ""
        for system in _SYSTEMS:
            repository = self.text(system)
            if repository is not None:
                revision = self.text("revision") or self.text("ref")
                return f"{system}+{repository}" + (f"@{revision}" if revision else "") + within
        path, url = self.text("path"), self.text("url")
        if path is not None:
            return f"{path}/{folder}" if folder else path
        return beside_project(url) + ("" if "#" in url else within) if url is not None else None

    def need(self, text: str) -> str | None:
        """Give what a package needs, checked; None where that is a place without a name, which nothing can follow."""
        try:
            parse(text)
        except ValueError as error:
            if _PLACE.match(text):
                return None
            raise ValueError(f"'{text}', which {self.whose} needs, is not a requirement: {error}") from error
        return text


def _of_extras(entry: Entry, with_extras: Iterable[Entry]) -> Iterator[str]:
    """Give what a package needs for its extras, as metadata would, but for itself.

    What two extras need together stands in an entry of both. It is for either of them, but for what one has in its own.
    """
    told: set[tuple[str, str]] = set()
    for each in sorted(with_extras, key=lambda other: (len(other.extras), other.line)):
        for text in each.needs:
            needed = parse(text)
            is_itself = needed.name == entry.name
            if is_itself and (entry.version is None or needed.admits(entry.version)):
                continue
            if any((extra, text) in told for extra in each.extras):
                continue
            told.update((extra, text) for extra in each.extras)
            marker = " or ".join(f'extra == "{extra}"' for extra in sorted(each.extras))
            if needed.marker:
                marker = (
                    f"({needed.marker}) and ({marker})" if len(each.extras) > 1 else f"({needed.marker}) and {marker}"
                )
            head = text.partition(";")[0].rstrip() if needed.url is None else str(needed)
            yield f"{head} ; {marker}"
