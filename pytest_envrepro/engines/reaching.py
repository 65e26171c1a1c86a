"""Whether something answers at a port of a container, and where it is reached from this machine."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from pytest_envrepro.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.enginevalues import Member

_OWN = 0.5  # Seconds until a container on this machine answers; there is nothing between.
_OTHER = 3.0  # The same, through the engine.
_PATIENCE = 0.1  # Seconds in which a proxy with nothing behind it hangs up.


def first_closed(member: Member, *, is_remote: bool) -> int | None:
    """Give the first published port of a container that nothing answers at; None where all do."""
    return next((port for port in sorted(member.published) if not _is_open(member, port, is_remote=is_remote)), None)


def _is_open(member: Member, port: int, *, is_remote: bool) -> bool:
    """Look at the container itself where that can be, as what publishes its port answers also for nobody."""
    for own in () if is_remote else _own(member):
        answer = _answers(own, port, _OWN)
        if answer is not None:
            return answer
    machine, published = member.published[port]
    return _serves(machine, published)


def _own(member: Member) -> Iterable[str]:
    return filter(None, member.networks.values())


def _answers(machine: str, port: int, timeout: float) -> bool | None:
    """Tell whether something listens; None where the machine is not reached."""
    try:
        socket.create_connection((machine, port), timeout).close()
    except ConnectionError:
        return False
    except OSError:
        return None
    return True


def _serves(machine: str, port: int) -> bool:
    """Tell whether something listens behind a published port, and does not hang up at once."""
    try:
        with socket.create_connection((machine, port), _OTHER) as connection:
            connection.settimeout(_PATIENCE)
            return connection.recv(1) != b""
    except TimeoutError:
        return True  # It waits for what it is asked, or is not reached: a client says that better.
    except OSError:
        return False


def address_of(member: Member, port: int, *, is_remote: bool) -> tuple[str, int]:
    """Give where a port of a container is reached: where it is published, else at the container itself.

    Raises:
        EngineError: nowhere.
    """
    if port in member.published:
        return member.published[port]
    if "host" in member.networks:
        return member.machine, port
    why = "the engine is on another machine"
    if not is_remote:
        for own in _own(member):
            if _answers(own, port, _OWN) is not None:
                return own, port
        why = "its networks are not reached from this machine"
    known = ", ".join(map(str, sorted(member.published))) or "none"
    raise EngineError(
        f"port {port} of {member.name} cannot be reached from here: it is not published (published: {known}), and {why}; "
        f"write ports: ['{port}'] in the Compose file"
    )
