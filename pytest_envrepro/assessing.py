"""What integrations need, part by part, and what of that is met in this environment."""

from __future__ import annotations

import re
import shlex
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations import Checked, Surroundings, parse_tool
from pytest_envrepro.integrations.guarding import ask
from pytest_envrepro.integrations.probing import why_not_imported
from pytest_envrepro.integrations.satisfaction import Satisfaction, Wanted, pip_install, quoted, status_of
from pytest_envrepro.integrations.system import AptPackages, variable_need
from pytest_envrepro.integrations.tools import Tools
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import TypeVar

    from pytest_envrepro.integrations import Integration, Need
    from pytest_envrepro.inventory import Distribution
    from pytest_envrepro.offered import Offered
    from pytest_envrepro.requirement import Requirement

    Parsed = TypeVar("Parsed")

# What `probing` says where a module is gone: the one that was imported, and the one that was not found.
_NO_MODULE = re.compile(r"(?P<asked>\S+) does not import: ModuleNotFoundError: No module named '(?P<missing>[\w.]+)'")


class Assessment:
    """Judges by one environment; what takes a process is asked once.

    Args:
        around: the project and its environment.
        offered: the project's groups and extras.
        dpkg: the list of the packages of a Debian host.
    """

    def __init__(self, around: Surroundings, offered: Offered, dpkg: Path) -> None:
        self._around = around
        self._offered = offered
        self._tools = Tools(around.environ, around.root)
        self._apt = AptPackages(dpkg)
        self._imports: dict[str, str | None] = {}

    @cached_property
    def _satisfaction(self) -> Satisfaction:
        return Satisfaction(self._around.inventory(), self._around.root.as_posix())

    def judge(self, name: str, parts: Iterable[Integration]) -> Checked:
        """Judge an integration with all that it includes; each need is told once."""
        parts = tuple(parts)
        by_packages = self._by_packages(parts)
        asked = [ask(question, self._around, part.name) for part in parts for question in part.asks]
        needs = [
            *by_packages,
            *(self._tools.need(tool) for part in parts for tool in _parsed(part.tools, parse_tool)),
            *(variable_need(variable, self._around.environ) for part in parts for variable in part.variables),
            *(self._apt.need(package) for part in parts for package in part.apt_packages),
            *asked,
        ]
        excluded = any(not need.applies for need in (*by_packages, *asked))
        return Checked(name, status_of(needs, excluded=excluded), tuple(dict.fromkeys(needs)))

    def wanted(self, part: Integration) -> tuple[Wanted, ...]:
        """Give the requirements of one part, each once, with the command that installs it.

        Raises:
            SettingsError: one is none, or a file of the project cannot be read.
        """
        fixes = {each: pip_install(each) for each in _parsed(part.requirements, _requirement)}
        for extra in part.extras:
            for each in self._offered.of_extra(extra):
                fixes[each] = self._fix(each, f"--extra {shlex.quote(extra)}", quoted(f".[{extra}]"))
        for group in part.groups:
            for each in self._offered.of_group(group):
                fixes[each] = self._fix(each, f"--group {shlex.quote(group)}", f"--group {shlex.quote(group)}")
        return tuple(Wanted(requirement, fix) for requirement, fix in fixes.items())

    def _fix(self, requirement: Requirement, by_uv: str, by_pip: str) -> str:
        return f"uv sync {by_uv}" if self._offered.uses_uv else f"{pip_install(requirement)}, or {by_pip}"

    def _by_packages(self, parts: Iterable[Integration]) -> tuple[Need, ...]:
        each = [(part, self.wanted(part)) for part in parts]
        fixes = {wanted.requirement: wanted for _, several in each for wanted in several}
        if not fixes:
            return ()  # Without asking for the inventory, which takes its time.
        needs = self._satisfaction.needs(fixes.values())
        for part, several in each:
            if part.probe == "import":
                needs = tuple(self._imported(need, part, several) for need in needs)
        return needs

    def _imported(self, need: Need, part: Integration, several: Iterable[Wanted]) -> Need:
        """Give a need that is met by its metadata as it is met by an import."""
        requirement = next((each.requirement for each in several if str(each.requirement) == need.requirement), None)
        if requirement is None or not need.met:
            return need
        distribution = self._satisfaction.distribution(requirement)
        if distribution is None:
            return need
        name = distribution.name
        if name not in self._imports:
            modules = self._around.inventory().modules(name)
            if not modules and distribution.source is not None and distribution.source.editable:
                modules = (f"?{name.replace('-', '_')}",)  # The list of its files names none of its modules.
            self._imports[name] = (
                why_not_imported(
                    modules, environ=self._around.environ, folder=self._around.root, besides=part.variables
                )
                if modules
                else None
            )
        why_not = self._imports[name]
        if why_not is None:
            return need
        why = f"{need.found} is installed, and {why_not}"
        return need._replace(met=False, why=why, fix=self._reinstall(distribution, why_not))

    def _reinstall(self, distribution: Distribution, why_not: str) -> str | None:
        """Give the command that puts back what is gone of a distribution; against all else its own words must help.

        A library of the system, another distribution, a device or a variable that an import lacks is not to be had by
        installing the same files again, and what came from elsewhere than an index is not to be had from there.
        """
        found = _NO_MODULE.match(why_not)
        if found is None or found["missing"].partition(".")[0] != found["asked"].partition(".")[0]:
            return None
        if distribution.source is not None:
            return None
        name = distribution.name
        if self._offered.uses_uv:
            return f"uv sync --reinstall-package {name}"
        return f"pip install --force-reinstall --no-deps '{name}=={distribution.version}'"


def _requirement(text: str) -> Requirement:
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"'{redact(text)}' is not a requirement (PEP 508): {error}") from error


def _parsed(texts: Iterable[str], reader: Callable[[str], Parsed]) -> list[Parsed]:
    """Parse texts.

    Raises:
        SettingsError: some of them cannot be; a line for each.
    """
    found: list[Parsed] = []
    faults: list[str] = []
    for text in texts:
        try:
            found.append(reader(text))
        except ValueError as error:
            faults.append(" ".join(str(error).split()))
    if faults:
        raise SettingsError("\n".join(faults))
    return found
