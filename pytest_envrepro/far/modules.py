"""Helper modules that lie beside the tests: what the environment does not have itself is asked for, and comes as source."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any


class Travelling:
    """Finds modules by asking for them, after all that find them here.

    Args:
        ask: asks the other process.
        compiled: compiles what was sent, given the names of its module.
    """

    def __init__(
        self, ask: Callable[[dict[str, Any]], Any], compiled: Callable[[dict[str, Any], dict[str, Any]], Any]
    ) -> None:
        self._ask = ask
        self._compiled = compiled

    def __enter__(self) -> None:
        sys.meta_path.append(self)

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  # The names that the import system has for them.
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Find a module that the other process sends; the environment has none of that name."""
        told = self._ask({"module": name})
        if told is None:
            return None
        return self.spec(name, told, is_package=told["package"])

    def spec(self, name: str, told: dict[str, Any], *, is_package: bool = False) -> ModuleSpec:
        """Give what the import system knows of a module that was sent."""
        loader: Any = _Sent(self, told)
        spec = ModuleSpec(name, loader, origin=told["file"], is_package=is_package)
        spec.has_location = True
        return spec

    def fill(self, module: ModuleType, told: dict[str, Any]) -> None:
        """Run source that was sent as a module."""
        exec(self._compiled(told, module.__dict__), module.__dict__)  # noqa: S102  # Is what it came for.


class _Sent:
    """Makes a module of what was sent."""

    def __init__(self, travelling: Travelling, told: dict[str, Any]) -> None:
        self._travelling = travelling
        self._told = told

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave that to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill it."""
        self._travelling.fill(module, self._told)

    def get_source(self, _: str) -> str:
        """Give its source: where its file is not, a traceback has its lines from here."""
        source: str = self._told["source"]
        return source
