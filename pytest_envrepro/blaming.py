"""Says, where an engine refuses something, for which environment it was asked, and which of its settings that comes from."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from pytest_envrepro.engine import CancelledError, EngineError, GoneError, ImageNotFoundError, NoEngineError
from pytest_envrepro.imagebuilding import stands_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.plans import ContainerPlan
    from pytest_envrepro.settings import Settings

# What engines say of a setting that they cannot follow; the first one counts (Docker 20.10, daemon/*.go).
_SAID = {
    "pull": re.compile(r'as pull = "always" asks'),  # Our own words.
    "platform": re.compile(r"\bplatform\b"),
    "network": re.compile(r"\bnetwork\b", re.IGNORECASE),
    "user": re.compile(r"unable to find (?:user|group)|no matching entries in (?:passwd|group)"),
    "limits.cpus": re.compile(r"\bcpus?\b", re.IGNORECASE),
    "limits.memory": re.compile(r"\bmemory\b", re.IGNORECASE),
    "limits.pids": re.compile(r"\bpids\b", re.IGNORECASE),
}


@contextlib.contextmanager
def blaming(plan: ContainerPlan, otherwise: str = "") -> Iterator[None]:
    """Name the environment, and the setting, in what an engine says about it.

    That there is no engine, that it has gone and that the session ends comes from no environment, and is left as it is.

    Args:
        otherwise: the setting that an image comes from which is not there; empty where it was there before.

    Raises:
        EngineError: as was raised, with that.
    """
    try:
        yield
    except (NoEngineError, CancelledError, GoneError):
        raise
    except EngineError as error:
        is_missing = isinstance(error, ImageNotFoundError)
        said = str(error)
        setting = _setting(plan.settings, said) or (otherwise if is_missing else "")
        told = f"\n  the setting: {stands_at(setting, plan.settings)}" if setting else ""
        raise (ImageNotFoundError if is_missing else EngineError)(f"{plan.title}: {said}{told}") from error


def _setting(settings: Settings, said: str) -> str:
    """Find the setting that is meant, among those that are set; empty where none is."""
    is_set = {
        "pull": settings.pull == "always",
        "platform": settings.platform is not None,
        "network": settings.network is not None,
        "user": settings.user is not None,
        **{f"limits.{name}": True for name in settings.limits},
    }
    return next((name for name, pattern in _SAID.items() if is_set.get(name) and pattern.search(said)), "")
