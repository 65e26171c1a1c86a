"""Resolves all that an environment is made of together, once, to pins with hashes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal

from pytest_envrepro import childenv
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.disagreeing import OFFLINE_HINT, contradictions, failure, missing_in
from pytest_envrepro.installers.local import implied
from pytest_envrepro.installers.pinning import Asked, Pinned, Resolved, Sources, exact_version, read_pins, with_pins
from pytest_envrepro.installers.pip import PipReport
from pytest_envrepro.installers.pip_tools import PipTools
from pytest_envrepro.installers.tools import TIMEOUT, Call, MissingToolError, Question, start, told
from pytest_envrepro.installers.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.installers.tools import Program, Resolver
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.process import Completed

__all__ = ["RESOLVERS", "Asked", "Pinned", "Resolved", "Sources", "resolve"]

Tool = Literal["auto", "uv", "pip-tools", "pip"]

# The first that is here and knows the Python is taken; uv and pip-tools pin every file of a version, pip only those
# that this machine would install.
RESOLVERS: tuple[Resolver, ...] = (Uv(), PipTools(), PipReport())
_OUTPUT = "resolved.txt"
_PLACE = re.compile(r"-[rc] ([rc]\d+\.txt)(?: \(line (\d+)\))?")


def resolve(  # noqa: PLR0913  # All but the first two are policy, by name.
    sources: Sources,
    python: Python,
    *,
    tool: Tool = "auto",
    environ: Mapping[str, str],
    workspace: Path,
    offline: bool = False,
    arguments: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> Resolved:
    """Choose a version of everything that is asked for and of all that it needs, for one Python.

    Args:
        tool: `pip-tools` gives way to `pip` where the Python is another one than ours.
        environ: the user's variables; of them, the tools see what `childenv` chooses.
        workspace: an empty folder.
        arguments: the settings' own options for the tool, already checked.
        timeout: in seconds.

    Raises:
        BuildError: requirements contradict each other, or something cannot be had; with who asks for it.
    """
    environment = python.interpreter.environment
    if sources.lock is not None:
        return _resolved(read_pins(sources.lock, environment, "the lock"), sources, "")
    known = (*sources.requirements, *implied(sources.requirements, environment))
    found = contradictions(sources._replace(requirements=known), environment)
    if found:
        raise BuildError("\n  ".join(["the requirements contradict each other, so nothing is installed:", *found]))
    if not any(_applies(asked, environment) for asked in sources.requirements):
        return _resolved((), sources, "")
    environ = childenv.for_environments(environ, resolving=True)
    call = Call(workspace, environ, offline=offline, resolving=True, timeout=timeout)
    resolver, program = _found(tool, python, call)
    written = _written(sources, workspace)
    names = dict.fromkeys(name for name, _ in written)
    files = tuple(name for name in names if name.startswith("r"))
    bounds = tuple(name for name in names if name.startswith("c"))
    words = resolver.resolving(Question(files, bounds, _OUTPUT, tuple(arguments)))
    argv = program.command(python.executable, *words, *resolver.options(call))
    done = start(argv, call, doing=f"{program.label} is to choose versions", variables=resolver.variables(call))
    output = workspace / _OUTPUT
    if done.returncode or not output.is_file():
        label = f"Python {python.interpreter.version}"
        raise BuildError(_failed(program, _with_sources(done, written), sources, label, offline=offline))
    pins = resolver.read(output.read_text(encoding="utf-8"), environment)
    return _resolved(tuple(_traced(pins, sources, environment, written)), sources, program.label)


def _applies(asked: Asked, environment: Mapping[str, str]) -> bool:
    requirement = asked.requirement
    return requirement is None or requirement.applies(environment)


def _found(tool: Tool, python: Python, call: Call) -> tuple[Resolver, Program]:
    """Find a tool that is here and knows the interpreter."""
    wanted = [
        each for each in RESOLVERS if tool == "auto" or each.name in {tool, "pip" if tool == "pip-tools" else tool}
    ]
    reasons = []
    for resolver in wanted:
        try:
            return resolver, resolver.find(python, call.environ)
        except MissingToolError as error:
            reasons.append(str(error))
    raise BuildError("\n  ".join(["nothing here can choose versions of what is asked for:", *reasons]))


def _written(sources: Sources, folder: Path) -> dict[tuple[str, int], Asked]:
    """Write a file for each source, so that a tool's words can be traced to it; give what stands where."""
    written: dict[tuple[str, int], Asked] = {}
    for letter, group in (("r", sources.requirements), ("c", sources.constraints)):
        by_source: dict[str, list[Asked]] = {}
        for asked in group:
            by_source.setdefault(asked.source, []).append(asked)
        for number, several in enumerate(by_source.values()):
            name = f"{letter}{number}.txt"
            (folder / name).write_text("".join(f"{asked.bare}\n" for asked in several), encoding="utf-8")
            written.update({(name, line): asked for line, asked in enumerate(several, start=1)})
    # uv looks for settings here and above, and is to find none but the user's and the machine's.
    (folder / "uv.toml").touch()
    return written


def _with_sources(done: Completed, written: Mapping[tuple[str, int], Asked]) -> Completed:
    """Put what is asked for, and by whom, in the place of our files in what a tool has said."""

    def asked(match: re.Match[str]) -> str:
        name, line = match.groups()
        found = written.get((name, int(line or 1)))
        return match[0] if found is None else str(found) if line else found.source

    return done._replace(stdout=_PLACE.sub(asked, done.stdout), stderr=_PLACE.sub(asked, done.stderr))


def _failed(program: Program, done: Completed, sources: Sources, label: str, *, offline: bool) -> str:
    missing = " and ".join(f"'{name}'" for name in missing_in(done))
    what = f"{program.label} finds no versions for {label} that can be installed together"
    if missing:
        beginning = "offline, no file of {} is at hand that" if offline else "no file of {}"
        what = f"{beginning.format(missing)} fits {label} and what is asked for"
    hint = [f"  {OFFLINE_HINT}"] if missing and offline else []
    return "\n".join([f"{what}:", *(f"  {line}" for line in failure(done, sources)), *hint]) + told(done)


def _traced(
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


def _resolved(pins: tuple[Pinned, ...], sources: Sources, tool: str) -> Resolved:
    unpinned = sources.lock is None and not all(_is_named(pin, sources) for pin in pins)
    return with_pins(Resolved((), "", tool, False, (), unpinned), sorted(pins))


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
