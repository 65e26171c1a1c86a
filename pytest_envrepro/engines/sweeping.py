"""Takes away what sessions left that are gone; two may do so at once, and none touches what another one uses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engines.owners import MANAGED, host, is_abandoned
from pytest_envrepro.engines.removing import Removing

if TYPE_CHECKING:
    from pytest_envrepro.engines.connection import Connection

_OURS = {"label": f"{MANAGED}=1"}


def sweep(connection: Connection, *, kept: bool) -> int:
    """Remove containers, then networks and volumes, whose owners are gone; say how many.

    Raises:
        EngineError: the engine does not remove one of them, and all others are gone by then; or it does not answer.
    """
    here, now = host(), time.time()

    def abandoned(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in found if is_abandoned(each.get("Labels") or {}, now=now, here=here, kept=kept)]

    removing = Removing(connection)
    with connection.asking("list containers") as api:
        containers = abandoned(api.containers(all=True, filters=_OURS))
    removing.containers(each["Id"] for each in containers)
    with connection.asking("list networks") as api:
        networks = abandoned(api.networks(filters=_OURS))
    removing.networks(each["Id"] for each in networks)
    with connection.asking("list volumes") as api:
        volumes = abandoned(api.volumes(filters=_OURS)["Volumes"] or [])
    removing.volumes(each["Name"] for each in volumes)
    return removing.end()
