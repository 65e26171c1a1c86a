"""ZenML's integrations (`zenml:pytorch`), where ZenML is installed: its registry's data, judged by our own rules.

The registry is code: it is asked in a process of its own, once for each version of ZenML, and never imported here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations.base import Integration, Need
from pytest_envrepro.integrations.variables import for_imports
from pytest_envrepro.process import NotStartedError, TimedOutError, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.integrations.base import Surroundings

_PACKAGE = "zenml"
_TIMEOUT = 180.0  # Seconds: ZenML takes two to load, and twenty from a cold disk on a small machine.
_QUOTED = 200  # Characters of what it printed, in a message.
# An integration with a rule of its own for platforms (`check_installation`) and nothing to install is not for this one.
_PROGRAM = """
import json, os
out = os.dup(1)
os.dup2(2, 1)
from zenml.integrations.integration import Integration
from zenml.integrations.registry import integration_registry
found = {}
for name, each in integration_registry.integrations.items():
    try:
        requirements = list(each.get_requirements())
        own = each.check_installation.__func__ is not Integration.check_installation.__func__
        excluded = own and not requirements and not each.check_installation()
        found[name] = {"requirements": requirements, "apt": list(each.APT_PACKAGES), "excluded": excluded}
    except Exception as error:
        found[name] = {"fault": f"{type(error).__name__}: {error}"}
with os.fdopen(out, "w", encoding="utf-8") as file:
    json.dump(found, file)
os._exit(0)
"""


class ZenMLProvider:
    """The integrations of the ZenML that is installed."""

    prefix = "zenml:"

    def names(self, around: Surroundings) -> Iterable[str]:
        """Give the names in ZenML's registry; none where ZenML is not installed."""
        return self._registry(around)

    def get(self, name: str, around: Surroundings) -> Integration | None:
        """Give one of them; `label-studio` is `label_studio` too. Without ZenML, ZenML is what is missing."""
        if _PACKAGE not in around.inventory().distributions:
            return Integration(f"{self.prefix}{name}", requirements=(_PACKAGE,), declared_in="ZenML, not installed")
        registry = self._registry(around)
        canonical = canonicalize_name(name)
        known = next((each for each in registry if canonicalize_name(each) == canonical), None)
        if known is None:
            return None
        told = registry[known]
        if "fault" in told:
            message = f"zenml:{known} cannot be read: {told['fault']}"
            raise SettingsError(message)
        return Integration(
            name=f"{self.prefix}{known}",
            requirements=tuple(told["requirements"]),
            apt_packages=tuple(told["apt"]),
            declared_in=f"ZenML {around.inventory().versions[_PACKAGE]}",
            asks=(_excluded,) if told["excluded"] else (),
        )

    def _registry(self, around: Surroundings) -> Mapping[str, Any]:
        if self.prefix not in around.memory:
            around.memory[self.prefix] = _remembered(around)
        registry: Mapping[str, Any] = around.memory[self.prefix]
        return registry


def _remembered(around: Surroundings) -> Mapping[str, Any]:
    """Give the registry as an earlier session has read it, else read it."""
    inventory = around.inventory()
    if _PACKAGE not in inventory.distributions:
        return {}
    zenml, python = inventory.distributions[_PACKAGE], inventory.interpreter
    if zenml.source is not None and zenml.source.editable:  # Who edits it changes its registry, and no version.
        return _ask(around)
    # The registry's data depend on the platform and on Python.
    key = f"{_PACKAGE} {zenml.version} {zenml.changed} {python.implementation} {python.version} {python.platform}"
    known = around.cache.get(key)
    if known is None:
        known = _ask(around)
        around.cache.put(key, known)
    return known


def _excluded(around: Surroundings) -> Need:  # noqa: ARG001  # ZenML has told it already.
    return Need("this platform", None, met=False, why="is excluded by ZenML's own rule", applies=False)


def _ask(around: Surroundings) -> dict[str, Any]:
    """Read the registry.

    Raises:
        SettingsError: ZenML cannot be loaded, with the last line that it printed.
    """
    with tempfile.TemporaryDirectory(prefix="envrepro-") as folder:
        # Its settings folder is another for this: it would make one in the user's home, and send statistics.
        variables = {
            **for_imports(around.environ),
            "ZENML_CONFIG_PATH": folder,
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_LOGGING_VERBOSITY": "ERROR",
        }
        try:
            # In an empty folder: `python -c` looks for modules where it runs.
            done = run([sys.executable, "-B", "-c", _PROGRAM], cwd=Path(folder), environ=variables, timeout=_TIMEOUT)
        except (NotStartedError, TimedOutError) as error:
            raise SettingsError(f"the integrations of ZenML cannot be read: {error}") from error
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        said = next(
            (line for line in reversed(done.stderr.splitlines()) if line.strip()), f"exit code {done.returncode}"
        )
        raise SettingsError(f"the integrations of ZenML cannot be read: {said[:_QUOTED]}") from error
    return found
