"""Tells where a project's requirements are to come from, by `[tool.uv.sources]` and by URLs in requirements."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from packaging.utils import canonicalize_name

from pytest_envrepro.locks.paths import beside
from pytest_envrepro.places import normal, split_revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.requirement import Requirement

_REVISIONS = ("rev", "tag", "branch")


class Origin(NamedTuple):
    """Where a requirement is to come from, if not from an index that is asked for everything.

    Attributes:
        kind: `local`, `git`, `url` or `index`.
        place: a path relative to the root, or a URL; of an index its name and its URL.
        further: what else tells two apart: the revision and the folder in a checkout.
        editable: whether it is to be; None where nobody says.
        url: as a requirement has it; empty of an index.
        is_shared: whether it is another project of the workspace, by `{ workspace = true }`.
    """

    kind: str
    place: frozenset[str]
    further: tuple[str, ...] = ()
    editable: bool | None = None
    url: str = ""
    is_shared: bool = False

    def agrees(self, other: Origin | None) -> bool:
        """Tell whether two may be the same."""
        if other is None or self.kind != other.kind or self.place.isdisjoint(other.place):
            return False
        told = None not in (self.editable, other.editable)
        return self.further == other.further and not (told and self.editable != other.editable)


class Origins(NamedTuple):
    """The tables of one project.

    Attributes:
        top: the file at the root of the workspace.
        shared: its table `[tool.uv]`.
        file: the project's file.
        own: that table there.
        members: the file of each project of the workspace, by its name.
    """

    top: str
    shared: Mapping[str, Any]
    file: str
    own: Mapping[str, Any]
    members: Mapping[str, str]

    def of(
        self, requirement: Requirement, group: str | None, extra: str | None
    ) -> Iterator[tuple[Origin | None, str | None]]:
        """Give the origins of a requirement, each with its marker; those of the project go before all.

        Args:
            group: the dependency group that it is of, or None.
            extra: the extra that it is of, or None.
        """
        if requirement.url is not None:
            yield of_url(requirement.url), None
            return
        for table, file in ((self.own, self.file), (self.shared, self.top)):
            named = {str(canonicalize_name(name)): value for name, value in at(table, "sources").items()}
            found = named.get(requirement.name or "")
            if found is None:
                continue
            for item in found if isinstance(found, list) else [found]:
                if not isinstance(item, dict):
                    continue
                others = (("group", group), ("extra", extra))
                if all(key not in item or canonicalize_name(str(item[key])) == own for key, own in others):
                    yield self._origin(requirement, item, file), item.get("marker")
            return

    def _origin(self, requirement: Requirement, item: Mapping[str, Any], file: str) -> Origin | None:
        texts = {key: value for key, value in item.items() if isinstance(value, str)}
        if item.get("workspace") is True:
            member = self.members.get(requirement.name or "")
            place = posixpath.dirname(member) or "." if member else ""
            return Origin("local", frozenset({place}), url=place, is_shared=True) if member else None
        if "path" in texts:
            place = beside(file, texts["path"])
            return Origin("local", frozenset({place}), (), item.get("editable") is True, place)
        folder = texts.get("subdirectory", "")
        if "git" in texts:
            revision = next((texts[key] for key in _REVISIONS if key in texts), "")
            url = f"git+{texts['git']}" + (f"@{revision}" if revision else "")
            further = (revision, folder)
            return Origin("git", frozenset({normal(texts["git"])}), further, None, _in_folder(url, folder))
        if "url" in texts:
            return Origin("url", frozenset({normal(texts["url"])}), (), None, _in_folder(texts["url"], folder))
        if "index" in texts:
            tables = [*_tables(self.own, "index"), *_tables(self.shared, "index")]
            urls = [str(each.get("url", "")) for each in tables if each.get("name") == texts["index"]]
            return Origin("index", frozenset({texts["index"], *(normal(url) for url in urls)}))
        return None


def of_url(url: str) -> Origin:
    """Give the origin of a requirement that names a URL itself."""
    place, revision = split_revision(url)
    if place.startswith("git+"):
        folder = parse_qs(url.partition("#")[2]).get("subdirectory", [""])[0]
        return Origin("git", frozenset({normal(place.removeprefix("git+"))}), (revision, folder))
    is_local = "://" not in place or place.startswith("file:")
    return Origin("local" if is_local else "url", frozenset({normal(place)}))


def _in_folder(url: str, folder: str) -> str:
    return f"{url}#subdirectory={folder}" if folder else url


def at(table: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Give a table within tables; an empty one where there is none."""
    found: Any = table
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _tables(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = table.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def texts_at(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Give the strings of a list; none where there is no list."""
    found = table.get(key)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()
