"""A container, as the engine is asked about it: where it is gone, the error says so."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.engines.removing import GONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engines.connection import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What is asked about one container.

    Attributes:
        connection: to the engine that has it.
        id, name: of the container.
    """

    connection: Connection
    id: str
    name: str

    @property
    def gone(self) -> str:
        """What is to be said where it is gone."""
        return f"the container {self.name} is gone: it was ended, or the engine was started anew"

    @contextlib.contextmanager
    def asking(self, doing: str) -> Iterator[Any]:
        """Give docker-py's client for a question about this container.

        Raises:
            EngineError: the container is gone; or as `Connection.asking` does.
        """
        try:
            with self.connection.asking(doing) as api:
                yield api
        except RefusedError as error:
            if error.status in GONE:
                raise EngineError(self.gone) from error
            raise

    @contextlib.contextmanager
    def finding(self) -> Iterator[None]:
        """Say of a path that is not found whether it is the container that is gone.

        Raises:
            EngineError: it is.
        """
        try:
            yield
        except RefusedError as error:
            if error.status in GONE and "no such container" in error.said.lower():
                raise EngineError(self.gone) from error
            raise
