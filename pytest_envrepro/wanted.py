"""What the tests of a session want: noted test by test, counted, and what it comes to at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_envrepro.asking import allowing, answer, lacking, pack
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.reports import Integration, Lacking, NeedsSummary
from pytest_envrepro.selection import without_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.asking import Answer, Ask
    from pytest_envrepro.integrations import Checked
    from pytest_envrepro.session import Session

_TOX = "tox hides CI from its environments: add 'pass_env = CI' for CI to be strict about this"


class Wanted:
    """What one session's tests want.

    Args:
        strict: whether a missing integration fails a test.
        automatic: whether that was decided by looking for a CI.
        allowed: the integrations that the command line allows to be missing; None where it does not say.

    Raises:
        SettingsError: an integration that may be missing does not exist.
    """

    def __init__(self, session: Session, *, strict: bool, automatic: bool, allowed: Iterable[str] | None) -> None:
        self.session = session
        self.strict = strict
        self.automatic = automatic
        self.catalogue = session.catalogue
        self.allowed = self.catalogue.allowed(allowed)
        self.modules: dict[str, str] = {}
        self._tests: dict[str, set[str]] = {}
        self._asked: set[str] = set()
        self._told: dict[str, Integration] = {}
        self._lacking: dict[str, dict[str, tuple[Lacking, bool]]] = {}
        self._failed = False

    def answer(self, asks: Iterable[Ask]) -> Answer:
        """Judge the markers of a test."""
        return answer(asks, self.catalogue, allowed=self.allowed, strict=self.strict)

    def check(self, name: str) -> Checked:
        """Compare an integration with this environment.

        Raises:
            SettingsError: there is none of that name, or it cannot be told what it needs.
        """
        return allowing(self.catalogue.check(name), self.allowed)

    def _told_of(self, name: str) -> Integration:
        """Give an integration as reports show it; one of which it cannot be told what it needs is missing."""
        try:
            return self._told.get(name) or _unpack(pack(self.check(name)))
        except SettingsError as error:
            return Integration(name=name, status="missing", needs=faults_as_needs(str(error)))

    def note(self, node_id: str, told: Mapping[str, Any]) -> None:
        """Note what a test needs, as `Answer.pack` tells it."""
        self._tests.setdefault(without_parameters(node_id), set()).update(told["needs"])
        self._asked.update(told["integrations"])
        for data in told["unmet"]:
            self._told[data[0]] = _unpack(data)
        for data in told["lacking"]:
            each = Lacking(*data)
            self._lacking.setdefault(each.name, {})[node_id] = each, told["outcome"] == "failed"
        self._failed = self._failed or told["outcome"] == "failed"

    @property
    def tests(self) -> Mapping[str, Iterable[str]]:
        """The tests with markers that were set up, without parameters, with what they need."""
        return self._tests

    def integrations(self) -> tuple[Integration, ...]:
        """Give the integrations of the table, and those that tests asked for, sorted by name."""
        names = sorted({*self.catalogue.declared, *self._asked})
        return tuple(map(self._told_of, names))

    @property
    def _required(self) -> list[Lacking]:
        """What is required and missing, the allowed among it."""
        unmet = [checked for checked in map(self.check, self.catalogue.required) if checked.unmet]
        return [lacking(checked, exported=True)._replace(allowed=checked.status == "allowed") for checked in unmet]

    def count_failures(self) -> int:
        """Count what fails the session beside its tests: what is required and missing, and, if strict, skipped modules."""
        required = sum(not each.allowed for each in self._required)
        return required + (len(self.modules) if self.strict else 0)

    @property
    def fails(self) -> bool:
        """Whether the session may not end with 0."""
        return self._failed or self.count_failures() > 0

    def summary(self) -> NeedsSummary:
        """Give what there is to say of it at the end of the session."""
        found = []
        for _, tests in sorted(self._lacking.items()):
            failed = sum(fails for _, fails in tests.values())
            first = next(iter(tests.values()))[0]
            allowed = first.allowed and self.strict
            found.append(first._replace(failed=failed, skipped=len(tests) - failed, allowed=allowed))
        stale = [name for name in sorted(self.allowed) if self.strict and self._told_of(name).status == "met"]
        hides = self.automatic and not self.strict and self.session.environ.get("TOX_ENV_NAME")
        return NeedsSummary(
            lacking=tuple(found),
            required=tuple(self._required),
            modules=tuple(sorted(self.modules.items())) if self.strict else (),
            stale=tuple(stale),
            why=(_TOX,) if hides and found else (),
        )


def faults_as_needs(fault: str) -> tuple[tuple[str, str | None, bool], ...]:
    """Give what is wrong with an integration as what it needs, a need for each line: nothing of that is met."""
    return tuple((line, None, False) for line in fault.split("\n"))


def _unpack(data: Iterable[Any]) -> Integration:
    name, status, needs = data
    return Integration(name=name, status=status, needs=tuple((need[0], need[1], need[2]) for need in needs))
