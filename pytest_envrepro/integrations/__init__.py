"""The providers of integrations: names to needs. A new one is a file here and a line in `PROVIDERS`."""

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations.base import Checked, Integration, Need, Probe, Provider, Status, Surroundings
from pytest_envrepro.integrations.docker_engine import DockerEngine
from pytest_envrepro.integrations.project import ProjectProvider
from pytest_envrepro.integrations.tools import Tool, parse_tool
from pytest_envrepro.integrations.zenml import ZenMLProvider
from pytest_envrepro.kinds import added

PROVIDERS: tuple[Provider, ...] = (ProjectProvider(), DockerEngine(), ZenMLProvider())

# The names that there are in every project.
BUILT_IN: frozenset[str] = frozenset(name for provider in PROVIDERS for name in getattr(provider, "built_in", ()))


def providers() -> tuple[Provider, ...]:
    """Give all providers, those of other distributions last.

    Raises:
        SettingsError: one of those has no prefix for its names, or that of another.
    """
    found = (*PROVIDERS, *added("integrations"))
    taken: set[str] = set()
    for provider in found[len(PROVIDERS) :]:
        prefix = provider.prefix
        if not prefix.endswith(":") or prefix in {*taken, *(each.prefix for each in PROVIDERS)}:
            message = f"the provider {provider!r} needs a prefix of its own that ends with a colon, not '{prefix}'"
            raise SettingsError(message)
        taken.add(prefix)
    return found


__all__ = [
    "BUILT_IN",
    "PROVIDERS",
    "Checked",
    "Integration",
    "Need",
    "Probe",
    "Provider",
    "Status",
    "Surroundings",
    "Tool",
    "parse_tool",
    "providers",
]
