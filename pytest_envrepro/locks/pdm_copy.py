"""The copy of its inputs that a lock of pdm 2.29 may keep (`lock_inputs`), compared as `pdm lock --check` does."""

from __future__ import annotations

import hashlib
import re
from datetime import date, time
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import SpecifierSet

from pytest_envrepro.locks.pdm_project import DEFAULT_GROUP
from pytest_envrepro.locks.uv_markers import Space
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.locks.pdm_project import PdmProject
    from pytest_envrepro.model import Root
    from pytest_envrepro.requirement import Requirement

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_OPAQUE = "url-sha256:"
_BUILT = {"dependencies", "optional-dependencies", "requires-python", "version"}  # What a build may tell.


def differences(copy: Any, project: PdmProject, members: Mapping[str, PdmProject], path: str) -> list[str]:
    """Say what of the inputs is not in a lock's copy of them (`pdm.project.lockfile.freshness`, 2.29).

    Versions are no part of the copy: the pins tell whether they hold. Of a URL it has a digest alone, and of a folder
    or an archive what is in it: these are not compared.

    Args:
        copy: `lock_inputs`.
        members: of a workspace, each project by its folder below the root.
        path: the lock.

    Returns:
        What differs.

    Raises:
        ValueError: pdm itself never takes the inputs for unchanged, or they cannot be compared.
    """
    tables = copy if isinstance(copy, dict) else {}
    copies = tables.get("workspace", {})
    if _is_volatile(copy):
        raise ValueError(f"{path} keeps a volatile copy of its inputs, which pdm itself never takes for unchanged")
    for member in members.values():
        dynamic = member.project.get("dynamic")
        if isinstance(dynamic, list) and _BUILT.intersection(map(str, dynamic)):
            raise ValueError(f"a build tells what {member.path} asks for: pdm itself never takes that for unchanged")
    if not isinstance(tables.get("project"), dict) or not isinstance(copies, dict):
        return [f"the copy of the inputs in {path} is not of the form that pdm writes"]
    try:
        return list(_all(tables["project"], copies, project, members, path))
    except (TypeError, AttributeError, ValueError) as error:  # Something in either has a type or a form of its own.
        raise ValueError(f"the copy of the inputs in {path} cannot be compared with {project.path}") from error


def _all(
    copy: Mapping[str, Any],
    copies: Mapping[str, Any],
    project: PdmProject,
    members: Mapping[str, PdmProject],
    path: str,
) -> Iterator[str]:
    yield from _of_project(copy, project, path)
    for folder in sorted(members.keys() | copies.keys()):
        if folder not in copies:
            yield f"{folder} belongs to the workspace, and {path} does not have it"
        elif folder not in members:
            yield f"{folder} no longer belongs to the workspace"
        else:
            table = copies[folder] if isinstance(copies[folder], dict) else {}
            yield from _of_project(table, members[folder], path)
            if table.get("package") != _package(members[folder]):
                yield f"name, version or build of {members[folder].path} are not those of the copy in {path}"


def _is_volatile(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("volatile") is True or any(map(_is_volatile, value.values()))
    return isinstance(value, list) and any(map(_is_volatile, value))


def _of_project(copy: Mapping[str, Any], project: PdmProject, path: str) -> Iterator[str]:
    settings = project.settings
    resolution = {key: value for key, value in settings.get("resolution", {}).items() if key != "lock_inputs"}
    if copy.get("resolution", {}) != _plain(resolution):
        yield f"[tool.pdm.resolution] of {project.path} is not that of the copy in {path}"
    if copy.get("sources", []) != _sources(settings.get("source", [])):
        yield f"[[tool.pdm.source]] of {project.path} is not that of the copy in {path}"
    python, copied_python = (table.get("requires-python", "") for table in (project.project, copy))
    if SpecifierSet(python) != SpecifierSet(copied_python):
        yield f"{project.path} supports Python {python or '*'}, and the copy in {path} has {copied_python or '*'}"
    groups = copy.get("groups", {})
    space = Space(SpecifierSet(python))
    whole: dict[str, list[Root]] = {part: [] for part in project.own}
    for root in project.roots(project.own):
        whole[root.part].append(root)
    copied = {project.part_of(group): texts for group, texts in groups.items()}
    for part in {**project.own, **copied}:
        lists = _Lists(project.path, part.strip("[]") or DEFAULT_GROUP, space)
        yield from lists.differences(project.own.get(part, ()), whole.get(part, ()), copied.get(part, ()))


class _Lists(NamedTuple):
    """The requirements of one group, and the copy of them.

    Attributes:
        file: the input.
        space: the environments that the project is for.
    """

    file: str
    group: str
    space: Space

    def differences(self, own: Iterable[Root], whole: Iterable[Root], texts: Iterable[str]) -> Iterator[str]:
        """Give what is not in both: of the group itself in the copy, of the copy in the group with what it includes."""
        copies = [parse(text) for text in texts if not text.startswith(_OPAQUE)]
        among = "" if self.group == DEFAULT_GROUP else f" in {self.group}"
        copied = _by_name(copies)
        asked_for = _by_name(root.requirement for root in whole)
        for root in own:
            asked = root.requirement
            if asked.url is None and not self._has(copied, asked):
                yield f"{root.file}:{root.line} asks for {_shown(asked)}{among}, and the copy in the lock does not"
        for copy in copies:
            if not self._has(asked_for, copy):
                yield f"{self.file} no longer asks for {_shown(copy)}{among}"

    def _has(self, known: Mapping[str | None, Iterable[Requirement]], one: Requirement) -> bool:
        return any(
            one.extras == other.extras and self.space.equal(one.marker, other.marker)
            for other in known.get(one.name, ())
        )


def _by_name(requirements: Iterable[Requirement]) -> Mapping[str | None, Iterable[Requirement]]:
    found: dict[str | None, list[Requirement]] = {}
    for each in requirements:
        found.setdefault(each.name, []).append(each)
    return found


def _shown(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}" + (f" ; {requirement.marker}" if requirement.marker else "")


def _package(member: PdmProject) -> dict[str, Any]:
    project = member.project
    return {
        "build-system": _plain(member.data.get("build-system", {})),
        "distribution": member.is_distribution,
        "dynamic": sorted(project.get("dynamic", [])),
        "name": project.get("name", ""),
        "version": project.get("version", ""),
    }


def _sources(sources: Any) -> list[Any]:
    found = []
    for source in sources:
        item = {key: value for key, value in source.items() if key not in ("username", "password")}
        for key in ("include_packages", "exclude_packages"):
            if key in item:
                item[key] = sorted(item[key])
        found.append({**_plain(item), **({"url": _digest(str(item["url"]))} if item.get("url") else {})})
    return found


def _plain(value: Any) -> Any:
    """Write a value as the copy has it: URLs as digests, since they may hold credentials."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (date, time)):
        return value.isoformat()
    return _digest(value) if isinstance(value, str) and _URL.search(value) else value


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
