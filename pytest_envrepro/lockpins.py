"""Reads locks that settings and tests name: the pins for an environment, one of each package, and where these are found."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.absolute import located
from pytest_envrepro.checks.applying import applying
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError, SettingsError
from pytest_envrepro.locks import format_of
from pytest_envrepro.locks.syntax import expand
from pytest_envrepro.places import VCS, is_local, normal, taken_apart
from pytest_envrepro.provenance import Option
from pytest_envrepro.requirement import evaluate, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_envrepro.model import Lock, Pin
    from pytest_envrepro.provenance import Support
    from pytest_envrepro.session import Session

_OF_CONDA = frozenset({"conda", "conda-lock"})


def read_lock(session: Session, path: str, declared_by: str) -> Lock:
    """Read a lock that settings or a test name.

    Args:
        path: relative to the root, or absolute.
        declared_by: who names it, for the message.

    Raises:
        SettingsError: there is no such file, or it lies outside of the project.
        LockError: its pins cannot be read.
    """
    path = Path(os.path.relpath(session.root / path, session.root)).as_posix()
    if path.startswith("../") or os.path.isabs(path):
        raise SettingsError(f"the lock {path} of {declared_by} lies outside of this project")
    if not session.tree.exists(path):
        raise SettingsError(f"the lock {path} of {declared_by} does not exist")
    lock = session.lock(path)
    refuse_unusable(lock)
    return lock


def refuse_unusable(lock: Lock) -> None:
    """Refuse a lock that no environment can be made of, or compared with.

    Raises:
        LockError: it pins packages of another kind than Python's, or what it pins is not known.
    """
    # One that cannot be read is told by its name.
    is_of_conda = lock.tool in _OF_CONDA or format_of(lock.path).name == "conda"
    kinds = ("conda" if is_of_conda else "", *(kind_of(pin.name) for pin in lock.pins))
    kind = next(filter(None, kinds), None)
    if kind is not None:
        what = f"a lock of {kind}'s, whose packages neither pip nor uv installs: name a lock of Python's packages"
        raise LockError(lock.path, None, what)
    for fault in lock.faults:
        if fault.file == lock.path and fault.code in {"unreadable", "merge-conflict"}:
            raise LockError(lock.path, fault.line, fault.message)
    reason = lock.unread or lock.partial
    if reason is not None:
        line = re.match(rf"{re.escape(lock.path)}:(\d+) ", reason)
        raise LockError(lock.path, int(line[1]) if line else None, reason[line.end() :] if line else reason)
    if lock.unpinned:
        raise LockError(lock.path, None, f"{', '.join(sorted(lock.unpinned))} stands there without a version")


def pins_of(lock: Lock, environment: Mapping[str, str], parts: frozenset[str] | None, root: Path) -> tuple[Pin, ...]:
    """Give the pins that an environment is made of.

    Of a lock that a tool installs of itself, paths in them are absolute, and of each package there is one; of a
    requirements file they are as they stand there.

    Args:
        lock: one that is not refused by `refuse_unusable`.
        environment: the marker variables of its Python.
        parts: as `parts_of` gives them.
        root: of the project.

    Raises:
        LockError: the lock is not for this Python, or what it pins could be any file.
    """
    if lock.install is None:
        return tuple(pin for pin in lock.pins if pin.requirement.applies(environment))
    for support in lock.supports:
        if not _holds(support, lock, environment):
            python = environment["python_full_version"]
            what = f"is for {support.written}, and this is Python {python} on {environment['sys_platform']}"
            raise LockError(lock.path, support.line, what)
    pins = _one_of_each(lock, applying(lock, environment, parts))
    _refuse_unproven(lock, pins)
    return tuple(_absolute(pin, root) for pin in pins)


def _holds(support: Support, lock: Lock, environment: Mapping[str, str]) -> bool:
    try:
        return evaluate(support.marker, environment)
    except ValueError as error:
        raise LockError(lock.path, support.line, f"is for {support.written}, which cannot be read") from error


def _one_of_each(lock: Lock, pins: Sequence[Pin]) -> tuple[Pin, ...]:
    by_name: dict[str, Pin] = {}
    for pin in pins:
        other = by_name.setdefault(pin.name, pin)
        if _place(other) != _place(pin):
            raise LockError(
                lock.path,
                pin.line,
                f"{_shown(pin)} and {_shown(other)} (line {other.line}) are both for this Python: "
                "choose groups and extras that do not exclude each other, or lock again",
            )
    return tuple(by_name.values())


def _place(pin: Pin) -> tuple[object, ...]:
    return pin.version, pin.requirement.url, pin.index, pin.editable


def _refuse_unproven(lock: Lock, pins: Sequence[Pin]) -> None:
    is_hashed = any(pin.hashes for pin in lock.pins)
    for pin in pins:
        place = pin.requirement.url
        if place is not None and pin.editable and place.startswith(VCS):
            raise LockError(
                lock.path, pin.line, f"{pin.name} is an editable checkout, which no environment here can have"
            )
        if place is None and is_hashed and not pin.hashes and not pin.hashless:
            what = f"{_shown(pin)} has no hash, and others have: what is installed could be any file"
            raise LockError(lock.path, pin.line, f"{what}; lock again{f' ({lock.fix})' if lock.fix else ''}")


def _shown(pin: Pin) -> str:
    return redact(f"{pin.name} @ {pin.requirement.url}" if pin.requirement.url else f"{pin.name}=={pin.version}")


def _absolute(pin: Pin, root: Path) -> Pin:
    """Write a path in a pin as the URL of where that is: it is relative to the folder of its lock."""
    requirement = pin.requirement
    if requirement.url is None or not is_local(requirement.url) or requirement.url.startswith(VCS):
        return pin
    url = located(replace(requirement, name=None, extras=frozenset()), root / os.path.dirname(pin.file))
    return replace(pin, requirement=replace(requirement, url=url))


def places_of(
    lock: Lock, pins: Sequence[Pin], root: Path, environ: Mapping[str, str], *, further: str
) -> Iterator[Option]:
    """Give the indexes and folders that the pins of a project's lock come from, as options of an installer.

    Where all of them name one, nothing else is asked: the first is the index, the others go beside it. The hash of a
    package tells which file is meant, wherever it is found; one without a hash has to have one place alone.

    Args:
        environ: the variables that URLs in the lock may name.
        further: what the user's configuration names beside the one index, for a message; empty where that is nothing.

    Raises:
        LockError: a package without a hash could come from another place.
    """
    indexed = [pin for pin in pins if pin.requirement.url is None]
    by_place: dict[str, list[Pin]] = defaultdict(list)
    for pin in indexed:
        by_place[normal(pin.index)].append(pin)
    unhashed = next((pin for pin in indexed if not pin.hashes), None)
    is_one = len(by_place) <= 1 and all(option.name != "--extra-index-url" for option in lock.options)
    if unhashed is not None and (not is_one or (unhashed.index and further)):
        others = f"pip or uv is configured with further {further}" if is_one else "the lock names further indexes"
        raise LockError(
            lock.path,
            unhashed.line,
            f"{_shown(unhashed)} has no hash, and {others}, which may have another file of that name",
        )
    named = [several[0] for place, several in by_place.items() if place]
    has_index = "" in by_place  # The one of the configuration.
    for pin in named:
        option = _option(pin, root, environ, is_further=has_index)
        has_index = has_index or option.name == "--index-url"
        yield option
    if named and not has_index and unhashed is not None:
        yield Option("--no-index", "", "", lock.path, named[0].line or 1)
    if not is_one:  # The hash chooses, and not the order of the indexes.
        yield Option("--index-strategy", "unsafe-best-match", "unsafe-best-match", lock.path, 1)
    yield from lock.options


def _option(pin: Pin, root: Path, environ: Mapping[str, str], *, is_further: bool) -> Option:
    name = "--extra-index-url" if is_further else "--index-url"
    if not is_local(pin.index):
        return Option(name, expand(pin.index, environ), pin.index, pin.file, pin.line or 1)
    path = Path(os.path.normpath(root / os.path.dirname(pin.file) / _path(pin.index)))
    # A folder of files, or one with a page for each package (PEP 503).
    if not any(path.glob("*/index.html")):
        name = "--find-links"
    return Option(name, path.as_uri(), pin.index, pin.file, pin.line or 1)


def _path(index: str) -> str:
    parts = taken_apart(index) if index.lower().startswith("file:") else None
    return parts.path if parts is not None else index
