"""A lock, read as an environment: what it pins for one Python, to be compared with what is installed elsewhere."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NoReturn

from pytest_envrepro.envs.base import Environment
from pytest_envrepro.envs.contents import Side
from pytest_envrepro.envs.judged import Subject
from pytest_envrepro.envs.packages import Package, Packages
from pytest_envrepro.errors import RefusedError
from pytest_envrepro.inventory import Distribution, Inventory, Source
from pytest_envrepro.places import VCS, split_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_envrepro.envs.asked import Command
    from pytest_envrepro.envs.comparing import Depth
    from pytest_envrepro.envs.judged import Judge
    from pytest_envrepro.inventory import Interpreter
    from pytest_envrepro.model import Lock, Pin

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")


class LockEnvironment(Environment):
    """What a lock pins for a Python.

    Args:
        lock: its pins have to be known.
        interpreter: the Python that the markers are evaluated for.
        choose: gives the pins for a Python, by its marker variables.
    """

    kind = "lock"

    def __init__(
        self,
        *,
        lock: Lock,
        interpreter: Interpreter,
        judge: Judge,
        choose: Callable[[Mapping[str, str]], Sequence[Pin]],
    ) -> None:
        self._lock = lock
        self._interpreter = interpreter
        self._choose = choose
        pins = choose(interpreter.environment)
        self._distributions = {pin.name: _distribution(pin) for pin in reversed(pins)}
        self._packages = {
            name: Package(name=name, version=str(each.version or ""), source=each.source)
            for name, each in self._distributions.items()
        }
        told = "\n".join(f"{name} {package}" for name, package in sorted(self._packages.items()))
        key = hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()
        super().__init__(name=lock.path, settings=None, key=key, judge=judge)

    @property
    def label(self) -> str:
        """What it is called, as part of a sentence."""
        return f"the lock {self.name}"

    def run(self, *argv: object, **_: object) -> NoReturn:
        """Refuse: a lock holds no programs."""
        __tracebackhide__ = True
        shown = " ".join(map(str, argv))
        raise RefusedError(
            f"{self.label} is only read, and holds no program: {shown} has to run in an environment of it"
        )

    def run_python(self, *args: object, **_: object) -> NoReturn:
        """Refuse: a lock holds no programs."""
        __tracebackhide__ = True
        self.run("python", *args)

    def _python(self) -> NoReturn:
        __tracebackhide__ = True
        self.run("python")

    @property
    def place(self) -> NoReturn:
        """Refuse: a lock is nowhere."""
        self.run("python")

    def terms(self) -> NoReturn:
        """Refuse: a lock holds no Python."""
        self.run("python")

    def converse(self, program: str) -> NoReturn:  # noqa: ARG002  # As of `Environment`.
        """Refuse: a lock holds no Python."""
        self.run("python")

    def _execute(self, command: Command) -> NoReturn:
        __tracebackhide__ = True
        self.run(*command.words)

    def call(self, function: object, *_: object, **__: object) -> NoReturn:
        """Refuse: a lock holds no Python."""
        __tracebackhide__ = True
        self.run(getattr(function, "__name__", repr(function)))

    def install(self, *requirements: str) -> NoReturn:
        """Refuse: what a lock pins is for its compiler to change."""
        __tracebackhide__ = True
        raise RefusedError(
            f"{self.label} is only read: name {', '.join(requirements)} in its input, and compile it again"
        )

    def inventory(self) -> Packages:
        """List what it pins for this Python."""
        return Packages(self.title, self._packages, named=frozenset(self._packages))

    def beside(self, other: Environment) -> Environment:
        """Give itself as another's Python reads it, where that is none of this machine."""
        if other.target is None or other.target == self._interpreter:
            return self
        return LockEnvironment(lock=self._lock, interpreter=other.target, judge=self._judge, choose=self._choose)

    def side(self, depth: Depth) -> Side:
        """Give what is compared at a depth: of a lock, packages alone."""
        if depth != "packages":
            raise RefusedError(f"{self.label} has no files and no system to compare: leave depth='packages'")
        return Side(label=self.label, packages=self.inventory())

    def subject(self) -> Subject:
        """Give what is judged: see `Environment.subject`."""
        return Subject(
            Inventory(
                interpreter=self._interpreter,
                distributions=self._distributions,
                versions={name: str(each.version or "") for name, each in self._distributions.items()},
            )
        )

    def assert_no_conflicts(self) -> NoReturn:
        """Refuse: what the pins need of each other does not stand in a lock."""
        __tracebackhide__ = True
        raise RefusedError(f"{self.label} does not tell what its packages need: `pytest --env-lock` checks it")

    def assert_intact(self) -> NoReturn:
        """Refuse: a lock has no files."""
        __tracebackhide__ = True
        raise RefusedError(f"{self.label} has no files that could have been changed")


def _distribution(pin: Pin) -> Distribution:
    """Give what a pin would install, as far as it tells."""
    return Distribution(name=pin.name, version=pin.version, source=_source(pin))


def _source(pin: Pin) -> Source | None:
    url = pin.requirement.url
    if url is None:
        return None
    place, revision = split_revision(url)
    is_commit = _COMMIT.fullmatch(revision) is not None
    return Source(
        url=place,
        commit=revision if is_commit else None,
        revision=revision or None,
        editable=pin.editable,
        directory=not place.startswith(VCS) and not place.endswith(_ARCHIVES),
        hashes=frozenset(pin.hashes),
    )
