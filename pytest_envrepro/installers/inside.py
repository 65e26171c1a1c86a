"""Resolves in a container: for its own Python and platform, with pip or uv, as the same is resolved on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from pytest_envrepro.buildhints import hints
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.bench import Bench, furnish
from pytest_envrepro.installers.disagreeing import contradictions
from pytest_envrepro.installers.local import implied
from pytest_envrepro.installers.pinning import read_pins
from pytest_envrepro.installers.pip import PipReport
from pytest_envrepro.installers.taking import ROOM, archives_of, moved, moved_pin
from pytest_envrepro.installers.tools import TIMEOUT, Question, offline_variables, told
from pytest_envrepro.installers.tracing import failed, files_of, resolved_of, traced, with_sources
from pytest_envrepro.installers.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_envrepro.engine import Container
    from pytest_envrepro.installers.carrying import Carried
    from pytest_envrepro.installers.pinning import Asked, Resolved, Sources
    from pytest_envrepro.installers.tools import Resolver
    from pytest_envrepro.interpreter import Python

_LEAST_SECRET = 4  # Characters: to hide a shorter one would hide all kinds of things.


def resolve_inside(  # noqa: PLR0913  # All but the first four are policy, by name.
    sources: Sources,
    python: Python,
    container: Container,
    carried: Carried,
    *,
    tool: Literal["auto", "pip", "uv"] = "auto",
    offline: bool = False,
    network: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
    timeout: float = TIMEOUT,
) -> Resolved:
    """Choose a version of everything that is asked for and of all that it needs, for the Python of a container.

    Archives of this machine stand below ROOM in what comes of it, at a place that tells their content.

    Args:
        python: as it was asked in that container.
        container: a private one, whose root may write below ROOM.
        carried: the user's configuration for it; folders that are bound at `taking.inside(folder)` are not copied.
        network: that the container has, for hints.
        tell: is told what takes long.
        timeout: of each program, in seconds.

    Raises:
        BuildError: requirements contradict each other, or something cannot be had; with who asks for it.
        EngineError: the container is gone, or the engine is.
    """
    environment = python.interpreter.environment
    archives = archives_of(sources)
    if sources.lock is not None:
        pins = read_pins(sources.lock, environment, "the lock")
        return resolved_of((moved_pin(pin, archives) for pin in pins), sources, "")
    known = (*sources.requirements, *implied(sources.requirements, environment))
    found = contradictions(sources._replace(requirements=known), environment)
    if found:
        raise BuildError("\n  ".join(["the requirements contradict each other, so nothing is installed:", *found]))
    applying = [asked for asked in sources.requirements if _applies(asked, environment)]
    if not applying:
        return resolved_of((), sources, "")
    there = sources._replace(
        requirements=tuple(moved(asked, archives) for asked in applying),
        constraints=tuple(moved(asked, archives) for asked in sources.constraints if _applies(asked, environment)),
    )
    bench = Bench(container, python, _variables(carried, offline=offline), timeout)
    for place, path in archives.items():
        container.write(place, path.read_bytes())
    furnish(bench, carried, tell)
    texts, lines = files_of(there)
    for name, text in texts.items():
        container.write(f"{ROOM}/{name}", text.encode())
    resolver, argv, label = _tool(bench, carried, tool, tell)
    names = [name for name in texts if name.startswith("r")], [name for name in texts if name.startswith("c")]
    output = f"resolved-{uuid4().hex}.txt"  # uv would prefer what stands in one that is there.
    question = Question(tuple(names[0]), tuple(names[1]), output, carried.arguments)
    words = resolver.resolving(question)
    offline_words = ("--offline",) if offline and resolver.name == "uv" else ()
    shown = [python.executable if word == "{python}" else word for word in (*words, *offline_words)]
    tell("choosing versions")
    done = bench.run([*argv, *shown], f"{label} is to choose versions")
    if done.returncode:
        story = failed(label, with_sources(done, lines), there, f"Python {python.interpreter.version}", offline=offline)
        advice = () if offline else hints(f"{done.stdout}\n{done.stderr}", network)
        raise BuildError(_without(carried, "\n".join([story, *(f"  hint: {each}" for each in advice)])))
    text = container.read(f"{ROOM}/{output}").decode("utf-8")
    pins = resolver.read(text, environment)
    return resolved_of(traced(pins, there, environment, lines), there, label)


def install_inside(  # noqa: PLR0913  # All but the first four are policy, by name.
    requirements: Sequence[str],
    python: Python,
    container: Container,
    carried: Carried,
    *,
    program: str,
    offline: bool = False,
    network: str | None = None,
    timeout: float = TIMEOUT,
) -> None:
    """Install packages into the virtualenv of a container, over what is there; nothing else of it stays there.

    Args:
        program: the virtualenv's own Python, by its path.

    Raises:
        BuildError: that fails; with pip's own words.
        EngineError: the container is gone, or the engine is.
    """
    bench = Bench(container, python, _variables(carried, offline=offline), timeout)
    try:
        furnish(bench, carried, lambda _: None)
        (_, *rest), version = _pip(bench, carried)
        words = ("install", "--no-warn-script-location", *(("--no-index",) if offline else ()), *carried.arguments)
        done = bench.run([program, *rest, *words, "--", *requirements], "packages are to be installed")
        if done.returncode:
            advice = () if offline else hints(f"{done.stdout}\n{done.stderr}", network)
            said = f"{' '.join(requirements)} cannot be installed by pip {version}{told(done)}"
            raise BuildError(_without(carried, "\n".join([said, *(f"  hint: {each}" for each in advice)])))
    finally:
        # What is bound there cannot be removed, nor need it be.
        container.run(["find", ROOM, "-xdev", "-type", "f", "-delete"], user="0", workdir="/")


def _applies(asked: Asked, environment: Mapping[str, str]) -> bool:
    requirement = asked.requirement
    return requirement is None or requirement.applies(environment)


def _variables(carried: Carried, *, offline: bool) -> dict[str, str]:
    return {
        **carried.variables,
        **carried.arguments_of_build,
        **(offline_variables() if offline else {}),
        "PIP_CONFIG_FILE": f"{ROOM}/pip.conf",
        "PIP_USER": "0",
        "HOME": f"{ROOM}/home",
        "XDG_CONFIG_HOME": f"{ROOM}/config",
        "XDG_CONFIG_DIRS": f"{ROOM}/machine",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
    }


def _tool(
    bench: Bench, carried: Carried, tool: str, tell: Callable[[str], None]
) -> tuple[Resolver, tuple[str, ...], str]:
    """Make a tool ready in the container, and give how it is started, and its name.

    Raises:
        BuildError: it cannot be had.
    """
    pip, label = _pip(bench, carried)
    if tool != "uv":
        return PipReport(), pip, label
    tell("installing uv in a container")
    words = ("install", "--quiet", "--target", f"{ROOM}/uv", "--no-deps", "uv")
    done = bench.run([*pip, *words], "uv is to be installed")
    if done.returncode:
        advice = "".join(f"\n  hint: {each}" for each in hints(f"{done.stdout}\n{done.stderr}"))
        said = f'installer = "uv": uv cannot be installed in the container{told(done)}{advice}'
        raise BuildError(_without(carried, said))
    program = (f"{ROOM}/uv/bin/uv",)
    asked = bench.run([*program, "--version"], "uv is to tell its version")
    return Uv(), program, " ".join(asked.stdout.split()[:2]) or "uv"


def _pip(bench: Bench, carried: Carried) -> tuple[tuple[str, ...], str]:
    """Make a pip ready: the wheel that comes along, or the one of the image's own `ensurepip`; give how it is started.

    Raises:
        BuildError: there is none.
    """
    words = carried.pip_words(bench.python.executable)
    if carried.wheel is not None:
        bench.container.write(f"{ROOM}/{carried.wheel.name}", carried.wheel.read_bytes())
        return words, f"pip {carried.wheel.name.split('-')[1]}"
    asked = bench.run([*words, "--version"], "the image's pip is to be found")
    if asked.returncode:
        raise BuildError(
            f"no pip at hand supports Python {bench.python.interpreter.version}, and that of the image has no ensurepip"
        )
    return words, " ".join(asked.stdout.split()[:2])


def _without(carried: Carried, text: str) -> str:
    """Hide secrets: the tools hide those in URLs, and not all of them do it in all places."""
    for secret in sorted(carried.secrets, key=len, reverse=True):
        text = text.replace(secret, "****") if len(secret) >= _LEAST_SECRET else text
    return text
