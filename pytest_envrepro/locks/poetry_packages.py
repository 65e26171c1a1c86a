"""One package of a `poetry.lock`: the pin that it is."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.archives import hashes_of
from pytest_envrepro.locks.poetry_entries import git_url
from pytest_envrepro.locks.poetry_words import checked, read_marker, to_text
from pytest_envrepro.model import MAIN, Pin
from pytest_envrepro.requirement import Requirement, parse_marker_or_raise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MAIN_GROUP = "main"
_EXTRA = re.compile(r"""\bextra\s*[=!]=\s*("[^"]*"|'[^']*')""")
_PEP508_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*(?:\(([^)]*)\))?\s*(?:;\s*(.*))?")


def extras_asked_for(packages: Iterable[Any]) -> dict[str, frozenset[str]]:
    """Give for each package the extras that others ask of it; what is no package asks for nothing."""
    found: dict[str, frozenset[str]] = defaultdict(frozenset)
    for package in packages:
        dependencies = package.get("dependencies") if isinstance(package, dict) else None
        for name, value in dependencies.items() if isinstance(dependencies, dict) else ():
            for item in value if isinstance(value, list) else [value]:
                extras = item.get("extras") if isinstance(item, dict) else None
                if isinstance(extras, list):
                    found[canonicalize_name(name)] |= {canonicalize_name(str(extra)) for extra in extras}
    return found


def read_package(
    path: str, line: int, data: Any, *, files: Mapping[str, Any], extras: Mapping[str, frozenset[str]]
) -> Pin:
    """Read a package.

    Args:
        line: the line that it begins on.
        files: of the schema 1.1, the files of all packages, by their names.
        extras: what is asked for of all packages, by their names, where the lists of extras can be told from.

    Raises:
        LockError: a value has a wrong type.
        ValueError: something else is wrong with it.
    """
    return _Package(path, line, data, files).pin(extras)


def string_of(path: str, line: int | None, table: Mapping[str, Any], key: str, whose: str) -> str | None:
    """Give a string, or None where there is none.

    Raises:
        LockError: it is none.
    """
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise LockError(path, line, f"'{key}' of {whose} has to be a string, not {type(value).__name__}")
    return value


class _Package:
    """One package of the lock; what is wrong with it is a `ValueError` or a `LockError`."""

    def __init__(self, path: str, line: int, data: Any, files: Mapping[str, Any]) -> None:
        if not isinstance(data, dict):
            raise ValueError(f"a package has to be a table, not {type(data).__name__}")  # noqa: TRY004  # The user's file.
        self._path = path
        self._line = line
        self._data = data
        self._files = files
        named = string_of(path, line, data, "name", "a package")
        if named is None:
            raise ValueError("a package has no name")
        self.name = checked(named)

    def pin(self, extras: Mapping[str, frozenset[str]]) -> Pin:
        """Give the pin; what it needs for extras that nobody asks for is left out."""
        written = self._string("version")
        if written is None:
            raise ValueError(f"the package '{self.name}' has no version")
        version = Version(written)
        source = self._table(self._data, "source")
        url = self._url(source)
        parts = frozenset(map(_part, self._strings(self._data, "groups")))
        marker, markers = self._markers(parts)
        specifier = "" if url else f"=={version}"
        requirement = Requirement(
            name=self.name, specifier=SpecifierSet(specifier), written=specifier, url=url, marker=marker
        )
        return Pin(
            requirement=requirement,
            version=None if url else version,
            hashes=self._hashes(version),
            file=self._path,
            line=self._line,
            editable=self._data.get("develop") is True and source.get("type") in ("directory", "git"),
            requires=tuple(self._requires(extras.get(self.name, frozenset()))),
            parts=parts,
            markers=markers,
            index=self._string_in(source, "url") if source.get("type") == "legacy" else "",
        )

    def _string(self, key: str) -> str | None:
        return string_of(self._path, self._line, self._data, key, f"the package '{self.name}'")

    def _table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        found = table.get(key, {})
        if not isinstance(found, dict):
            raise ValueError(f"'{key}' of the package '{self.name}' has to be a table, not {type(found).__name__}")  # noqa: TRY004  # The user's file.
        return found

    def _strings(self, table: Mapping[str, Any], key: str) -> list[str]:
        found = table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise ValueError(f"'{key}' of the package '{self.name}' has to be a list of strings")
        return found

    def _markers(self, parts: frozenset[str]) -> tuple[str | None, tuple[tuple[str, str], ...]]:
        """Give the marker without extras, and those of single groups where they differ or name extras of the project."""
        found = self._data.get("markers")
        if found is None:
            return None, ()
        if isinstance(found, str):
            only: str = read_marker(found)
            own = dict.fromkeys(parts, only)
            if "extra" not in only or not parts:
                parse_marker_or_raise(only)
                return only, ()
        else:
            table = self._table(self._data, "markers")
            own = {_part(group): read_marker(marker) for group, marker in table.items()}
        plain = [None if parts - own.keys() else "", *map(self._without_extras, own.values())]
        every = None if None in plain else " or ".join(f"({each})" for each in dict.fromkeys(plain) if each)
        return every or None, tuple(sorted(own.items()))

    def _without_extras(self, marker: Any) -> str | None:
        """Give a marker that holds wherever another may, whatever extras are installed."""
        if not isinstance(marker, str):
            raise ValueError(f"'markers' of the package '{self.name}' has to hold strings")  # noqa: TRY004  # The user's file.
        parse_marker_or_raise(marker)
        if not re.sub(r"\b(?:and|or)\b|[()\s]", "", _EXTRA.sub("", marker)):
            return None
        return _EXTRA.sub('python_version >= "0"', marker)

    def _url(self, source: Mapping[str, Any]) -> str | None:
        """Give the place of what comes from no index; of a checkout, with its commit."""
        kind = source.get("type")
        if kind in (None, "legacy"):
            return None
        url, commit, reference, folder = (
            string_of(self._path, self._line, source, key, f"the source of '{self.name}'")
            for key in ("url", "resolved_reference", "reference", "subdirectory")
        )
        if not url:
            raise ValueError(f"the source of the package '{self.name}' has no url")
        if kind == "git":
            return git_url(url, commit or reference, folder)
        return f"{url}#subdirectory={folder}" if folder and kind == "url" else url

    def _string_in(self, source: Mapping[str, Any], key: str) -> str:
        return string_of(self._path, self._line, source, key, f"the source of '{self.name}'") or ""

    def _hashes(self, version: Version) -> tuple[str, ...]:
        """Give the hashes of the files of this version: who changes a version by hand leaves those of another."""
        files = self._data.get("files", self._files.get(self.name, []))
        if not isinstance(files, list) or not all(isinstance(each, (dict, tuple)) for each in files):
            raise ValueError(f"'files' of the package '{self.name}' has to be a list of tables")
        return hashes_of(files, version)

    def _requires(self, asked: frozenset[str]) -> Iterator[str]:
        """Give what it needs, by its table of dependencies; of an extra that has none there, by the list of that extra."""
        told: set[str] = set()
        for name, value in self._table(self._data, "dependencies").items():
            for item in value if isinstance(value, list) else [value]:
                entry = item if isinstance(item, dict) else {"version": item}
                version, marker = (
                    string_of(self._path, self._line, entry, key, f"'{name}', which '{self.name}' needs")
                    for key in ("version", "markers")
                )
                told.update(canonicalize_name(found[1:-1]) for found in _EXTRA.findall(marker or ""))
                listed = self._strings(entry, "extras")
                yield to_text(name, version or "*", extras=listed, marker=read_marker(marker))
        extras = self._table(self._data, "extras")
        for extra in extras if asked else ():
            if canonicalize_name(extra) in asked - told:
                for text in self._strings(extras, extra):
                    yield from _of_extra(text, extra)


def _of_extra(text: str, extra: str) -> Iterator[str]:
    """Give what stands in the list of an extra, as metadata would; what cannot be read there is nothing that is needed."""
    found = _PEP508_NAME.fullmatch(text)
    if found is not None:
        name, extras, constraint, marker = found.groups()
        condition = f'extra == "{extra}"'
        try:
            listed = [each.strip() for each in (extras or "").split(",") if each.strip()]
            yield to_text(
                name, constraint or "*", extras=listed, marker=f"({marker}) and {condition}" if marker else condition
            )
        except ValueError:
            return


def _part(group: str) -> str:
    name = canonicalize_name(group)
    return MAIN if name == _MAIN_GROUP else name
