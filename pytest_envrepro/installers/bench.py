"""A container that resolves: the configuration in it, the folders of packages, and how programs are run there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.engine import EngineError, ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.effective import written
from pytest_envrepro.installers.taking import ROOM, inside, may_fit
from pytest_envrepro.installers.tools import told
from pytest_envrepro.process import completed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_envrepro.engine import Container
    from pytest_envrepro.enginevalues import Running
    from pytest_envrepro.installers.carrying import Carried
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.process import Completed

_MOST = 2 << 30  # Bytes of packages that are copied into a container.
# What a folder holds, as the container sees it.
_LIST = "import json, os, sys; print(json.dumps(sorted((e.name, e.is_file() and e.stat().st_size) for e in os.scandir(sys.argv[1]))))"


class Bench(NamedTuple):
    """A container with the configuration in it, and how programs are run there."""

    container: Container
    python: Python
    variables: Mapping[str, str]
    timeout: float

    def run(self, argv: Sequence[str], doing: str, watch: Callable[[bytes], object] = len) -> Completed:
        """Run a program to its end.

        Args:
            watch: is given what it writes to its standard error, as it comes.

        Raises:
            BuildError: there is none; or it takes too long.
        """
        how: Running = {
            "environ": self.variables,
            "workdir": ROOM,
            "user": "0",
            "timeout": self.timeout,
            "watch": watch,
        }
        try:
            done = self.container.run(argv, **how)
        except ProgramNotFoundError as error:
            raise BuildError(f"{doing}: {error}") from error
        except ExecutionTimeoutError as error:
            completed = completed_of(argv, error.executed)
            raise BuildError(f"{doing}: it was ended after {self.timeout:.0f} seconds{told(completed)}") from error
        return completed_of(argv, done)


def furnish(bench: Bench, carried: Carried, tell: Callable[[str], None]) -> None:
    """Put the configuration there, and the folders of packages that the container does not see already."""
    container = bench.container
    for name, data in carried.files.items():
        container.write(f"{ROOM}/{name}", data, mode=0o600)
    container.write(f"{ROOM}/pip.conf", written(carried.pip).encode(), mode=0o600)
    container.write(f"{ROOM}/uv.toml", b"")  # uv looks for settings here and above, and is to find the user's alone.
    for place in carried.places:
        if _seen(bench, place) != _held(place):
            _copy(bench, place, tell)


def _held(place: Path) -> list[list[object]]:
    return sorted([entry.name, entry.is_file() and entry.stat().st_size] for entry in os.scandir(place))


def _seen(bench: Bench, place: Path) -> object:
    done = bench.run([bench.python.executable, "-I", "-S", "-c", _LIST, inside(place)], "a folder is to be listed")
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


def _copy(bench: Bench, place: Path, tell: Callable[[str], None]) -> None:
    """Copy a folder of packages, without wheels that do not fit.

    Raises:
        BuildError: it is too large for that; or something else stands there, which may not be changed.
    """
    files = list(_useful(place, bench.python.tags))
    size = sum(file.stat().st_size for file in files)
    if size > _MOST:
        raise BuildError(
            f"{place}, where packages are found on this machine, has {size >> 20} MiB that could be needed, which is too "
            f"much to copy into a container (at most {_MOST >> 20}): name a smaller folder, or an index that the "
            "container can reach"
        )
    tell(f"taking {place} along ({size >> 20} MiB)")
    try:
        for file in files:
            bench.container.write(inside(file), file.read_bytes())
        if not files:
            bench.container.write(f"{inside(place)}/.empty", b"")
    except EngineError as error:  # As where it is bound, and the engine's machine has another folder of that name.
        raise BuildError(
            f"{place}, where packages are found on this machine, cannot be taken into a container: {error}; if the "
            "engine runs on another machine or in a container itself, it does not see the folders of this one"
        ) from error


def _useful(place: Path, tags: Sequence[str]) -> Iterator[Path]:
    for folder, _, names in os.walk(place):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and may_fit(name, tags):
                yield path
