"""Compares the copy of its inputs that a `uv.lock` keeps with the inputs, as `uv lock --check` does.

The order of requirements, their spelling and what `requires-python` says already make no difference.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.uv_inputs import WORKSPACE, Asked
from pytest_envrepro.locks.uv_markers import releases_around
from pytest_envrepro.locks.uv_origins import Origin
from pytest_envrepro.locks.uv_packages import first_of, split_git
from pytest_envrepro.locks.uv_settings import changed_settings
from pytest_envrepro.places import normal
from pytest_envrepro.provenance import Stamp
from pytest_envrepro.requirement import parse, parse_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.locks.uv_inputs import Member, Told
    from pytest_envrepro.locks.uv_markers import Space
    from pytest_envrepro.locks.uv_packages import Package
    from pytest_envrepro.model import Root
    from pytest_envrepro.requirement import Requirement

_LOCAL = ("path", "directory", "editable", "virtual")
_SHOWN = 3  # Differences, in a message.


class Copy(NamedTuple):
    """A requirement as a lock keeps it: its marker stands beside it."""

    requirement: Requirement
    marker: str | None
    origin: Origin | None


class _Difference(NamedTuple):
    key: str
    cause: str
    line: int | None


def compare(
    opened: Opened, packages: Iterable[Package], members: Mapping[str, Member], told: Told, space: Space
) -> Stamp:
    """Give the copy as a stamp, with what differs from the inputs as its cause.

    Raises:
        LockError: the copy cannot be read.
    """
    found = list(_differences(opened, packages, members, told, space))
    if not found:
        return Stamp("requires-dist", "", frozenset({""}))
    causes = [difference.cause for difference in found]
    more = f", and {len(causes) - _SHOWN} more" if len(causes) > _SHOWN else ""
    return Stamp(found[0].key, "", frozenset(), found[0].line, "; ".join(causes[:_SHOWN]) + more)


def _differences(
    opened: Opened, packages: Iterable[Package], members: Mapping[str, Member], told: Told, space: Space
) -> Iterator[_Difference]:
    manifest = opened.keys.table(opened.data, "manifest")
    for file in told.unlisted:
        cause = f"{file} belongs to the workspace, and {opened.path} does not have it"
        yield _Difference("members", cause, _line(opened, "manifest", "members"))
    yield from _pythons(opened, told, space)
    yield from (_Difference(*each) for each in changed_settings(opened, told, space))
    # uv keeps no bound on what is not locked.
    locked = {package.name for package in packages}
    for key, roots in (("constraints", told.constraints), ("overrides", told.overrides)):
        asked = [_of_root(root) for root in roots if root.requirement.name in locked]
        copies = [each for each in read_copies(opened.path, manifest.get(key, [])) if each.requirement.name in locked]
        lists = _Lists(key, _line(opened, "manifest", key), told.files[0])
        yield from lists.differences(asked, copies, space)
    lists = _Lists("build-constraints", _line(opened, "manifest", "build-constraints"), told.files[0])
    copies = read_copies(opened.path, manifest.get("build-constraints", []))
    yield from lists.differences([_of_root(root) for root in told.build_constraints], copies, space)
    if WORKSPACE in told.asked:
        for group, asked in _by_group(told.asked[WORKSPACE]).items():
            listed = opened.keys.lists(manifest, "dependency-groups").get(group or "", ())
            lists = _Lists("dependency-groups", _line(opened, "manifest", "dependency-groups"), told.files[0], group)
            yield from lists.differences(asked, read_copies(opened.path, listed), space)
    for package in packages:
        member = members.get(package.name)
        if member is None or member.name not in told.asked:
            continue
        version = told.versions.get(member.name)
        if version is not None and package.version is not None and not _is_same_version(version, str(package.version)):
            cause = f"{member.path} has version {version}, and the copy in {opened.path} has {package.version}"
            yield _Difference("version", cause, package.line)
        yield from _of_member(opened.path, package, member, told.asked[member.name], space)


def _of_member(
    path: str, package: Package, member: Member, asked: Sequence[Asked], space: Space
) -> Iterator[_Difference]:
    metadata = package.data.get("metadata", {})
    dev = {}
    if isinstance(metadata, dict):
        dev = metadata.get(first_of(metadata, "requires-dev", "dependency-groups"), {})
    if not isinstance(metadata, dict) or not isinstance(dev, dict):
        raise LockError(path, package.line, f"'metadata' of {package.name} has to be a table")
    groups: dict[str | None, Any] = {None: metadata.get("requires-dist", [])}
    groups |= {canonicalize_name(group): listed for group, listed in dev.items()}
    by_group = _by_group(asked)
    for group in dict.fromkeys((*by_group, *groups)):
        if group is None or member.is_whole:
            copies = read_copies(path, groups.get(group, []), package.line)
            key = "requires-dist" if group is None else "requires-dev"
            lists = _Lists(key, package.line, member.path, group)
            yield from lists.differences(by_group.get(group, []), copies, space)


def _line(opened: Opened, table: str, key: str) -> int | None:
    """Find the line of a key that is among the first of the file; to look for one that is nowhere takes its time."""
    return opened.keys.line(table, key) if table in opened.data and key in opened.data[table] else None


def _by_group(asked: Iterable[Asked]) -> dict[str | None, list[Asked]]:
    found: dict[str | None, list[Asked]] = {}
    for each in asked:
        found.setdefault(each.group, []).append(each)
    return found


def _pythons(opened: Opened, told: Told, space: Space) -> Iterator[_Difference]:
    """Compare the Pythons: those of a lock are those that all projects of its workspace support."""
    try:
        together = SpecifierSet(",".join(told.pythons))
    except InvalidSpecifier:
        return  # Is told by whatever reads the projects.
    if not told.pythons:
        return
    versions = releases_around(spec.version for spec in (*together, *space.python))
    if any(together.contains(each) != space.python.contains(each) for each in versions):
        wanted = ",".join(told.pythons)
        cause = f"{told.files[0]} supports Python {wanted}, and the copy in {opened.path} has {space.python}"
        yield _Difference("requires-python", cause, opened.keys.line("requires-python"))


def _is_same_version(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except ValueError:
        return one == other


class _Lists(NamedTuple):
    """Requirements of an input, and the copy of them.

    Attributes:
        key: what the copy is called in the lock.
        line: that of the copy.
        file: the input.
        group: the dependency group that both are of, or None.
    """

    key: str
    line: int | None
    file: str
    group: str | None = None

    def differences(self, asked: Iterable[Asked], copies: Iterable[Copy], space: Space) -> Iterator[_Difference]:
        """Give what is not in both lists."""
        listed = list(copies)
        alike: dict[tuple[str | None, frozenset[str]], list[int]] = defaultdict(list)
        for place, copy in enumerate(listed):
            alike[copy.requirement.name, copy.requirement.extras].append(place)
        matched: set[int] = set()
        unsettled: set[str | None] = set()
        new: list[Asked] = []
        for each in asked:
            requirement = each.requirement
            places = alike.get((requirement.name, requirement.extras), ())
            matches = [place for place in places if _is_same(each, listed[place], space)]
            matched.update(matches)
            if not each.settled:
                unsettled.add(requirement.name)  # It stands there for each of its origins.
            elif not matches and space.has(each.marker):
                new.append(each)
        unmatched: dict[str | None, list[Copy]] = defaultdict(list)
        for place, copy in enumerate(listed):
            if place not in matched and copy.requirement.name not in unsettled:
                unmatched[copy.requirement.name].append(copy)
        among = f" in {self.group}" if self.group else ""
        for each in new:
            rest = unmatched.get(each.requirement.name)
            has = f"has {_shown(rest.pop(0))}" if rest else "does not"
            wanted = f"{each.root.file}:{each.root.line} asks for {_shown(each)}{among}"
            yield _Difference(self.key, f"{wanted}, and the copy in the lock {has}", self.line)
        for rest in unmatched.values():
            for copy in rest:
                yield _Difference(self.key, f"{self.file} no longer asks for {_shown(copy)}{among}", self.line)


def _is_same(asked: Asked, copy: Copy, space: Space) -> bool:
    """Tell whether two that have one name and the same extras are one."""
    one, other = asked.requirement, copy.requirement
    if not space.equal(asked.marker, copy.marker):
        return False
    if asked.origin is not None and asked.origin.is_shared and copy.origin is None:
        return True  # uv writes it for some members of a workspace and not for others: nothing else has that name.
    if asked.origin is None:
        return copy.origin is None and one.specifier == other.specifier
    if asked.origin.kind == "index" and one.specifier != other.specifier:
        return False
    return asked.origin.agrees(copy.origin)


def _shown(asked: Asked | Copy) -> str:
    text = str(asked.requirement)
    if asked.origin is not None and asked.requirement.url is None:
        text += f" from {redact(min(asked.origin.place))}"
    return f"{text} ; {asked.marker}" if asked.marker else text


def _of_root(root: Root) -> Asked:
    is_settled = root.requirement.url is None
    return Asked(root.requirement, root.requirement.marker, None, None, root, is_settled)


def read_copies(path: str, listed: Any, line: int | None = None) -> list[Copy]:
    """Read requirements as a lock keeps them.

    Raises:
        LockError: they are not of the form that uv writes.
    """
    if not isinstance(listed, (list, tuple)) or not all(isinstance(each, dict) for each in listed):
        raise LockError(path, line, "the copies of requirements have to be lists of tables")
    return [_copy(path, table, line) for table in listed]


def _copy(path: str, table: Mapping[str, Any], line: int | None) -> Copy:
    extras, marker, specifier = (table.get(key) for key in ("extras", "marker", "specifier"))
    listed = ",".join(map(str, extras)) if isinstance(extras, list) else ""
    bounds = specifier if isinstance(specifier, str) and specifier != "*" else ""
    try:
        requirement = parse(f"{table.get('name')}{f'[{listed}]' if listed else ''}{bounds}")
        if marker is not None:
            parse_marker(marker if isinstance(marker, str) else "")
    except ValueError as error:
        message = f"the copy of a requirement is not valid: {str(error).splitlines()[0]}"
        raise LockError(path, line, message) from error
    return Copy(requirement, marker, _origin(path, table))


def _origin(path: str, table: Mapping[str, Any]) -> Origin | None:
    texts = {key: value for key, value in table.items() if isinstance(value, str)}
    for kind in _LOCAL:
        if kind in texts:
            return Origin("local", frozenset({beside(path, texts[kind])}), (), kind == "editable")
    if "git" in texts:
        url, asked, folder, _ = split_git(texts["git"])
        return Origin("git", frozenset({normal(url)}), (asked, folder))
    if "url" in texts:
        return Origin("url", frozenset({normal(texts["url"])}))
    if "index" in texts:
        return Origin("index", frozenset({texts["index"], normal(texts["index"])}))
    return None
