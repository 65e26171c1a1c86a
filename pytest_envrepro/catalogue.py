"""The catalogue: which integrations there are, what each needs, and what of that is met here."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import default_environment
from packaging.utils import canonicalize_name

from pytest_envrepro.assessing import Assessment
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.exporting import Asked, Export, export
from pytest_envrepro.integrations import BUILT_IN, Integration, Surroundings
from pytest_envrepro.lookup import Lookup
from pytest_envrepro.offered import Offered
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_envrepro.cache import VerdictCache
    from pytest_envrepro.config import Config
    from pytest_envrepro.integrations import Checked, Need
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.locks import Tree
    from pytest_envrepro.requirement import Requirement

ALL = "all"
_DPKG = Path("/var/lib/dpkg/status")


class Catalogue:
    """The integrations of one session.

    Every method raises a `SettingsError` for what does not exist or cannot be parsed; what was judged is remembered.

    Args:
        tree: the project's files.
        inventory: gives what is installed; it is asked for only where something is judged by it.
        cache: remembers what a provider says between sessions.
        dpkg: the list of the packages of a Debian host.
    """

    def __init__(  # noqa: PLR0913  # Each is one thing that it looks at.
        self,
        config: Config,
        tree: Tree,
        *,
        root: Path,
        environ: Mapping[str, str],
        inventory: Callable[[], Inventory],
        cache: VerdictCache,
        dpkg: Path = _DPKG,
    ) -> None:
        self._config = config
        self._root = root
        self._environ = environ
        self._inventory = inventory
        self._cache = cache
        self._dpkg = dpkg
        self._offered = Offered(tree)
        self._lookup = Lookup(lambda: self._around)
        self._checked: dict[str, Checked] = {}

    @cached_property
    def _around(self) -> Surroundings:
        return Surroundings(
            root=self._root,
            declared=self._config.integrations,
            groups=self._offered.groups - BUILT_IN,
            extras=self._offered.extras - BUILT_IN,
            environ=self._environ,
            inventory=self._inventory,
            cache=self._cache,
            memory={},
        )

    @cached_property
    def _assessment(self) -> Assessment:
        return Assessment(self._around, self._offered, self._dpkg)

    def names(self) -> tuple[str, ...]:
        """Give the names of all integrations, as `Lookup.names` does."""
        return self._lookup.names()

    @property
    def faults(self) -> Mapping[str, str]:
        """By prefix: why a provider of another distribution cannot tell its integrations."""
        return self._lookup.faults

    @property
    def declared(self) -> tuple[str, ...]:
        """The integrations of the project's own table, sorted: what `all` means to `export`."""
        return tuple(sorted(each.name for each in self._config.integrations.values()))

    @property
    def required(self) -> tuple[str, ...]:
        """Those of the table with `required = true`, sorted."""
        return tuple(sorted(each.name for each in self._config.integrations.values() if each.required))

    def allowed(self, typed: Iterable[str] | None = None) -> frozenset[str]:
        """Give those that may be missing: what the command line says, else the variable, else the table.

        Args:
            typed: the values of `--env-allow-missing`; None where it is not given.

        Raises:
            SettingsError: one of them is the name of no integration.
        """
        if typed is not None:
            return self.resolve(typed, said_by="--env-allow-missing")
        variable = "PYTEST_ENVREPRO_ALLOW_MISSING"
        listed = [name.strip() for name in self._environ.get(variable, "").split(",")]
        if any(listed):
            return self.resolve(filter(None, listed), said_by=variable)
        return self.resolve(self._config.allow_missing, said_by=f"allow-missing in {self._config.file}")

    def resolve(self, names: Iterable[str], *, said_by: str) -> frozenset[str]:
        """Give the names as `check` gives them.

        Args:
            said_by: who names them, for the message.

        Raises:
            SettingsError: there is no integration of one of these names; all of them, in one message.
        """
        found, faults = set(), []
        for name in names:
            try:
                found.add(self._lookup.get(name).name)
            except SettingsError as error:
                each = "; give the option once for each name" if said_by.startswith("--") and "," in name else ""
                faults.append(f"{said_by}: {error}{each}")
        if faults:
            raise SettingsError("\n".join(faults))
        return frozenset(found)

    def check(self, name: str) -> Checked:
        """Compare an integration with this environment; the status is never `allowed`, which is for the caller to say."""
        integration = self._lookup.get(name)
        if integration.name not in self._checked:
            self._checked[integration.name] = self._assessment.judge(integration.name, self._lookup.parts(integration))
        return self._checked[integration.name]

    def check_requirements(self, *pep508: str) -> Checked:
        """Compare some requirements with this environment."""
        return self._once(Integration(", ".join(map(redact, pep508)), requirements=pep508))

    def check_tools(self, *tools: str) -> Checked:
        """Look for some programs on PATH."""
        return self._once(Integration(", ".join(tools), tools=tools))

    def check_group(self, *names: str) -> Checked:
        """Compare some dependency groups of this project with this environment."""
        for name in names:
            self._refuse_unknown_group(name)
        return self._once(Integration(", ".join(names), groups=tuple(map(canonicalize_name, names))))

    def check_extra(self, *names: str) -> Checked:
        """Compare some extras of this project with this environment."""
        for name in names:
            self._refuse_unknown_extra(name)
        return self._once(Integration(", ".join(names), extras=tuple(map(canonicalize_name, names))))

    def _refuse_unknown_group(self, name: str) -> None:
        known = self._offered.groups
        if canonicalize_name(name) not in known:
            raise SettingsError(f"this project has no dependency group '{printable(name)}'{did_you_mean(name, known)}")

    def _refuse_unknown_extra(self, name: str) -> None:
        known = self._offered.extras
        if canonicalize_name(name) not in known and self._offered.tells_extras:
            raise SettingsError(f"this project has no extra '{printable(name)}'{did_you_mean(name, known)}")

    def _once(self, unnamed: Integration) -> Checked:
        """Judge what a marker names, and remember it by all that it names."""
        key = repr(unnamed)
        if key not in self._checked:
            self._checked[key] = self._assessment.judge(unnamed.name, (unnamed,))
        return self._checked[key]

    def export(self, names: Iterable[str]) -> Export:
        """Give the requirements of some integrations; `all` for those of the table.

        Raises:
            SettingsError: there is no integration of one of the names, or `all` means none.
        """
        names = [*names]
        if ALL in names and not self.declared:
            raise SettingsError(self._none_declared())
        chosen = dict.fromkeys(each for name in names for each in (self.declared if name == ALL else (name,)))
        return export(self.asked(chosen), {name: str(value) for name, value in default_environment().items()})

    def _none_declared(self) -> str:
        others = sorted((self._offered.groups | self._offered.extras) - {ALL})
        named = f"groups and extras are exported by their names: {', '.join(others)}" if others else ""
        said = "'all' means the integrations of the table, and it declares none"
        return "; ".join(filter(None, [said, named, *self.overshadowed]))

    @property
    def overshadowed(self) -> tuple[str, ...]:
        """What to know of a group or an extra that is called `all`, if there is one."""
        kinds = [("group", self._offered.groups), ("extra", self._offered.extras)]
        return tuple(
            f"this project's {kind} 'all' is not exported by that name: "
            f'let the table declare an integration with {kind}s = ["all"]'
            for kind, names in kinds
            if ALL in names
        )

    def asked(self, names: Iterable[str]) -> tuple[Asked, ...]:
        """Give the requirements of some integrations, each with the integration that asks for it."""
        return tuple(
            Asked(wanted.requirement, part.name)
            for name in names
            for part in self._lookup.parts(self._lookup.get(name))
            for wanted in self._assessment.wanted(part)
        )

    def of_group(self, name: str) -> tuple[Requirement, ...]:
        """Give the requirements of a dependency group of this project."""
        self._refuse_unknown_group(name)
        return self._offered.of_group(canonicalize_name(name))

    def of_extra(self, name: str) -> tuple[Requirement, ...]:
        """Give the requirements of an extra of this project."""
        self._refuse_unknown_extra(name)
        return self._offered.of_extra(canonicalize_name(name))

    def parts(self, name: str) -> tuple[Integration, ...]:
        """Give an integration and those that it includes, each once."""
        return self._lookup.parts(self._lookup.get(name))

    def answers(self, part: Integration) -> tuple[Need, ...]:
        """Give the needs of a part that only code can judge."""
        return tuple(ask(self._around) for ask in part.asks)
