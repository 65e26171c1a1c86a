"""Takes the packages out of a `uv.lock`: what each is, where it comes from, and what it needs (uv 0.13, schema 1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.errors import LockError
from pytest_envrepro.requirement import NAME, parse_marker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.locks.opening import Opened

KINDS = ("registry", "git", "url", "path", "directory", "editable", "virtual")
FOLDERS = ("directory", "editable", "virtual")
_IS_NAME = re.compile(rf"(?=.{{1,640}}\Z){NAME}")
_IS_VERSION = re.compile(r"[\w.!+-]{1,640}")
# uv tells by an extra that no package has what is installed of the project, where two parts of it exclude each other:
# `extra-4-demo-cpu` is the extra `cpu` of `demo`, whose name has 4 letters.
_CHOICE = re.compile(r"""extra\s*(==|!=)\s*['"](extra|group|project)-(\d+)-([^'"]*)['"]""")
_WORD = r"[!#-\[\]-~]*"
_FILE = re.compile(
    rf'^    \{{ url = "{_WORD}"(?:, hash = "({_WORD})")?(?:, size = [1-9][0-9]{{0,17}})?(?:, upload-time = "{_WORD}")? \}},$',
    re.MULTILINE,
)
_ALWAYS = "python_version >= '0'"


class Package(NamedTuple):
    """One package of the lock.

    Attributes:
        name: canonical.
        version: None where only a build tells it.
        kind: what its source is, one of `KINDS`.
        place: a URL or a path, as written.
        line: that of its table.
        data: its table.
        markers: of the forks of the resolution that it is for; empty for all.
        needs: what it needs itself.
        optional: what it needs besides for each of its extras.
        grouped: what it asks for in each of its dependency groups.
        hashes: those of its files.
        is_hashed: whether each of these has one.
    """

    name: str
    version: Version | None
    kind: str
    place: str
    subdirectory: str
    line: int | None
    data: Mapping[str, Any]
    markers: tuple[str, ...]
    needs: tuple[Edge, ...]
    optional: Mapping[str, tuple[Edge, ...]]
    grouped: Mapping[str, tuple[Edge, ...]]
    hashes: tuple[str, ...]
    is_hashed: bool


class Edge(NamedTuple):
    """What a package needs.

    Attributes:
        name: canonical.
        version: where several packages have that name.
        extras: canonical names.
    """

    name: str
    version: str | None
    extras: tuple[str, ...]
    marker: str | None


def first_of(table: Mapping[str, Any], key: str, other: str) -> str:
    """Give the key that a table has: uv 0.4 wrote another one for some weeks, and all later ones read it."""
    return other if other in table and key not in table else key


def read_files(lines: str) -> list[Any] | None:
    """Read of the files of a package, as uv writes them, their hashes alone, as one value; None for other lines.

    Of such lines is nine tenths of a lock, and the parser's time goes with the values that it has to make.
    """
    hashes = _FILE.findall(lines)
    return [tuple(hashes)] if hashes and len(hashes) == lines.count("\n") else None


def read_packages(opened: Opened) -> list[Package]:
    """Read all packages, in the order of the lock.

    Raises:
        LockError: something has a wrong type or is missing, with the line of the package.
    """
    tables = opened.data.get("package", [])
    if not isinstance(tables, list):
        raise LockError(opened.path, opened.keys.line("package"), "'package' has to be a list of tables")
    lines: list[int | None] = [*opened.lines("[[package]]")]
    if len(lines) != len(tables):
        lines = [None] * len(tables)
    reader = _Reader(opened.path)
    return [reader.package(table, line) for table, line in zip(tables, lines, strict=True)]


class _Reader(NamedTuple):
    """Takes values out of the tables of packages, and raises a `LockError` for one of a wrong type."""

    path: str

    def package(self, table: Any, line: int | None) -> Package:
        """Read one package."""
        if not isinstance(table, dict):
            raise LockError(self.path, line, "a package has to be a table")
        written = self._text(table, "name", line)
        if written is None or _IS_NAME.fullmatch(written) is None:
            raise LockError(self.path, line, "a package has no name" if written is None else f"'{written}' is no name")
        name = canonicalize_name(written)
        source = table.get("source")
        kind = next((kind for kind in KINDS if isinstance(source, dict) and isinstance(source.get(kind), str)), None)
        if kind is None or not isinstance(source, dict):
            raise LockError(self.path, line, f"{name} has no source that is known here ({', '.join(KINDS)})")
        markers = table.get("resolution-markers", [])
        if not isinstance(markers, list):
            raise LockError(self.path, line, f"'resolution-markers' of {name} has to be a list of strings")
        hashes, is_hashed = self._hashes(table, name, line)
        return Package(
            name=name,
            version=self._version(table, name, kind, line),
            kind=kind,
            place=source[kind],
            subdirectory=self._text(source, "subdirectory", line) or "",
            line=line,
            data=table,
            markers=tuple(self._marker(marker, name, line) for marker in markers),
            needs=self._edges(table.get("dependencies", []), name, line),
            optional=self._needs_by(table, "optional-dependencies", name, line),
            grouped=self._needs_by(table, first_of(table, "dev-dependencies", "dependency-groups"), name, line),
            hashes=hashes,
            is_hashed=is_hashed,
        )

    def _version(self, table: Mapping[str, Any], name: str, kind: str, line: int | None) -> Version | None:
        text = self._text(table, "version", line)
        if text is None:
            if kind in FOLDERS:
                return None
            raise LockError(self.path, line, f"{name} has no version")
        try:
            return Version(text)
        except InvalidVersion:
            raise LockError(self.path, line, f"'{text}' is not a version of {name}") from None
        except ValueError:
            raise LockError(self.path, line, f"the version of {name} has a number that is too long") from None

    def _hashes(self, table: Mapping[str, Any], name: str, line: int | None) -> tuple[tuple[str, ...], bool]:
        wheels = table.get("wheels", [])
        if not isinstance(wheels, list):
            raise LockError(self.path, line, f"'wheels' of {name} has to be a list of tables")
        files = [*wheels, *([table["sdist"]] if "sdist" in table else [])]
        hashes: list[str | None] = []
        for file in files:
            if isinstance(file, tuple):
                hashes += file
            elif isinstance(file, dict):
                hashes.append(self._text(file, "hash", line))
            else:
                raise LockError(self.path, line, f"a file of {name} has to be a table")
        found = tuple(filter(None, hashes))
        return found, len(found) == len(hashes)

    def _needs_by(
        self, table: Mapping[str, Any], key: str, name: str, line: int | None
    ) -> Mapping[str, tuple[Edge, ...]]:
        found = table.get(key, {})
        if not isinstance(found, dict):
            raise LockError(self.path, line, f"'{key}' of {name} has to be a table")
        return {canonicalize_name(part): self._edges(items, name, line) for part, items in found.items()}

    def _edges(self, items: Any, name: str, line: int | None) -> tuple[Edge, ...]:
        if not isinstance(items, list):
            raise LockError(self.path, line, f"the dependencies of {name} have to be a list of tables")
        return tuple(self._edge(item, name, line) for item in items)

    def _edge(self, item: Any, owner: str, line: int | None) -> Edge:
        name = self._text(item, "name", line) if isinstance(item, dict) else None
        if name is None or _IS_NAME.fullmatch(name) is None:
            raise LockError(self.path, line, f"a dependency of {owner} has no name")
        extras = item.get("extra", [])
        if not isinstance(extras, list) or not all(
            isinstance(each, str) and _IS_NAME.fullmatch(each) for each in extras
        ):
            raise LockError(self.path, line, f"'extra' of a dependency of {owner} has to be a list of names")
        version, marker = self._text(item, "version", line), item.get("marker")
        if version is not None and _IS_VERSION.fullmatch(version) is None:
            raise LockError(self.path, line, f"'{version}' is not a version of {name}, which {owner} needs")
        return Edge(
            name=canonicalize_name(name),
            version=version,
            extras=tuple(map(canonicalize_name, extras)),
            marker=None if marker is None else self._marker(marker, owner, line),
        )

    def _marker(self, text: Any, name: str, line: int | None) -> str:
        try:
            if not isinstance(text, str):
                raise ValueError("it has to be a string")  # noqa: TRY301, TRY004  # One more fault of the marker.
            parse_marker(text)
        except ValueError as error:
            message = f"a marker of {name} is not valid: {str(error).splitlines()[0]}"
            raise LockError(self.path, line, message) from None
        return text

    def _text(self, table: Mapping[str, Any], key: str, line: int | None) -> str | None:
        found = table.get(key)
        if found is not None and not isinstance(found, str):
            raise LockError(self.path, line, f"'{key}' has to be a string, not {type(found).__name__}")
        return found


def split_git(place: str) -> tuple[str, str, str, str]:
    """Split the place of a checkout (`https://host/a?branch=main&subdirectory=b#COMMIT`).

    Returns:
        The URL, what was asked for (a branch, a tag or a revision), the folder in the checkout, and the commit.
    """
    rest, _, commit = place.partition("#")
    url, _, query = rest.partition("?")
    told = parse_qs(query)
    asked = next((told[key][0] for key in ("rev", "tag", "branch") if key in told), "")
    return url, asked, told.get("subdirectory", [""])[0], commit


def choices(marker: str, project: str | None) -> str:
    """Write the choices in a marker as `Pin.requires` has them: `extra == ':[cpu]'`, `extra != ':dev'`.

    Args:
        project: the one that is installed where nobody says which; of any other, the name goes before the part.
    """
    return _CHOICE.sub(lambda found: f"extra {found[1]} ':{_part(found, project)}'", marker)


def _part(found: re.Match[str], project: str | None) -> str:
    length = int(found[3]) if len(found[3]) < len("1000") else 0
    owner, name = found[4][:length], found[4][length + 1 :]
    part = {"extra": f"[{name}]", "group": name, "project": ""}[found[2]]
    return part if owner == project else f"{owner}/{part}"


def without_choices(markers: tuple[str, ...]) -> str | None:
    """Give the marker that holds wherever one of some does, whatever is chosen of the project."""
    return " or ".join(f"({_CHOICE.sub(_ALWAYS, marker)})" for marker in markers) or None
