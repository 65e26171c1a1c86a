"""Whether the services of a project are ready, and what to say where they are not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.engines.projects import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_envrepro.enginevalues import Member

_MOST_LINES = 20  # Of a log, in a message.
_LONGEST = 300  # Characters of one of these lines.
_MOST_SAID = 3  # Of a health check's last words.


class Readiness(NamedTuple):
    """How far services are.

    Attributes:
        failed: what will not become ready, and why, for people.
        waiting: what may become ready, and what it lacks.
        loose: whether something counts as ready just because it runs.
    """

    failed: tuple[tuple[Member, str], ...]
    waiting: tuple[tuple[Member, str], ...]
    loose: bool


def readiness(members: Iterable[Member], is_open: Callable[[Member], int | None]) -> Readiness:
    """Judge services.

    One with a health check is ready when that says so; another one when it runs and its published ports are open; one
    that has ended with 0 has done what it is for.

    Args:
        is_open: gives a published port that nothing answers at, or None.
    """
    failed, waiting, loose = [], [], False
    for member in members:
        if member.state in {"exited", "dead", "removing"}:
            if member.returncode or member.state != "exited" or member.error:
                failed.append((member, _ended(member)))
        elif member.health == "unhealthy":
            failed.append((member, "is unhealthy"))
        elif member.state != "running":
            waiting.append((member, _stuck(member)))
        elif member.health:
            if member.health != "healthy":
                waiting.append((member, "is not healthy yet"))
        elif not member.published:
            loose = True
        elif (port := is_open(member)) is not None:
            waiting.append((member, f"runs, and nothing answers at its port {port}"))
    return Readiness(tuple(failed), tuple(waiting), loose)


def _ended(member: Member) -> str:
    if member.error:
        return f"did not start: {member.error}"
    return f"has ended with {member.returncode}" if member.state == "exited" else f"is {member.state}"


def _stuck(member: Member) -> str:
    if member.state == "restarting":
        return f"is started again and again ({member.restarts} times), and has ended with {member.returncode}"
    if member.error:
        return f"did not start: {member.error}"
    return "was not started: what it depends on is not ready" if member.state == "created" else f"is {member.state}"


def told(parts: Iterable[tuple[Member, str]], log_of: Callable[[Member], str]) -> str:
    """Tell what is wrong with services: each with what its health check said, and the end of its log.

    Args:
        log_of: gives a log.
    """
    lines = []
    for member, what in parts:
        lines.append(f"  {service_of(member)} ({member.name}) {what}")
        if member.health and member.health != "healthy":
            said = list(dict.fromkeys(filter(None, member.said)))[-_MOST_SAID:]
            lines += [f"    its health check says: {_end(each)}" for each in said] or [
                "    its health check says nothing"
            ]
        log = [line.rstrip() for line in log_of(member).splitlines() if line.strip()]
        if log:
            of = f" (the end of {len(log):,} lines)" if len(log) > _MOST_LINES else ""
            lines += [f"    its log{of}:", *(f"      {_short(line)}" for line in log[-_MOST_LINES:])]
        else:
            lines.append("    its log is empty")
    return "\n".join(lines)


def service_of(member: Member) -> str:
    """Give the service that a container is one of."""
    return member.labels.get(SERVICE, member.name)


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _end(line: str) -> str:
    return line if len(line) <= _LONGEST else f"...{line[3 - _LONGEST :]}"
