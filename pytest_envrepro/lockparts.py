"""Which parts of a project are meant by groups and extras of its lock, and which of them the lock does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.config import InstalledFrom
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.model import MAIN
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pytest_envrepro.model import Lock
    from pytest_envrepro.offered import Offered

# What tools call the part of a project that is installed with it, where they let people name it among the groups.
_MAIN_NAMES = frozenset({"main", "default"})
# What stands in a lock, and what its tool calls it.
_SECTIONS = {"develop": "dev-packages"}
_MOST_NAMED = 3  # Packages, in a message.


def parts_of(lock: Lock, groups: Sequence[str] = (), extras: Sequence[str] = ()) -> frozenset[str] | None:
    """Give the parts of a project that groups and extras mean, besides `MAIN`; None for what the lock's tool installs.

    Args:
        groups: exactly these; none for those that the tool installs.
        extras: these.
    """
    named = tuple(group for group in groups if _part(lock, "groups", group) != MAIN)
    return InstalledFrom(lock.path, named if groups else None, tuple(extras) or None).parts(lock.usual)


def _unknown(lock: Lock, key: str, names: Sequence[str], offered: Collection[str]) -> Iterator[tuple[int, str]]:
    """Say which groups or extras a lock does not have, each with its place in the list.

    Args:
        key: `groups` or `extras`.
        offered: the canonical names of those that the project has.
    """
    kind = key.removesuffix("s")
    known = {part.strip("[]") for part in lock.parts if part.startswith("[") is (key == "extras")}
    again = f"lock again{f' ({lock.fix})' if lock.fix else ''}"
    for index, name in enumerate(names):
        part = _part(lock, key, name)
        if part == MAIN:
            continue
        if part in lock.parts:
            if missing := _missing(lock, part):
                shown = ", ".join(missing[:_MOST_NAMED])
                asking = f"this project's {kind} '{name}' asks for {shown}"
                yield index, f"{asking}, and {lock.path} does not have it: {again}"
        elif canonicalize_name(name) in offered or any(root.part == part for root in lock.roots):
            yield index, f"{lock.path} was locked without this project's {kind} '{name}': {again}"
        else:
            yield index, f"{lock.path} has no {kind} '{name}'{did_you_mean(name, known)}"


def _part(lock: Lock, key: str, name: str) -> str:
    """Give what a group or an extra is called among the parts of a lock."""
    canonical = canonicalize_name(name)
    if key == "extras":
        return f"[{canonical}]"
    if canonical in lock.parts:
        return canonical
    return MAIN if canonical in _MAIN_NAMES else _SECTIONS.get(canonical, canonical)


def _missing(lock: Lock, part: str) -> list[str]:
    """Give what a part of the project asks for by the project's own files, and the lock has no package of."""
    known = {pin.name for pin in lock.pins} | lock.excluded | lock.unpinned | {name for name, _ in lock.alike}
    # With a marker, it may be for no Python that the lock is for.
    asked = (root.requirement.name for root in lock.roots if root.part == part and not root.requirement.marker)
    return sorted({name for name in asked if name and name not in known})


def unknown_in(
    lock: Lock, groups: Sequence[str], extras: Sequence[str], offered: Offered
) -> Iterator[tuple[str, int, str]]:
    """Say which groups and extras a lock does not have: the key, the place in its list, and what is wrong."""
    for key, names, known in (("groups", groups, offered.groups), ("extras", extras, offered.extras)):
        for index, message in _unknown(lock, key, names, known):
            yield key, index, message


def refuse_unknown_parts(
    lock: Lock, groups: Sequence[str], extras: Sequence[str], offered: Offered, said_by: Callable[[str], str]
) -> None:
    """Refuse groups and extras that a lock does not have.

    Args:
        said_by: gives who names them, by the key: `groups` or `extras`.

    Raises:
        SettingsError: there are some; all of them, a line each.
    """
    faults = [f"{said_by(key)}: {text}" for key, _, text in unknown_in(lock, groups, extras, offered)]
    if faults:
        raise SettingsError("\n".join(faults))
