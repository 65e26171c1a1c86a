"""Compares what the inputs of a lock ask for with its pins, requirement by requirement."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.checks.base import target_environment
from pytest_envrepro.checks.source import is_below, meets
from pytest_envrepro.credentials import redact
from pytest_envrepro.model import MAIN, UNTOLD, Root
from pytest_envrepro.outcome import Finding
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.checks.base import Facts
    from pytest_envrepro.inventory import Distribution
    from pytest_envrepro.model import Lock, Pin, Project
    from pytest_envrepro.provenance import Dynamic

_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']*)["']""")


def check_roots(
    lock: Lock, roots: Iterable[Root], pins: Mapping[str, list[Pin]], environment: Mapping[str, str], folder: str
) -> Iterator[Finding]:
    """Give a finding for each requirement of the inputs that is not pinned, or that its pin violates.

    Args:
        roots: those that apply.
        pins: those that apply, by canonical name.
        folder: the project's.
    """
    overridden = {root.requirement.name for root in lock.overrides}
    overrides = [root for root in lock.overrides if root.requirement.applies(environment)]
    wanted = [root for root in roots if root.requirement.name not in overridden]
    asked_for = {root.requirement.name for root in roots}
    everywhere = {pin.requirement.name for pin in lock.pins} - {None}
    told = {(fault.file, fault.line) for fault in lock.faults if fault.code == "missing-direct"}
    for root in (*wanted, *(root for root in overrides if root.requirement.name in asked_for)):
        met = met_by(root, pins, folder)
        if not met and root.requirement.name not in lock.excluded | lock.unpinned:
            yield _missing(lock, root, ", but for other environments" if root.requirement.name in everywhere else "")
        elif met and (root.file, root.line) not in told and not any(_is_for(root.part, pin) for pin in met):
            parts = sorted({part for pin in met for part in pin.parts})
            yield _missing(lock, root, f" for {_shown(root.part)}, but for {' and '.join(map(_shown, parts))}")
    for root in (*wanted, *overrides):
        violated = list(_violations("violated-direct", root, met := met_by(root, pins, folder), folder))
        # Another pin of that name may be for another part of the project.
        if not lock.has_choices or len(violated) == len(met):
            yield from violated


def check_constraints(
    lock: Lock, pins: Mapping[str, list[Pin]], environment: Mapping[str, str], folder: str
) -> Iterator[Finding]:
    """Give a finding for each constraint that a pin violates."""
    for root in lock.constraints:
        if root.requirement.applies(environment):
            found = pins.get(root.requirement.name or "", ())
            yield from _violations("violated-constraint", root, found, folder)


def met_by(root: Root, pins: Mapping[str, list[Pin]], folder: str) -> list[Pin]:
    """Give the pins of a requirement: by its name or, for a path or a URL without one, by the place."""
    requirement = root.requirement
    if requirement.name is not None and requirement.name in pins:
        return pins[requirement.name]
    if requirement.url is None:
        return []
    return [pin for several in pins.values() for pin in several if pin.requirement.url and meets(root, pin, folder)]


def _violations(code: str, root: Root, pins: Iterable[Pin], folder: str) -> Iterator[Finding]:
    requirement = root.requirement
    for pin in pins:
        if requirement.url is not None:
            violated = pin.requirement.url is None or not meets(root, pin, folder)
        else:
            violated = pin.version is not None and not requirement.admits(pin.version)
        if violated:
            yield _violated(code, root, pin)


def _is_for(part: str, pin: Pin) -> bool:
    """Tell whether a pin is there wherever a part of the project is; an extra may be in the pin's marker alone."""
    return not pin.parts or MAIN in pin.parts or part in pin.parts or part == UNTOLD or part.startswith("[")


def _shown(part: str) -> str:
    return f"'{part.strip('[]')}'" if part else "the project itself"


def _missing(lock: Lock, root: Root, where: str) -> Finding:
    """Give the finding of a requirement that is not pinned.

    Args:
        where: what there is instead.
    """
    requirement = root.requirement
    return Finding(
        code="missing-direct",
        package=requirement.name,
        expected=(redact(requirement.url) if requirement.url else requirement.written) or None,
        file=root.file,
        line=root.line,
        message=f"not pinned in {lock.path}{where}",
    )


def _violated(code: str, root: Root, pin: Pin) -> Finding:
    requirement = root.requirement
    pinned = str(pin.version) if pin.version else redact(pin.requirement.url or "")
    return Finding(
        code=code,
        package=requirement.name or pin.requirement.name,
        expected=redact(requirement.url) if requirement.url else requirement.written,
        actual=pinned,
        file=root.file,
        line=root.line,
        message=f"{pin.file}:{pin.line} pins {pinned}",
    )


def dynamic_roots(lock: Lock, facts: Facts) -> tuple[tuple[Root, ...], str | None]:
    """Give the requirements that only installed metadata tells, or the reason why it does not."""
    roots: list[Root] = []
    environment = target_environment(facts, lock.target)
    for dynamic in lock.dynamic:
        distribution = facts.inventory.distributions.get(dynamic.project or "")
        reason = _untold(dynamic, distribution, facts.project)
        if reason is not None or distribution is None:
            return tuple(roots), f"{dynamic.file} tells its requirements only when it is built, and {reason}"
        mentioned = (canonicalize_name(extra) for text in distribution.requires for extra in _EXTRA.findall(text))
        extras = frozenset(mentioned) if dynamic.extras is None else dynamic.extras
        for text in distribution.requires:
            try:
                requirement = parse(text)
            except ValueError as error:
                return tuple(roots), f"the metadata of {distribution.name} cannot be read: {error}"
            if requirement.applies(environment, extras) and requirement.name != distribution.name:
                # Who looks next does not know of the extra that made a marker hold.
                roots.append(Root(requirement=replace(requirement, marker=None), file=dynamic.file, line=None))
    return tuple(roots), None


def _untold(dynamic: Dynamic, distribution: Distribution | None, project: Project) -> str | None:
    if dynamic.project is None:
        return "no file tells the project's name"
    if distribution is None or distribution.fault:
        return f"{dynamic.project} is not installed: pip install -e ."
    # Below the folder lies what tox and other builders install: an archive that they have just built of it.
    if distribution.source is None or not is_below(distribution.source.url, project.root):
        return f"the {dynamic.project} that is installed is not this folder's: pip install -e ."
    if distribution.changed and distribution.changed < dynamic.changed:
        return f"the installed metadata of {dynamic.project} is older than its files: pip install -e ."
    return None
