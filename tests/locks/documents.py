"""What tests of one format begin with: a project with its lock, as the lock's tool wrote both, and words to ask of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judging import Case
from locks.reading import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_envrepro.locks import Declaration, Tree
    from pytest_envrepro.model import Lock, Pin

LINUX = {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"}
# The entry of a package in a lock that is TOML, with the tables below it, and its name to be filled in.
TOML_ENTRY = r'^\[\[packages?\]\]\nname = "{0}"\n(?:(?!\[(?!\[?packages?\.)).*\n)*'


@dataclass(frozen=True, kw_only=True)
class Documents:
    """A project with one lock.

    Attributes:
        path: the lock's.
        lock: its text.
        source: the path of what it was made from.
        project: the text of that.
        more: other files of the project.
        parse: the format's.
        python: that of the machine, which is one with Linux.
    """

    path: str
    lock: str
    project: str
    parse: Callable[[str, Tree, Declaration | None], Lock]
    source: str = "pyproject.toml"
    more: Mapping[str, str] = field(default_factory=dict)
    python: str = "3.12.1"

    @property
    def stale(self) -> str:
        """What is said where only a hash tells that the project has changed."""
        return f"{self.source} has changed since it was written"

    @property
    def holds(self) -> str:
        """The same, where all pins are what the project asks for."""
        return f"{self.stale}: the pins still hold, only the stamp is old"

    def case_of(
        self,
        folder: Path,
        project: str | None = None,
        lock: str | None = None,
        python: str | None = None,
        **variables: str,
    ) -> Case:
        """Give them as a project in a folder, judged on a Linux machine unless the variables of markers say otherwise."""
        case = Case(folder, self._files(project, lock))
        case.run_on(python or self.python, **{**LINUX, **variables})
        return case

    def read(self, project: str | None = None, lock: str | None = None, **more: str) -> Lock:
        """Read the lock with the project."""
        return self.parse(self.path, tree({**self._files(project, lock), **more}), None)

    def judged(self, case: Case) -> list[tuple[str | None, ...]]:
        """Give what the check of the lock finds, but for the stamp."""
        return judged(case, self.path)

    def codes(self, case: Case) -> list[tuple[str | None, str | None]]:
        """Give codes and packages of all that the check of the lock finds."""
        return [(found[0], found[1]) for found in case.findings("lock", self.path)]

    def stamp(self, case: Case) -> str | None:
        """Give what is said of the stamp, or None."""
        found = [found[-1] for found in case.findings("lock", self.path) if found[0] == "stale-stamp"]
        return found[0] if found else None

    def start_of(self, name: str, lock: str | None = None) -> int:
        """Give the line that the first entry of a package begins on, in a lock that is TOML."""
        return first_line_of(self.lock if lock is None else lock, f'[[package]]\nname = "{name}"\n')

    def _files(self, project: str | None, lock: str | None) -> dict[str, str]:
        texts = {
            self.source: self.project if project is None else project,
            self.path: self.lock if lock is None else lock,
        }
        return {**self.more, **texts}


def judged(case: Case, path: str) -> list[tuple[str | None, ...]]:
    """Give what the check of a lock finds, but for its stamp."""
    return [found for found in case.findings("lock", path) if found[0] != "stale-stamp"]


def pin_of(lock: Lock, name: str) -> Pin:
    """Give the only pin of a name."""
    (pin,) = (pin for pin in lock.pins if pin.name == name)
    return pin


def without(lock: str, name: str) -> str:
    """Take a package out of a lock that is TOML, each time that it is there, as a bad merge does."""
    left = re.sub(TOML_ENTRY.format(re.escape(name)), "", lock, flags=re.MULTILINE)
    assert left != lock, name
    return left


def changed(text: str, old: str, new: str) -> str:
    """Replace what stands in a text once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def line_of(text: str, words: str) -> int:
    """Give the line of some words that stand in a text once."""
    assert text.count(words) == 1, words
    return first_line_of(text, words)


def first_line_of(text: str, words: str, *, after: str = "") -> int:
    """Give the line that some words first stand on, after others where these are given."""
    return text[: text.index(words, text.index(after))].count("\n") + 1
