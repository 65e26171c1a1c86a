"""The native tools that compile locks: one file each, and this table."""

from __future__ import annotations

from pytest_envrepro.compilers.base import Compiler, RefusedError, Tool
from pytest_envrepro.compilers.own import Own
from pytest_envrepro.compilers.pip_tools import PipTools
from pytest_envrepro.compilers.uv import Uv
from pytest_envrepro.kinds import added

__all__ = ["Compiler", "RefusedError", "Tool", "compiler_of"]

COMPILERS: tuple[Compiler, ...] = (PipTools(), Uv(), Own())


def compiler_of(tool: str | None) -> Compiler:
    """Give the compiler of a recipe.

    Raises:
        RefusedError: nobody here knows the tool.
    """
    for compiler in (*COMPILERS, *added("compilers")):
        if compiler.name == tool:
            found: Compiler = compiler
            return found
    raise RefusedError(f"'{tool}' is no compiler that is known here")
