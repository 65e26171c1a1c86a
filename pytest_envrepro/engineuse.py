"""A session's use of its engine: connected and swept from the first need on, by any thread, cancelled, and closed in the end."""

from __future__ import annotations

import contextlib
import threading
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pytest_envrepro.beside import Beside
from pytest_envrepro.engine import NoEngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.imagebook import ImageBook
from pytest_envrepro.imagemaking import ImageMaking
from pytest_envrepro.tidying import FAULTS, Tidying

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_envrepro.engine import Engine
    from pytest_envrepro.imagemaking import MadeImage
    from pytest_envrepro.plans import Policy
    from pytest_envrepro.progress import Progress
    from pytest_envrepro.pythons import Finder
    from pytest_envrepro.session import Session


class EngineUse:
    """The engine of a session, and what makes its images there: both come with the first need.

    Args:
        session: the project.
        policy: how environments are made.
        cache: the user's cache folder.
        progress: is told what is being done.
        finder: finds the Python that builds wheels of this machine's folders.
        drift: compares an image that has just been built with what its key meant before; is given an empty folder.
    """

    def __init__(
        self,
        session: Session,
        policy: Policy,
        *,
        cache: Path,
        progress: Progress,
        finder: Finder,
        drift: Callable[[MadeImage, Path], tuple[str, ...]],
    ) -> None:
        self._session = session
        self._policy = policy
        self._cache = cache
        self._progress = progress
        self._finder = finder
        self._drift = drift
        self._beside = Beside()
        self._is_cancelled = False
        self._guard = threading.RLock()  # Several threads make images, and the first of them brings what all share.

    @property
    def engine(self) -> Engine:
        """What builds and runs them; what earlier sessions have left there is swept from its first use on."""
        with self._guard:
            return self._engine

    @cached_property
    def _engine(self) -> Engine:
        engine = connect(self._session.environ)
        self._beside.do(partial(_sweep, engine, self._cache))
        return engine

    @property
    def images(self) -> ImageMaking:
        """What makes the images."""
        with self._guard:
            making = self._making
        if self._is_cancelled:  # Perhaps before there was anything to cancel.
            making.cancel()
        return making

    @cached_property
    def _making(self) -> ImageMaking:
        environ = self._session.environ
        return ImageMaking(
            *(self.engine, self._session, self._policy),
            cache=self._cache,
            connect=lambda address: connect(environ, address=address),
            progress=self._progress,
            finder=self._finder,
            drift=self._drift,
        )

    def later(self, work: Callable[[], object]) -> None:
        """Have something done that nobody waits for; it is done when `close` has come back."""
        self._beside.do(work)

    def cancel(self) -> None:
        """Cancel all images that are being made, in any thread, and let no further one begin."""
        self._is_cancelled = True
        if "_making" in self.__dict__:
            self.images.cancel()

    def close(self) -> None:
        """Finish what is done beside, remove images that none has used for long, and leave the engine.

        Raises:
            EnvReproError, OSError: not all of that could be done; all of it was tried.
        """
        tidying = Tidying()
        with tidying.step():
            for fault in self._beside.finish():
                tidying.note(fault)
        if "_engine" in self.__dict__:
            with contextlib.suppress(*FAULTS):  # It may be gone: the session has its verdict by now.
                ImageBook(self._cache, self.engine).prune()
            with tidying.step():
                self.engine.close()
        tidying.end()


def _sweep(engine: Engine, cache: Path) -> None:
    tidying = Tidying()
    # Of an engine that does not answer whoever asks for an environment is told; the next session sweeps what is left.
    with tidying.step(), contextlib.suppress(NoEngineError, OSError):
        engine.sweep()
    with tidying.step(), contextlib.suppress(NoEngineError, OSError):
        ImageBook(cache, engine).remove_layers()
    tidying.end()
