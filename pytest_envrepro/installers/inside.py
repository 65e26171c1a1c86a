"""Resolves in a container: for its own Python and platform, with pip or uv, as the same is resolved on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import uuid4

from pytest_envrepro.buildhints import hints
from pytest_envrepro.engine import EngineError
from pytest_envrepro.errors import BuildError
from pytest_envrepro.hiding import Hiding
from pytest_envrepro.installers.bench import Bench, furnish
from pytest_envrepro.installers.disagreeing import contradictions
from pytest_envrepro.installers.local import with_implied
from pytest_envrepro.installers.pinning import pins_among
from pytest_envrepro.installers.pip import PipReport
from pytest_envrepro.installers.taking import ROOM, archives_of, moved, moved_pin
from pytest_envrepro.installers.tools import TIMEOUT, Question, offline_variables, told
from pytest_envrepro.installers.tracing import failed, files_of, resolved_of, traced, with_sources
from pytest_envrepro.installers.uv import Uv
from pytest_envrepro.installers.waiting import Waiting
from pytest_envrepro.settingkeys import HIGHEST, LOWEST_DIRECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.engine import Container
    from pytest_envrepro.installers.carrying import Carried
    from pytest_envrepro.installers.pinning import Resolved, Sources
    from pytest_envrepro.installers.tools import Resolver
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.process import Completed

_PATIENCE = 60.0  # Seconds to remove files.
# Is run by Pythons from 3.8 on. What is bound there cannot be removed, nor need it be.
_CLEANING = r"""
import os, re, sys

with open("/proc/self/mountinfo", "rb") as file:  # proc(5)
    places = [line.split(b" ")[4] for line in file]
mounted = {os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), place)) for place in places}
for folder, folders, names in os.walk(sys.argv[1]):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in mounted]
    for name in names:
        os.unlink(os.path.join(folder, name))
"""


def resolve_inside(  # noqa: PLR0913  # All but the first four are policy, by name.
    sources: Sources,
    python: Python,
    container: Container,
    carried: Carried,
    *,
    tool: Literal["auto", "pip", "uv"] = "auto",
    resolution: str = HIGHEST,
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
        resolution: which of the versions that are allowed; other than the highest, uv alone can choose.
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
        pins = pins_among(sources.lock, environment)
        return resolved_of((moved_pin(pin, archives) for pin in pins), sources, "")
    there = _applying(sources, environment, archives, is_direct=resolution == LOWEST_DIRECT)
    if not there.requirements:
        return resolved_of((), sources, "")
    bench = Bench(container, python, _variables(carried, offline=offline), timeout)
    for place, path in archives.items():
        container.write(place, path.read_bytes())
    furnish(bench, carried, tell)
    texts, lines = files_of(there)
    for name, text in texts.items():
        container.write(f"{ROOM}/{name}", text.encode())
    chooser = _chooser(bench, carried, tool, tell)
    output = f"resolved-{uuid4().hex}.txt"  # uv would prefer what stands in one that is there.
    names = tuple(tuple(name for name in texts if name.startswith(kind)) for kind in ("r", "c"))
    words = chooser.words(
        Question(names[0], names[1], output, (*carried.uv, *carried.arguments), resolution), python, offline=offline
    )
    tell("choosing versions")
    watch = Waiting("choosing versions", tell).feed
    done = bench.run(words, f"{chooser.label} is to choose versions", watch)
    if done.returncode:
        label, where = chooser.label, f"Python {python.interpreter.version}"
        story = failed(label, with_sources(done, lines), there, where, offline=offline)
        raise _failure(carried, story, done, network=network, offline=offline)
    pins = chooser.resolver.read(container.read(f"{ROOM}/{output}").decode("utf-8"), environment)
    return resolved_of(traced(pins, there, environment, lines), there, chooser.label, done.stderr)


def _applying(
    sources: Sources, environment: Mapping[str, str], archives: Mapping[str, Path], *, is_direct: bool
) -> Sources:
    """Give what applies to a Python, with the archives of this machine where they stand in the container.

    Args:
        is_direct: whether what such an archive asks for counts as asked for itself.

    Raises:
        BuildError: requirements contradict each other.
    """
    known = with_implied(sources, environment)
    found = contradictions(known, environment)
    if found:
        raise BuildError("\n  ".join(["the requirements contradict each other, so nothing is installed:", *found]))
    requirements, constraints = (
        tuple(moved(asked, archives) for asked in each if asked.applies(environment))
        for each in ((known if is_direct else sources).requirements, sources.constraints)
    )
    return sources._replace(requirements=requirements, constraints=constraints)


def install_inside(  # noqa: PLR0913  # All but the first four are policy, by name.
    requirements: Sequence[str],
    python: Python,
    container: Container,
    carried: Carried,
    *,
    program: str,
    left: Callable[[str], object],
    offline: bool = False,
    network: str | None = None,
    timeout: float = TIMEOUT,
) -> None:
    """Install packages into the virtualenv of a container, over what is there; nothing else of it stays there.

    Args:
        program: the virtualenv's own Python, by its path.
        left: is told why something does stay, the user's configuration with its credentials among it, and in the end
            an empty text where nothing does. That is no error of what was asked for.

    Raises:
        BuildError: that fails; with pip's own words.
        EngineError: the container is gone, or the engine is.
    """
    bench = Bench(container, python, _variables(carried, offline=offline), timeout)
    left("an installation was cut off")
    try:
        furnish(bench, carried, lambda _: None)
        (_, *rest), version = _pip(bench, carried)
        words = ("install", "--no-warn-script-location", *(("--no-index",) if offline else ()), *carried.arguments)
        done = bench.run([program, *rest, *words, "--", *requirements], "packages are to be installed")
        if done.returncode:
            said = f"{' '.join(requirements)} cannot be installed by {version}{told(done)}"
            raise _failure(carried, said, done, network=network, offline=offline)
    finally:
        left(_cleaned(bench))


def _cleaned(bench: Bench) -> str:
    """Remove the files below ROOM by the container's Python, which is there in any case; say why that was not done."""
    argv = [bench.python.executable, "-I", "-S", "-B", "-c", _CLEANING, ROOM]
    try:
        done = bench.container.run(argv, user="0", workdir="/", timeout=_PATIENCE)
    except EngineError as error:
        return str(error)
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return f"{bench.python.executable} ended with {done.returncode}: {last}"
    return ""


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


class _Chooser(NamedTuple):
    """A tool that is ready to choose versions in a container.

    Attributes:
        argv: how it is started.
        label: its name and version.
    """

    resolver: Resolver
    argv: tuple[str, ...]
    label: str

    def words(self, question: Question, python: Python, *, offline: bool) -> list[str]:
        """Give the command that chooses."""
        words = [
            *self.resolver.resolving(question),
            *(("--offline",) if offline and self.resolver.name == "uv" else ()),
        ]
        return [*self.argv, *(python.executable if word == "{python}" else word for word in words)]


def _chooser(bench: Bench, carried: Carried, tool: str, tell: Callable[[str], None]) -> _Chooser:
    """Make a tool ready in the container.

    Raises:
        BuildError: it cannot be had.
    """
    pip, label = _pip(bench, carried)
    if tool != "uv":
        return _Chooser(PipReport(), pip, label)
    tell("installing uv in a container")
    words = ("install", "--quiet", "--target", f"{ROOM}/uv", "--no-deps", "uv")
    done = bench.run([*pip, *words], "uv is to be installed")
    if done.returncode:
        raise _failure(carried, f'installer = "uv": uv cannot be installed in the container{told(done)}', done)
    program = (f"{ROOM}/uv/bin/uv",)
    asked = bench.run([*program, "--version"], "uv is to tell its version")
    return _Chooser(Uv(), program, " ".join(asked.stdout.split()[:2]) or "uv")


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


def _failure(
    carried: Carried, said: str, done: Completed, *, network: str | None = None, offline: bool = False
) -> BuildError:
    """Give the error for a tool that has failed, with hints and without secrets.

    Args:
        said: what could not be done.
        network: that the container has.
    """
    advice = () if offline else hints(f"{done.stdout}\n{done.stderr}", network)
    # The tools hide what is secret in URLs, and not all of them do it in all places.
    return BuildError(Hiding.of(carried.secrets).hide("\n".join([said, *(f"  hint: {each}" for each in advice)])))
