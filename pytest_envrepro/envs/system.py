"""What is below the packages of an environment and can make another one of it: its Python and its platform."""

from __future__ import annotations

import platform
import struct
import sys
import sysconfig
from typing import TYPE_CHECKING

from pytest_envrepro.envs.host import host_interpreter

if TYPE_CHECKING:
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.inventory import Interpreter


def system_of(python: Python) -> dict[str, str]:
    """Describe the system of an environment of this Python.

    Where the interpreter is installed, and what kernel runs, is no part of it: programs of two environments that differ
    in nothing else do the same.
    """
    build = _build(is_threaded=python.is_threaded, is_debug=python.is_debug)
    return _described(python.interpreter, build, python.bits, python.libc)


def system_of_host() -> dict[str, str]:
    """Describe the system of the Python that runs this, in the same words."""
    build = _build(
        is_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        is_debug=hasattr(sys, "gettotalrefcount") or bool(sysconfig.get_config_var("Py_DEBUG")),
    )
    return _described(host_interpreter(), build, struct.calcsize("P") * 8, " ".join(filter(None, platform.libc_ver())))


def _described(interpreter: Interpreter, build: str, bits: int, libc: str) -> dict[str, str]:
    environment = interpreter.environment
    own = environment.get("implementation_version", interpreter.version)
    is_own = own != interpreter.version  # As of PyPy, whose version is another one than that of its Python.
    return {
        "python": interpreter.version,
        "implementation": f"{interpreter.implementation} {own}" if is_own else interpreter.implementation,
        "build": build,
        "bits": str(bits),
        "platform": interpreter.platform,
        "machine": environment.get("platform_machine", ""),
        "libc": libc,
    }


def _build(*, is_threaded: bool, is_debug: bool) -> str:
    return ", ".join(filter(None, ["free-threaded" if is_threaded else "", "debug" if is_debug else ""])) or "release"
