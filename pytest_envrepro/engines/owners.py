"""Who owns a container: labels that tell it, and whether that process is still there."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.enginevalues import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGED = f"{OWN}managed"
SESSION = f"{OWN}session"
_PID = f"{OWN}pid"
_HOST = f"{OWN}host"
_STARTED = f"{OWN}started"
_DEADLINE = f"{OWN}deadline"
_KEEP = f"{OWN}keep"
LONGEST = 24 * 3600  # Seconds until another machine takes away what a session has left.
_STAT_STATE, _STAT_START = 0, 19  # Of `/proc/PID/stat` (proc(5)), counted from the field after the name.


class Owner(NamedTuple):
    """A process of a session.

    Attributes:
        session: the word for the session.
        pid: of the process.
        host: a digest of the machine, its start and the namespace that the pid is of.
        started: when the process has started, in ticks since the machine has; empty where that is not known.
    """

    session: str
    pid: int
    host: str
    started: str

    def labels(self, *, keep: bool = False, now: float | None = None) -> dict[str, str]:
        """Give the labels of what it makes.

        Args:
            keep: whether that stays when the process ends.
            now: in seconds since 1970.
        """
        deadline = int((time.time() if now is None else now) + LONGEST)
        return {
            MANAGED: "1",
            SESSION: self.session,
            _PID: str(self.pid),
            _HOST: self.host,
            _STARTED: self.started,
            _DEADLINE: str(deadline),
            _KEEP: str(int(keep)),
        }


def own(session: str) -> Owner:
    """Give the owner that this process is."""
    return of_process(os.getpid(), session)


def of_process(pid: int, session: str) -> Owner:
    """Give the owner that a process of this machine is, for one of its sessions."""
    return Owner(session, pid, host(), ticks(pid) or "")


def host() -> str:
    """Give a digest of what a pid is unique in: this machine, since it was started, and the namespace of this process.

    A container's machine-id may be that of its image, and the number of a namespace returns on another machine: only
    together, and with the start of the machine, they are nobody else's.
    """
    parts = [_line("/etc/machine-id"), _line("/proc/sys/kernel/random/boot_id"), platform.node()]
    try:
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        parts.append("")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def ticks(pid: int) -> str | None:
    """Give when a process has started, in ticks since the machine has; None where there is none, or none that runs.

    Empty where the system does not tell (other than Linux).
    """
    if os.name != "posix":
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except (OSError, OverflowError):
        pass
    fields = _line(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) <= _STAT_START:
        return ""
    return None if fields[_STAT_STATE] in "ZX" else fields[_STAT_START]


def is_abandoned(labels: Mapping[str, str], *, now: float, here: str, kept: bool = False) -> bool:
    """Tell whether nobody uses what has these labels any more.

    Args:
        now: in seconds since 1970.
        here: `host()`.
        kept: whether what was to stay counts too, once the process is gone.
    """
    # An image's labels are those of its containers too: one without an owner is somebody else's.
    if labels.get(MANAGED) != "1" or not labels.get(_HOST) or not labels.get(_PID, "").isdecimal():
        return False
    deadline = labels.get(_DEADLINE, "")
    is_late = deadline.isdecimal() and now > int(deadline)
    if labels[_HOST] != here:
        return is_late
    if lives(int(labels[_PID]), labels.get(_STARTED, "")):
        return False
    return kept or is_late or labels.get(_KEEP) != "1"


def lives(pid: int, started: str) -> bool:
    """Tell whether a process is there, and is the one that had the pid then."""
    found = ticks(pid)
    if found is None:
        return False
    return not started or not found or found == started


def _line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return ""
