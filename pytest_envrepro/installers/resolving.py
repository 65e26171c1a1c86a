"""Resolves all that an environment is made of together, once, to pins with hashes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pytest_envrepro.childenv import for_environments
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.disagreeing import contradictions
from pytest_envrepro.installers.local import with_implied
from pytest_envrepro.installers.pinning import Asked, Pinned, Resolved, Sources, pins_among
from pytest_envrepro.installers.pip import PipReport
from pytest_envrepro.installers.pip_tools import PipTools
from pytest_envrepro.installers.tools import TIMEOUT, Call, MissingToolError, Question, start
from pytest_envrepro.installers.tracing import failed, files_of, resolved_of, traced, with_sources
from pytest_envrepro.installers.uv import Uv
from pytest_envrepro.settingkeys import HIGHEST, LOWEST_DIRECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.installers.tools import Program, Resolver
    from pytest_envrepro.interpreter import Python

__all__ = ["RESOLVERS", "Asked", "Pinned", "Resolved", "Sources", "resolve"]

Tool = Literal["auto", "uv", "pip-tools", "pip"]

# The first that is here and knows the Python is taken; uv and pip-tools pin every file of a version, pip only those
# that this machine would install.
RESOLVERS: tuple[Resolver, ...] = (Uv(), PipTools(), PipReport())
_OUTPUT = "resolved.txt"


def resolve(  # noqa: PLR0913  # All but the first two are policy, by name.
    sources: Sources,
    python: Python,
    *,
    tool: Tool = "auto",
    resolution: str = HIGHEST,
    environ: Mapping[str, str],
    workspace: Path,
    offline: bool = False,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
    timeout: float = TIMEOUT,
) -> Resolved:
    """Choose a version of everything that is asked for and of all that it needs, for one Python.

    Args:
        tool: `pip-tools` gives way to `pip` where the Python is another one than ours.
        resolution: which of the versions that are allowed; only a tool that can choose those is taken.
        environ: the user's variables; of them, the tools see what `childenv` chooses.
        workspace: an empty folder.
        arguments: the settings' own options for the tool, already checked.
        variables: what the tool is told besides.
        timeout: in seconds.

    Raises:
        BuildError: requirements contradict each other, or something cannot be had; with who asks for it.
    """
    environment = python.interpreter.environment
    if sources.lock is not None:
        return resolved_of(pins_among(sources.lock, environment), sources, "")
    known = with_implied(sources, environment)
    found = contradictions(known, environment)
    if found:
        raise BuildError("\n  ".join(["the requirements contradict each other, so nothing is installed:", *found]))
    if not any(asked.applies(environment) for asked in sources.requirements):
        return resolved_of((), sources, "")
    environ = for_environments(environ, resolving=True)
    call = Call(workspace, environ, offline=offline, resolving=True, timeout=timeout)
    resolver, program = _found(tool, resolution, python, call)
    asked_for = known if resolution == LOWEST_DIRECT else sources
    texts, written = files_of(asked_for)
    _write(texts, workspace)
    files = tuple(name for name in texts if name.startswith("r"))
    bounds = tuple(name for name in texts if name.startswith("c"))
    words = resolver.resolving(Question(files, bounds, _OUTPUT, tuple(arguments), resolution))
    argv = program.command(python.executable, *words, *resolver.options(call))
    told = {**resolver.variables(call), **variables}
    done = start(argv, call, doing=f"{program.label} is to choose versions", variables=told)
    output = workspace / _OUTPUT
    if done.returncode or not output.is_file():
        label = f"Python {python.interpreter.version}"
        raise BuildError(failed(program.label, with_sources(done, written), sources, label, offline=offline))
    pins = resolver.read(output.read_text(encoding="utf-8"), environment)
    return resolved_of(traced(pins, asked_for, environment, written), sources, program.label, done.stderr)


def _found(tool: Tool, resolution: str, python: Python, call: Call) -> tuple[Resolver, Program]:
    """Find a tool that is here, can choose such versions, and knows the interpreter."""
    wanted = [
        each for each in RESOLVERS if tool == "auto" or each.name in {tool, "pip" if tool == "pip-tools" else tool}
    ]
    reasons = []
    for resolver in wanted:
        if resolution not in resolver.resolutions:
            reasons.append(f"{resolver.name} cannot choose the {resolution} versions")
            continue
        try:
            return resolver, resolver.find(python, call.environ)
        except MissingToolError as error:
            reasons.append(str(error))
    raise BuildError("\n  ".join(["nothing here can choose versions of what is asked for:", *reasons]))


def _write(texts: Mapping[str, str], folder: Path) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    # uv looks for settings here and above, and is to find none but the user's and the machine's.
    (folder / "uv.toml").touch()
