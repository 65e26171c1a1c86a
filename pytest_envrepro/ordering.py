"""Which container is ordered of an image: one that tests share and none can change, or a test's own; and the key of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.enginevalues import Order
from pytest_envrepro.images import key_of_container
from pytest_envrepro.installers.taking import inside
from pytest_envrepro.settings import DEFAULT

if TYPE_CHECKING:
    from pytest_envrepro.imagemaking import MadeImage
    from pytest_envrepro.settings import Settings

# What programs may write to in a container that tests share: it is in memory, and goes with the container.
_SCRATCH = ("/tmp", "/var/tmp", "/run")  # noqa: S108  # In a container.
_SHARED = {"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108  # The same.


def order_of(made: MadeImage, name: str, *, network: str | None, is_private: bool, is_remote: bool) -> Order:
    """Order a container of an image, as its settings have it.

    Args:
        name: for people who look at the engine.
        network: that it is on, where its settings name none.
        is_private: whether it is one test's own.
        is_remote: whether the engine cannot see the folders of this machine.
    """
    settings = made.plan.settings
    limits = settings.limits
    own = {} if is_private else {name: value for name, value in _SHARED.items() if name not in settings.environment}
    given = {**own, **made.at_run_time}
    if settings.skip_build:
        given |= settings.environment
    # For `install`.
    places = made.places if is_private and made.has_packages and not is_remote else ()
    return Order(
        image=made.image.id,
        title=name,
        environment=given,
        network=settings.network or network,
        memory=int(limits["memory"]) if "memory" in limits else None,
        cpus=limits.get("cpus"),
        pids=int(limits["pids"]) if "pids" in limits else None,
        platform=settings.platform,
        scratch=() if is_private else _SCRATCH,
        binds={str(place): inside(place) for place in places},
        read_only=not is_private,
        user=settings.user if settings.skip_build else None,
        workdir=_workdir_of(settings),
    )


def _workdir_of(settings: Settings) -> str | None:
    """Say where programs run, where no Dockerfile of ours says so; None for where they do in the image."""
    return settings.workdir if settings.skip_build and settings.origins["workdir"] != DEFAULT else None


def key_of(made: MadeImage) -> str:
    """Give the key of an environment: that of its image, unless its containers are started with something of their own."""
    settings = made.plan.settings
    if settings.skip_build:
        return key_of_container(
            made.key,
            network=settings.network,
            limits=settings.limits,
            platform=made.image.platform,
            user=settings.user,
            workdir=_workdir_of(settings),
            environment=settings.environment,
        )
    if settings.network is not None or settings.limits:
        return key_of_container(made.key, network=settings.network, limits=settings.limits)
    return made.key
