"""The Python of an image: asked in a container of it, once for each image, and remembered in the cache folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.engine import ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.errors import BuildError, InterpreterNotFound, SettingsError
from pytest_envrepro.imagebuilding import stands_at
from pytest_envrepro.pythons import is_probed, is_wanted, probe_image

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_envrepro.engine import Container
    from pytest_envrepro.grounding import Ground
    from pytest_envrepro.imagebuilding import ImageBuilding
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.settings import Settings

_ROOM = "images"  # In the user's cache folder: what the Pythons of images have answered.
_KEPT = 256
_PREFIX = "import sys; print(sys.prefix if sys.prefix != sys.base_prefix else '', end='')"
_PATIENCE = 60.0  # Seconds: under emulation an interpreter takes its time.


class ImagePythons:
    """What is known of the Pythons of images.

    Args:
        building: gives containers of them.
        cache: the user's cache folder.
    """

    def __init__(self, building: ImageBuilding, cache: Path) -> None:
        self._building = building
        self._memory = VerdictCache(cache, room=_ROOM, kept=_KEPT)

    def python(self, settings: Settings, ground: Ground) -> Python | None:
        """Ask the image's own Python what it is; None where it has none.

        Raises:
            SettingsError: it is another one than the settings ask for.
            BuildError: it does not answer.
        """
        try:
            return self._python(settings, ground)
        except InterpreterNotFound as error:  # Of this machine nothing is lacking, so that no test is to be skipped.
            raise BuildError(str(error)) from None

    def _python(self, settings: Settings, ground: Ground) -> Python | None:
        if is_probed(ground.image.id, self._memory):
            python = probe_image(None, ground.image.id, self._memory)
        else:
            with self._building.working(_order(settings, ground)) as container:
                python = probe_image(container, ground.image.id, self._memory)
        if python is not None and settings.python is not None:
            _refuse_another(python, settings, ground)
        return python

    def own_prefix(self, settings: Settings, ground: Ground) -> str | None:
        """Find the virtualenv that comes first on the `PATH` of an image that is used as it is; None where there is none."""
        key = f"prefix {ground.image.id} {settings.environment.get('PATH', '')}"
        known = self._memory.get(key)
        if known is None:
            order = _order(settings, ground, with_variables=True)
            with self._building.working(order) as container:
                found = next(filter(None, (_prefix_of(container, name) for name in ("python3", "python"))), "")
            known = {"prefix": found}
            self._memory.put(key, known)
        return known["prefix"] or None


def _refuse_another(python: Python, settings: Settings, ground: Ground) -> None:
    """Refuse an image whose Python is another one than the settings ask for.

    Raises:
        SettingsError: it is.
    """
    spec = settings.python or ""
    try:
        said = "" if is_wanted(python, spec) else _another(python, spec, ground)
    except InterpreterNotFound as error:
        said = str(error)
    if said:
        title = settings.title or f"container of {ground.reference}"
        raise SettingsError(f"{title}: {said}\n  the setting: {stands_at('python', settings)}")


def _another(python: Python, spec: str, ground: Ground) -> str:
    return (
        f"the image {ground.reference} has Python {python.interpreter.version}, and python = {spec!r} asks for another one: "
        "name a base-image that has it"
    )


def _order(settings: Settings, ground: Ground, *, with_variables: bool = False) -> Order:
    return Order(
        image=ground.image.id,
        title="python",
        environment=settings.environment if with_variables else {},
        network="none",
        platform=settings.platform,
        user="0",
    )


def _prefix_of(container: Container, program: str) -> str:
    """Ask a Python for its virtualenv; it is empty where there is none, or no such program."""
    try:
        done = container.run([program, "-I", "-c", _PREFIX], workdir="/", timeout=_PATIENCE)
    except (ProgramNotFoundError, ExecutionTimeoutError):
        return ""
    return done.stdout.decode("utf-8", "replace") if not done.returncode else ""
