"""What all checks share: the port, what a check is given, and how dependencies are followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from packaging.version import InvalidVersion, Version

from pytest_envrepro.requirement import Requirement, is_plainly_valid, needs_other_extra, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.model import Distribution, Inventory, Lock, Project, Target
    from pytest_envrepro.outcome import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that a check may look at; it opens nothing itself.

    Attributes:
        locks: every lock of the project, by path.
        installed: the locks that this environment is installed from; None where the table does not say.
        inventory: this environment.
    """

    locks: Mapping[str, Lock]
    installed: tuple[str, ...] | None
    inventory: Inventory
    project: Project


class Check(Protocol):
    """One kind of check.

    Attributes:
        name: the word after `::` in the item's name.
        codes: the codes that its findings may have.
    """

    name: str
    codes: tuple[str, ...]

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Give the files that it is to be shown at, one item each; none where there is nothing to compare."""

    def judge(self, facts: Facts, subject: str) -> Outcome:
        """Judge one subject."""

    def key(self, facts: Facts, subject: str) -> str | None:
        """Give all that the outcome depends on, to remember it by; None for what is as quickly judged again."""


def target_environment(facts: Facts, target: Target) -> Mapping[str, str]:
    """Give the marker variables of what a lock was compiled for, as far as that is not this environment."""
    environment = dict(facts.inventory.interpreter.environment)
    if target.python is not None and is_other_python(facts, target):
        release = target.python.split(".")
        environment["python_version"] = ".".join(release[:2])
        environment["python_full_version"] = ".".join([*release, "0"][:3])
    environment.update(target.environment)
    return environment


def is_other_python(facts: Facts, target: Target) -> bool:
    """Tell whether a lock was compiled for another Python than this; a universal one is for all later ones too."""
    if target.python is None:
        return False
    here = facts.inventory.interpreter.version.split(".")
    there = target.python.split(".")
    if target.universal:
        return _release(here) < _release(there)
    return here[: min(2, len(there))] != there[:2]


def is_other_platform(facts: Facts, target: Target) -> bool:
    """Tell whether a lock was compiled for another platform than this."""
    here = facts.inventory.interpreter.environment
    return not target.universal and any(here[name] != value for name, value in target.environment)


def _release(parts: list[str]) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in parts[:2])


def dependencies(
    distribution: Distribution, environment: Mapping[str, str], extras: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """Give what a distribution requires in an environment, with some of its extras (canonical names).

    Raises:
        ValueError: a requirement in its metadata is not valid.
    """
    for text in distribution.requires:
        if needs_other_extra(text, extras):
            if not is_plainly_valid(text):
                parse(text)
        else:
            requirement = parse(text)
            if requirement.applies(environment, extras):
                yield requirement


def to_version(text: str) -> Version | None:
    """Give the version that a text tells, or None."""
    try:
        return Version(text)
    except InvalidVersion:
        return None
