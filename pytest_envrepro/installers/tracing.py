"""Follows requirements through a tool: a file for each source, and from what comes out of it back to who has asked."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import ended
from pytest_envrepro.installers.disagreeing import OFFLINE_HINT, absent_in, failure, missing_in
from pytest_envrepro.installers.pinning import Asked, Pinned, Resolved, Sources, exact_version, render
from pytest_envrepro.installers.tools import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.process import Completed

_CLONING = re.compile(r"Git operation failed|(?:git|hg|svn|bzr) \w+ .*did not run successfully")
_UNBOUND = re.compile(r"^warning: The (?:direct|transitive) dependency `([^`]+)` is unpinned", re.MULTILINE)  # uv 0.13.
_PLACE = re.compile(r"-[rc] ([rc]\d+\.txt)(?: \(line (\d+)\))?")


def files_of(sources: Sources) -> tuple[dict[str, str], dict[tuple[str, int], Asked]]:
    """Give a requirements file for each source, by its name, and what stands on which line of it."""
    texts: dict[str, str] = {}
    written: dict[tuple[str, int], Asked] = {}
    for letter, group in (("r", sources.requirements), ("c", sources.constraints)):
        by_source: dict[str, list[Asked]] = {}
        for asked in group:
            by_source.setdefault(asked.source, []).append(asked)
        for number, several in enumerate(by_source.values()):
            name = f"{letter}{number}.txt"
            texts[name] = "".join(f"{asked.bare}\n" for asked in several)
            written.update({(name, line): asked for line, asked in enumerate(several, start=1)})
    return texts, written


def with_sources(done: Completed, written: Mapping[tuple[str, int], Asked]) -> Completed:
    """Put what is asked for, and by whom, in the place of our files in what a tool has said."""

    def asked(match: re.Match[str]) -> str:
        name, line = match.groups()
        found = written.get((name, int(line or 1)))
        return match[0] if found is None else str(found) if line else found.source

    return done._replace(stdout=_PLACE.sub(asked, done.stdout), stderr=_PLACE.sub(asked, done.stderr))


def failed(tool: str, done: Completed, sources: Sources, label: str, *, offline: bool) -> str:
    """Say that no versions can be chosen, of what, and what the tool has said.

    Args:
        tool: its name and version.
        label: what they were to be chosen for: `Python 3.11.2`.
    """
    missing = " and ".join(f"'{name}'" for name in missing_in(done))
    what = f"{tool} finds no versions for {label} that can be installed together"
    hint = []
    if done.returncode < 0:
        what = f"{tool} {ended(done.returncode)} while it was choosing versions for {label}"
    elif missing:
        beginning = "offline, no file of {} is at hand that" if offline else "no file of {}"
        what = f"{beginning.format(missing)} fits {label} and what is asked for"
        hint = [f"  {OFFLINE_HINT}"] if offline else []
        absent = [] if offline else [f"'{name}'" for name in absent_in(done)]
        hint += (
            [f"  no index that was asked has any of {' and '.join(absent)} for it: is the name right?"]
            if absent
            else []
        )
    elif _CLONING.search(f"{done.stdout}\n{done.stderr}"):
        what = f"{tool} cannot fetch the repository of what is asked for"
    return "\n".join([f"{what}:", *(f"  {line}" for line in failure(done, sources)), *hint]) + told(done)


def traced(
    pins: Iterable[Pinned],
    sources: Sources,
    environment: Mapping[str, str],
    written: Mapping[tuple[str, int], Asked],
) -> Iterator[Pinned]:
    """Say of each pin who asks for it, and hold it to the hashes that were asked for."""
    for pin in pins:
        direct = [
            asked
            for asked in sources.requirements
            if (requirement := asked.requirement) and requirement.name == pin.name and requirement.applies(environment)
        ]
        hashes = {each for asked in direct for each in asked.hashes}
        ours = {f"-{name[0]} {name}" for name, _ in written}
        bounds = [
            written[place, 1].source
            for place in (each.removeprefix("-c ") for each in pin.via)
            if (place, 1) in written
        ]
        parents = [each for each in pin.via if each not in ours]
        via = dict.fromkeys([*(asked.source for asked in direct), *bounds, *parents])
        yield pin._replace(via=tuple(via), hashes=tuple(sorted(hashes)) or pin.hashes)


def resolved_of(pins: Iterable[Pinned], sources: Sources, tool: str, said: str = "") -> Resolved:
    """Give what was chosen, with what could make it another one tomorrow.

    Args:
        said: by the tool, beside that.
    """
    ordered = tuple(sorted(pins))
    reasons = tuple(reason for pin in ordered if (reason := pin.weakness))
    unpinned = sources.lock is None and not all(_is_named(pin, sources) for pin in ordered)
    unbound = tuple(sorted({*map(canonicalize_name, _UNBOUND.findall(said))}))
    return Resolved(ordered, render(ordered), tool, bool(reasons), reasons, unpinned, unbound)


def _is_named(pin: Pinned, sources: Sources) -> bool:
    """Tell whether a source names exactly what came out."""
    for asked in (*sources.requirements, *sources.constraints):
        requirement = asked.requirement
        if requirement is None:
            if pin.url is not None and os.path.basename(pin.url) in asked.bare:
                return True
        elif requirement.name == pin.name and (exact_version(requirement) or requirement.url):
            return True
    return False
