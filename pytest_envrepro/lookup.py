"""Finds integrations by name, among those of all providers, with all that they include."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations import found_providers
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.integrations import Found, Integration, Provider, Surroundings


class Lookup:
    """The integrations of one session by name; what a provider has said is remembered.

    Args:
        around: gives what providers are asked about, once it is needed.
    """

    def __init__(self, around: Callable[[], Surroundings]) -> None:
        self._around = around
        self._names: dict[str, tuple[tuple[str, ...], str]] = {}
        self._found: dict[str, Integration] = {}

    def names(self) -> tuple[str, ...]:
        """Give the names of all integrations, sorted: those of the table, groups, extras, built-in, of providers.

        Those of a provider that cannot tell them are not among them: see `faults`.
        """
        return tuple(sorted({name for each in self._prefixes for name in self._listed(each)[0]}))

    @property
    def faults(self) -> Mapping[str, str]:
        """By prefix: why a provider of another distribution cannot tell its integrations."""
        raised = {prefix: self._listed(prefix)[1] for prefix in self._prefixes}
        return {**self._found_providers.faults, **{prefix: fault for prefix, fault in raised.items() if fault}}

    @cached_property
    def _found_providers(self) -> Found:
        return found_providers()

    @property
    def _providers(self) -> tuple[Provider, ...]:
        return self._found_providers.providers

    @property
    def _prefixes(self) -> Iterable[str]:
        return dict.fromkeys(each.prefix for each in self._providers)

    def _listed(self, prefix: str) -> tuple[tuple[str, ...], str]:
        """Give the names, in full, of the providers with a prefix, or why it cannot tell them."""
        if prefix not in self._names:
            try:
                mine = [each for each in self._providers if each.prefix == prefix]
                self._names[prefix] = (
                    tuple(f"{prefix}{name}" for each in mine for name in each.names(self._around())),
                    "",
                )
            except SettingsError as error:
                if not prefix:  # The project's own files cannot be read.
                    raise
                self._names[prefix] = (), str(error)
        return self._names[prefix]

    def get(self, name: str) -> Integration:
        """Find an integration.

        Raises:
            SettingsError: there is none of that name.
        """
        if name not in self._found:
            head, colon, rest = name.rpartition(":")
            responsible = [each for each in self._providers if each.prefix == head + colon]
            found = next(filter(None, (each.get(rest, self._around()) for each in responsible)), None)
            if found is None:
                raise SettingsError(f"there is no integration '{printable(name)}'{self._instead(name, responsible)}")
            self._found[name] = found
        return self._found[name]

    def _instead(self, name: str, responsible: Iterable[Provider]) -> str:
        prefix = "".join(dict.fromkeys(each.prefix for each in responsible))
        if responsible:
            names, fault = self._listed(prefix)
            return f": {fault}" if fault else did_you_mean(name, names)
        prefix = f"{name.rpartition(':')[0]}:"
        faults = self._found_providers.faults
        if faults:  # The prefix of one that does not load is not known.
            told = [faults[prefix]] if prefix in faults else sorted(faults.values())
            return f": there is no provider '{prefix}'; {'; '.join(told)}"
        meant = did_you_mean(prefix, filter(None, (each.prefix for each in self._providers)))
        return f": there is no provider '{prefix}'{meant}; is the distribution that adds it installed?"

    def parts(self, integration: Integration) -> tuple[Integration, ...]:
        """Give an integration and those that it includes, each once.

        Raises:
            SettingsError: one that is included does not exist, or they include each other.
        """
        parts: dict[str, Integration] = {}

        trail: dict[str, Iterator[Integration]] = {}

        def enter(part: Integration) -> None:
            parts[part.name] = part
            trail[part.name] = self._included(part)

        # Without recursion: a chain of includes may be longer than that goes.
        enter(integration)
        while trail:
            name, included = next(reversed(trail.items()))
            part = next(included, None)
            if part is None:
                del trail[name]
            elif part.name in trail:
                names = [*trail]
                shown = " -> ".join((*names[names.index(part.name) :], part.name))
                raise SettingsError(f"the integrations include each other: {shown}")
            elif part.name not in parts:
                enter(part)
        return tuple(parts.values())

    def _included(self, part: Integration) -> Iterator[Integration]:
        for name in part.includes:
            try:
                yield self.get(name)
            except SettingsError as error:
                raise SettingsError(f"the integration '{part.name}' includes '{name}': {error}") from error
