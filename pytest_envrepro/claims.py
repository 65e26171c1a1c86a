"""What a marker claims that its test needs, as far as it can be taken away: distributions, programs and variables."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.asking import Ask, answer
from pytest_envrepro.discovery import read_project
from pytest_envrepro.integrations import Integration, parse_tool
from pytest_envrepro.integrations.satisfaction import Satisfaction
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.requirement import Requirement
    from pytest_envrepro.session import Session

_RUNS_IT = ("pytest", "pytest-envrepro", "packaging")  # Without them nothing is run, and nothing told.


class Without(NamedTuple):
    """What is taken away from an environment; distributions by their canonical names."""

    distributions: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()

    def and_without(self, other: Without) -> Without:
        """Take away both."""
        return Without(*(mine | theirs for mine, theirs in zip(self, other, strict=True)))


class Claim(NamedTuple):
    """One name in a marker.

    Attributes:
        title: for people: `integration 'postgres'`, `package openpyxl>=3.1`.
        without: what is taken away to try it.
        stays: what belongs to it and cannot be taken away.
        why_not: why nothing can be tried, or nothing.
        met: whether the test can run here, as far as this is concerned.
        names: the canonical names of the distributions that it means, installed or not.
    """

    title: str
    without: Without = Without()
    stays: tuple[str, ...] = ()
    why_not: str = ""
    met: bool = True
    names: frozenset[str] = frozenset()


class Claims:
    """The claims of one project's markers.

    Args:
        session: the look at the project and its environment.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[Ask, tuple[Claim, ...]] = {}

    def of(self, ask: Ask) -> tuple[Claim, ...]:
        """Give what a marker claims, name by name."""
        if not all(isinstance(name, str) for name in ask.arguments) or not ask.arguments:
            fault = answer((ask,), self._session.catalogue, allowed=frozenset(), strict=True).reason
            return (Claim(title=ask.marker, why_not=fault, met=False),)
        if ask not in self._known:
            self._known[ask] = tuple(self._of(ask, name) for name in ask.arguments)
        return self._known[ask]

    def _of(self, ask: Ask, name: str) -> Claim:
        found = answer((ask._replace(arguments=(name,)),), self._session.catalogue, allowed=frozenset(), strict=True)
        title = _TITLES[ask.marker].format(name)
        if found.fault:
            return Claim(title, why_not=found.reason, met=False)
        checked = found.pieces[0].checked
        parts = self._parts(ask.marker, name)
        requirements = tuple(self._requirements(parts))
        claim = Claim(title, names=frozenset(filter(None, (each.name for each in requirements))))
        if checked.unmet:
            return claim._replace(why_not="; ".join(need.sentence for need in checked.unmet), met=False)
        if checked.status == "not-applicable":
            return claim._replace(why_not="; ".join(need.sentence for need in checked.needs))
        without, stays = self._taken(parts, requirements)
        if without == Without():
            why = f"{' and '.join(stays)} cannot be taken away" if stays else "needs nothing"
            return claim._replace(why_not=why)
        return claim._replace(without=without, stays=stays)

    def _parts(self, marker: str, name: str) -> tuple[Integration, ...]:
        """Give what a marker names that is known to exist, with all that it includes."""
        if marker == "requires_integration":
            return self._session.catalogue.parts(name)
        canonical = canonicalize_name(name)
        wanted = {
            "requires_packages": Integration(name, requirements=(name,)),
            "requires_tools": Integration(name, tools=(name,)),
            "requires_group": Integration(name, groups=(canonical,)),
            "requires_extra": Integration(name, extras=(canonical,)),
        }
        return (wanted[marker],)

    def _taken(
        self, parts: Sequence[Integration], requirements: Iterable[Requirement]
    ) -> tuple[Without, tuple[str, ...]]:
        """Give what of some integrations can be taken away; and what cannot, for people."""
        names: set[str] = set()
        stays = [f"the Debian package {package}" for part in parts for package in part.apt_packages]
        stays += [need.requirement for part in parts for need in self._session.catalogue.answers(part)]
        for requirement in requirements:
            distribution = self._satisfaction.distribution(requirement)
            if distribution is None:
                continue
            if distribution.name in self._of_pytest:
                stays.append(f"{distribution.name} (which runs the tests)")
            else:
                names.add(distribution.name)
        tools = frozenset(parse_tool(tool).name for part in parts for tool in part.tools)
        variables = frozenset(variable for part in parts for variable in part.variables)
        return Without(frozenset(names), tools, variables), tuple(dict.fromkeys(stays))

    def _requirements(self, parts: Iterable[Integration]) -> Iterator[Requirement]:
        catalogue = self._session.catalogue
        environment = self._session.inventory.interpreter.environment
        for part in parts:
            found = [parse(text) for text in part.requirements]
            found += [each for group in part.groups for each in catalogue.of_group(group)]
            found += [each for extra in part.extras for each in catalogue.of_extra(extra)]
            for requirement in found:
                if requirement.applies(environment):
                    yield from self._unfolded(requirement)

    def _unfolded(self, requirement: Requirement) -> Iterator[Requirement]:
        """Give a requirement; in the place of the project itself, what the extras that are asked of it need."""
        if requirement.name is None or requirement.name != self._itself:
            yield requirement
            return
        inventory = self._session.inventory
        distribution = inventory.distributions.get(requirement.name)
        environment = inventory.interpreter.environment
        for text in distribution.requires if distribution else ():
            needed = parse(text)
            if needed.applies(environment, requirement.extras) and not needed.applies(environment):
                yield needed

    @cached_property
    def _itself(self) -> str | None:
        return read_project(self._session.root, self._session.files, "").name

    @cached_property
    def _satisfaction(self) -> Satisfaction:
        return Satisfaction(self._session.inventory, self._session.root.as_posix())

    @cached_property
    def _of_pytest(self) -> frozenset[str]:
        """The distributions that pytest needs to run, itself among them; and this plugin."""
        inventory = self._session.inventory
        found = set(_RUNS_IT)
        waiting = ["pytest"]
        while waiting:
            distribution = inventory.distributions.get(waiting.pop())
            for text in distribution.requires if distribution else ():
                try:
                    requirement = parse(text)
                except ValueError:
                    continue
                name = requirement.name
                if name and name not in found and requirement.applies(inventory.interpreter.environment):
                    found.add(name)
                    waiting.append(name)
        return frozenset(found)


_TITLES = {
    "requires_integration": "integration '{}'",
    "requires_packages": "package {}",
    "requires_tools": "tool {}",
    "requires_group": "group '{}'",
    "requires_extra": "extra '{}'",
}
