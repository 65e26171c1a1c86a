"""The providers of integrations: names to needs. A new one is a file here and a line in `PROVIDERS`."""

from typing import NamedTuple

from pytest_envrepro.integrations.base import Checked, Integration, Need, Probe, Provider, Status, Surroundings
from pytest_envrepro.integrations.docker_engine import DockerEngine
from pytest_envrepro.integrations.guarding import Guarded
from pytest_envrepro.integrations.project import ProjectProvider
from pytest_envrepro.integrations.tools import Tool, parse_tool
from pytest_envrepro.integrations.zenml import ZenMLProvider
from pytest_envrepro.kinds import each_added

PROVIDERS: tuple[Provider, ...] = (ProjectProvider(), DockerEngine(), ZenMLProvider())

# The names that there are in every project.
BUILT_IN: frozenset[str] = frozenset(name for provider in PROVIDERS for name in getattr(provider, "built_in", ()))


class Found(NamedTuple):
    """The providers.

    Attributes:
        providers: those that can be asked.
        faults: by the names of the entry points with a colon behind them, which are the prefixes of most: what is wrong
            with those that cannot.
    """

    providers: tuple[Provider, ...]
    faults: dict[str, str]


def providers() -> tuple[Provider, ...]:
    """Give all providers that can be asked, those of other distributions last."""
    return found_providers().providers


def found_providers() -> Found:
    """Give all providers, and what is wrong with those of other distributions that cannot be asked."""
    taken = {provider.prefix for provider in PROVIDERS}
    others: list[Provider] = []
    faults: dict[str, str] = {}
    for each in each_added("integrations"):
        prefix = getattr(each.kind, "prefix", None)
        if each.fault:
            faults[f"{each.name}:"] = each.fault
        elif not isinstance(prefix, str) or not prefix.endswith(":") or prefix in taken:
            needs = f"needs a prefix of its own that ends with a colon, not {prefix!r}"
            faults[f"{each.name}:"] = f"{each.words} {needs}"
        else:
            taken.add(prefix)
            others.append(Guarded(each.kind, each.words))
    return Found((*PROVIDERS, *others), faults)


__all__ = [
    "BUILT_IN",
    "PROVIDERS",
    "Checked",
    "Found",
    "Integration",
    "Need",
    "Probe",
    "Provider",
    "Status",
    "Surroundings",
    "Tool",
    "found_providers",
    "parse_tool",
    "providers",
]
