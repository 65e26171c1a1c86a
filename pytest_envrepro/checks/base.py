"""What all checks share: the port, what a check is given, and how dependencies are followed."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from packaging.version import Version

from pytest_envrepro.checks.plainly import see
from pytest_envrepro.needs import read_need
from pytest_envrepro.requirement import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.inventory import Interpreter, Inventory
    from pytest_envrepro.model import Lock, Project
    from pytest_envrepro.outcome import Outcome
    from pytest_envrepro.provenance import Target
    from pytest_envrepro.requirement import Requirement


class Facts(NamedTuple):
    """All that a check may look at; it opens nothing itself.

    Attributes:
        locks: every lock of the project, by path.
        installed: the locks that this environment is installed from; None where the table does not say.
        inventory: this environment.
        integrity: whether its files are to be compared with RECORD, and all of them by their content (`full`).
        parts: what of a lock this environment is installed from, as `Root.part` names it, by its path, where the table
            says so; else it is what the lock's tool installs.
    """

    locks: Mapping[str, Lock]
    installed: tuple[str, ...] | None
    inventory: Inventory
    project: Project
    offline: Callable[[str], Outcome]
    compiling: Compiling | None = None
    integrity: bool | Literal["full"] = False
    parts: Mapping[str, frozenset[str]] = MappingProxyType({})


class Attempt(NamedTuple):
    """A lock, compiled again on copies.

    Attributes:
        lock: what the tool has written; None where it has written none.
        reason: why it has not, in one line.
        tool: the tool and its version, for people, with the settings outside of the project that it was given.
        said: lines of the tool that tell of pins it could not have, or what it says of a lock that it has only looked at.
        holds: of a tool that only looks at the lock, by the hash of its inputs alone: whether it holds; else None.
        left: what of the lock it has only looked at so, where it has compiled the rest: `linux-64`.
    """

    lock: Lock | None
    reason: str | None = None
    tool: str = ""
    said: tuple[str, ...] = ()
    holds: bool | None = None
    left: str = ""


class Compiling(Protocol):
    """Compiles locks again with their own tools."""

    def key(self, path: str) -> str | None:
        """Give all that the result depends on, but for what the indexes have; None where that cannot be told."""

    def attempt(self, path: str) -> Attempt:
        """Compile a lock on copies, with itself as preference. Nothing is raised."""


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
    python = to_version(target.python or "")
    if python is not None and is_other_python(facts, target):
        environment["python_version"] = f"{python.major}.{python.minor}"
        environment["python_full_version"] = f"{python.major}.{python.minor}.{python.micro}"
    environment.update(target.environment)
    return environment


def is_other_python(facts: Facts, target: Target) -> bool:
    """Tell whether a lock was compiled for another Python than this; a universal one is for all later ones too."""
    here, there = to_version(release_of(facts.inventory.interpreter)), to_version(target.python or "")
    if here is None or there is None:
        return False
    if target.universal:
        return here.release[:2] < there.release[:2]
    said = min(2, len(there.release))
    return here.release[:said] != there.release[:said]


def release_of(python: Interpreter) -> str:
    """Give the version to compare `requires-python` with: a pre-release (`3.14.0rc2`) counts as the release, as for pip."""
    return re.split(r"[^\d.]", python.version, maxsplit=1)[0].rstrip(".")


def is_other_platform(facts: Facts, target: Target) -> bool:
    """Tell whether a lock was compiled for another platform than this."""
    here = facts.inventory.interpreter.environment
    if target.covers is not None and not evaluate(target.covers, here):
        return True
    return not target.universal and any(here[name] != value for name, value in target.environment)


def dependencies(
    requires: Iterable[str], environment: Mapping[str, str], extras: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """Give those of a distribution's requirements that apply in an environment, with some extras (canonical names).

    Raises:
        ValueError: a requirement in its metadata is not valid; after all that are.
    """
    fault: ValueError | None = None
    for text in requires:
        plain = see(text)
        if plain is not None and plain.extra is not None and plain.extra not in extras:
            continue
        try:
            requirement = read_need(text)
        except ValueError as error:
            fault = fault or error
            continue
        if requirement.applies(environment, extras):
            yield requirement
    if fault is not None:
        raise fault


def install_command(lock: Lock, parts: frozenset[str] | None = None) -> str:
    """Give the command that installs a lock, with the tool that compiled it.

    Args:
        parts: what of the project is installed with it; None for what the tool installs where it is not told.
    """
    if lock.install is not None:
        return " ".join(
            (lock.install, *(words for part, words in lock.choosing if part in (parts or frozenset()) - lock.usual))
        )
    return f"uv pip install -r {lock.path}" if lock.tool == "uv" else f"pip install -r {lock.path}"


def to_version(text: str) -> Version | None:
    """Give the version that a text tells, or None."""
    try:
        return Version(text)
    except ValueError:  # Also for a number of thousands of digits.
        return None
