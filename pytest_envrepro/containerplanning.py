"""Decides what container environments are made of, and says what is there of one: nothing is pulled or built for it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from pytest_envrepro.builders import builder_for
from pytest_envrepro.engine import ImageNotFoundError
from pytest_envrepro.engines import connect
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.grounding import fits, is_pulled, missing
from pytest_envrepro.identities import files_of, identity_of
from pytest_envrepro.images import apt_words, default_base
from pytest_envrepro.owning import check_own
from pytest_envrepro.plans import ContainerPlan
from pytest_envrepro.rotting import rotting_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.plans import Policy
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings


def container_plan(settings: Settings, session: Session) -> ContainerPlan:
    """Decide what an environment is made of.

    Raises:
        SettingsError: the settings contradict each other, or name what does not exist.
    """
    if settings.project == "editable":
        raise SettingsError('project = "editable" would lie outside of a container: write project = "wheel"')
    files_of(settings, session.root)
    own = [
        package
        for name in settings.required_integrations
        for part in session.catalogue.parts(name)
        for package in part.apt_packages
    ]
    check_own(settings, session.root)
    _check_builder(settings)
    reference = (
        settings.own_dockerfile or settings.base_image or default_base(settings.python, platform.python_version())
    )
    apt_packages = apt_words(settings.apt_packages, own)
    return ContainerPlan(settings, reference, apt_packages, identity_of(settings), rotting_in(settings, session))


def _check_builder(settings: Settings) -> None:
    """Look whether there is such a builder, also where nothing has to be built today.

    Raises:
        SettingsError: there is none.
    """
    try:
        builder_for(settings.builder, lambda address: connect({}, address=address))
    except SettingsError as error:
        raise SettingsError(f"{error} ({settings.origins['builder']})") from None


def asks_for_packages(settings: Settings) -> bool:
    """Tell whether something is to be installed by pip or uv."""
    asks = (settings.lock, settings.requirements, settings.groups, settings.extras, settings.replicate_local)
    return any(asks) or bool(settings.required_integrations) or bool(settings.project)


def foreseen(plan: ContainerPlan, policy: Policy, environ: Mapping[str, str]) -> Iterator[str]:
    """Say what is there of an environment, a line each; the engine is asked for its base alone.

    Args:
        policy: how it would be made.
        environ: the variables that name the engine.

    Raises:
        EngineError: there is no engine, or no such image, and none is to be pulled.
    """
    settings = plan.settings
    if settings.own_dockerfile is None:
        yield _state_of_base(plan, policy, environ)
    if policy.since is not None:
        yield "its image is made anew, as --env-rebuild has it"
    elif not settings.skip_build:
        chosen = "its versions are chosen" if asks_for_packages(settings) else "somebody asks for it"
        yield f"its image is found by its key, or built, when {chosen}"


def _state_of_base(plan: ContainerPlan, policy: Policy, environ: Mapping[str, str]) -> str:
    engine = connect(environ)
    try:
        found = engine.image(plan.reference)
    finally:
        engine.close()
    if is_pulled(plan.settings, plan.reference, found, offline=policy.offline):
        again = found is not None and fits(found, plan.settings.platform)
        return (
            'the base is there, and is pulled again when somebody asks for it, as pull = "always" has it'
            if again
            else "the base is not there, and is pulled when somebody asks for it"
        )
    if found is None or not fits(found, plan.settings.platform):
        raise ImageNotFoundError(missing(plan.settings, plan.reference, found, where="there"))
    return f"the base is there: {found.digests[0] if found.digests else found.id}"
