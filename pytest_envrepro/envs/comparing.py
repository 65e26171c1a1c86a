"""Compares two environments: package by package, file by file, and the system below them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_envrepro.envs.contents import FileChange, FileComparison, Side
from pytest_envrepro.envs.elsewhere import compare_elsewhere
from pytest_envrepro.envs.packages import NOTHING, Change, columns, shown, table, titles
from pytest_envrepro.outcome import counted
from pytest_envrepro.values import in_a_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


Depth = Literal["packages", "files", "system"]
DEPTHS: tuple[Depth, ...] = ("packages", "files", "system")
_MOST_ROWS = 50  # Files of one package, in a message.
_MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Diff:
    """What differs between two environments: false where nothing does, and as text package by package.

    Attributes:
        labels: what the two are called.
        depth: how far was looked: `packages`, `files` too, or `system` too.
        packages: those that are not the same in both.
        files: of packages that are in both with one version, and of no package (in two containers, wherever they lie); none
            where they were not compared.
        system: the name and the two values of what differs below the packages.
        noise: what differs too and is known to say nothing: bytecode, and what installers write about themselves.
        unknown: what was not compared, since it is known of one alone, or of none.
        counts: how many packages and files were compared.
    """

    labels: tuple[str, str]
    titles: tuple[str, str]
    depth: Depth
    packages: tuple[Change, ...] = ()
    files: tuple[FileChange, ...] = ()
    system: tuple[tuple[str, str, str], ...] = ()
    noise: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    counts: tuple[int, int] = (0, 0)

    def __bool__(self) -> bool:
        return bool(self.packages or self.files or self.system)

    def __repr__(self) -> str:
        left, right = self.titles
        told = [f"{name} {shown(one)} / {shown(other)}" for name, one, other in self.packages]
        told += [f"{each.path} {each.what}" for each in self.files]
        told += [f"{name} {one} / {other}" for name, one, other in self.system]
        more = [f"and {len(told) - _MOST_NAMED} more"] if len(told) > _MOST_NAMED else []
        return f"<{left} / {right}: {', '.join([*told[:_MOST_NAMED], *more]) or 'no difference'}>"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        left, right = self.labels
        packages, files = self.counts
        if not self:
            looked = counted(packages, "package") + (f", {counted(files, 'file')}" if self.depth != "packages" else "")
            yield f"{left} and {right} do not differ: {looked}"
        else:
            parts = ((self.packages, "package"), (self.files, "file"))
            told = [counted(len(found), word) for found, word in parts if found]
            told += ["the system"] if self.system else []
            yield f"{left} and {right} differ: {', '.join(told)}"
        if self.packages:
            yield from (f"  {line}" for line in table(self.packages, *self.titles))
        yield from self._file_lines()
        if self.system:
            yield from (f"  {line}" for line in columns([("system", *self.titles), *self.system]))
        if self.noise:
            yield f"  not counted: {', '.join(self.noise)}"
        if self.unknown:
            yield f"  not compared: {', '.join(self.unknown)}"

    def _file_lines(self) -> Iterator[str]:
        of_package: dict[str | None, list[FileChange]] = defaultdict(list)
        for each in self.files:
            of_package[each.package].append(each)
        for package, changes in of_package.items():
            yield f"  {package or 'in no package'}"
            rows = [(each.path, each.what) for each in changes[:_MOST_ROWS]]
            yield from (f"    {line}" for line in columns(rows))
            if len(changes) > _MOST_ROWS:
                yield f"    and {len(changes) - _MOST_ROWS} more files"


def compare(left: Side, right: Side, depth: Depth) -> Diff:
    """Compare two environments.

    Args:
        depth: `packages` for names, versions and sources; `files` also for the content of the files of packages that
            both have in one version, and of files that no package lists: in a virtualenv, and in two containers anywhere;
            `system` also for what is below them.

    Raises:
        EnvReproError: a RECORD cannot be read, or a container does not tell what is in it.
    """
    heads = titles(left.packages.title, right.packages.title)
    changes = left.packages.changes(right.packages)
    names = left.packages.counted_with(right.packages)
    noise = list(_uncounted(left, right, names))
    unknown = [*_unknown(left, right, heads)] if depth == "system" else []
    files, compared = [], 0
    if depth != "packages":
        comparison = FileComparison(left, right, heads)
        comparison.compare(names)
        files, compared = comparison.changes, comparison.compared
        noise += comparison.worded_noise()
        unknown += _unknown_files(left, right, heads)
        if left.elsewhere is not None and right.elsewhere is not None:
            elsewhere = compare_elsewhere(left.elsewhere, right.elsewhere, heads)
            files += [FileChange(None, path, what) for path, what in elsewhere.changes]
            compared += elsewhere.files
            noise += elsewhere.noise
            unknown += [f"what is mounted at {path}" for path in elsewhere.mounted]
    return Diff(
        labels=(left.label, right.label),
        titles=heads,
        depth=depth,
        packages=changes,
        files=tuple(files),
        system=tuple(_system(left, right)) if depth == "system" else (),
        noise=tuple(noise),
        unknown=tuple(unknown),
        counts=(len(names), compared),
    )


def _uncounted(left: Side, right: Side, names: Iterable[str]) -> Iterator[str]:
    """Name the packages that differ and do not count: pip, setuptools, wheel."""
    for name in sorted((left.packages.keys() | right.packages.keys()) - set(names)):
        one, other = left.packages.get(name), right.packages.get(name)
        if one != other:
            yield f"{name} ({shown(one)} / {shown(other)})"


def _system(left: Side, right: Side) -> Iterator[tuple[str, str, str]]:
    """Compare what is known of both."""
    lefts, rights = left.system or {}, right.system or {}
    for name in filter(rights.__contains__, lefts):
        if lefts[name] != rights[name]:
            yield name, lefts[name], rights[name]
    if left.variables is not None and right.variables is not None:
        yield from _variables(left.variables, right.variables)
    for kind in filter(right.lists.__contains__, left.lists):
        lefts, rights = left.lists[kind], right.lists[kind]
        for name in sorted(lefts.keys() | rights.keys()):
            one, other = lefts.get(name, NOTHING), rights.get(name, NOTHING)
            if one != other:
                yield f"{kind} {name}", one, other


def _variables(
    lefts: Mapping[str, tuple[str, str]], rights: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Compare declared variables by their values, and show of these what may be shown."""
    for name in sorted(lefts.keys() | rights.keys()):
        (one, left), (other, right) = lefts.get(name, (None, "-")), rights.get(name, (None, "-"))
        if one != other:
            told = f"{right} (another)" if left == right else right
            yield f"variable {in_a_line(name)}", in_a_line(left), in_a_line(told)


def _unknown(left: Side, right: Side, heads: tuple[str, str]) -> Iterator[str]:
    """Name what was not compared, and why."""
    for one, other, head in ((left, right, heads[0]), (right, left, heads[1])):
        names = [name for name in one.system or {} if name not in (other.system or {})]
        names += ["variables"] if one.variables and other.variables is None else []
        names += [f"{kind} packages" for kind in one.lists if kind not in other.lists]
        yield from (f"{name} (known of {head} alone)" for name in names)
    yield from sorted({*left.unknown, *right.unknown})


def _unknown_files(left: Side, right: Side, heads: tuple[str, str]) -> Iterator[str]:
    """Name the files of no package that were not compared, since they are known of one alone."""
    for one, other, head in ((left, right, heads[0]), (right, left, heads[1])):
        is_inside = one.loose is not None and other.loose is None
        is_outside = one.elsewhere is not None and other.elsewhere is None
        if is_outside and not is_inside and one.loose is not None:
            yield f"files outside {one.home} (known of {head} alone)"
        elif is_inside and not is_outside and one.elsewhere is not None:
            yield f"files of no package in {one.home} (known of {head} alone)"
        elif is_inside or is_outside:
            yield f"files of no package (known of {head} alone)"
