"""Says which environment a test would be given, with nothing chosen, built or fetched for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.errors import EnvReproError, InterpreterNotFound
from pytest_envrepro.reports import Foreseen
from pytest_envrepro.settingkeys import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.depot import Depot
    from pytest_envrepro.plans import Plan
    from pytest_envrepro.settings import Layer, Settings

ENGINE = "docker-engine"  # The integration that containers need.
BY_CALLS = "environments"  # The fixture whose environments calls declare.
_BY_COMMAND = "is not known before the command of replicate-local has run"


def foreseen(fixture: str, settings: Callable[[Mapping[str, Layer]], Settings], depot: Depot) -> Foreseen:
    """Say what a fixture would give.

    Args:
        settings: gives the settings, by the environments that the table declares.
    """
    told = Foreseen(fixture=fixture)
    if fixture == BY_CALLS:
        return told._replace(state="is not known before the test calls it")
    try:
        declared = settings(depot.session.config.environments)
        title = f"environment '{declared.title}'" if declared.name else "an environment without a name"
        told = told._replace(title=title, settings=declared.explain())
        if declared.kind == CONTAINER or declared.compose:
            told = told._replace(needs=(ENGINE,))
        if declared.kind == CONTAINER:
            return _of_container(told, declared, depot)
        python = depot.python(declared)
        told = told._replace(python=f"{python.interpreter.version} ({python.origin})")
        if isinstance(declared.replicate_local, tuple):
            return told._replace(state=_BY_COMMAND)
        return told._replace(state=_state(depot, depot.plan(declared)))
    except InterpreterNotFound as error:
        return told._replace(fault=str(error), is_missing=True)
    except EnvReproError as error:
        return told._replace(fault=str(error))


def _of_container(told: Foreseen, settings: Settings, depot: Depot) -> Foreseen:
    """Say what a container would be made of: the engine is asked for the base alone, and only where it answers.

    Raises:
        EnvReproError: the settings cannot be followed.
    """
    plan = depot.containers.plan(settings)
    why = "" if settings.base_image or settings.own_dockerfile else " (by the version of Python)"
    told = told._replace(base=f"{settings.own_dockerfile or plan.reference}{why}", rots=tuple(map(str, plan.rots)))
    if depot.session.catalogue.check(ENGINE).status != "met":
        return told._replace(state="is not known without an engine")
    return told._replace(state="\n".join(depot.containers.foreseen(plan)))


def _state(depot: Depot, plan: Plan) -> str:
    if depot.policy.since is not None:
        return "is made anew, as --env-rebuild has it"
    entry, is_known = depot.foreseen(plan)
    if not is_known:
        built = " and this project's wheel is built" if plan.settings.project else ""
        return f"is not known before its versions are chosen{built}"
    return f"is there: {entry.path}" if entry is not None else "is not there yet, and is made"
