"""The environment variables of a program that is asked about itself: chosen as for tools, without settings of pip and uv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.childenv import for_tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OF_INSTALLERS = ("PIP_", "UV_", "KEYRING_", "GIT_", "NETRC")
# What says where this Python and the system's loader look, or which devices there are: an import depends on it.
_OF_IMPORTS = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH"),
    *("DYLD_FALLBACK_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "DISPLAY", "WAYLAND_DISPLAY"),
)


def for_programs(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the variables for a program on PATH."""
    chosen = {name: value for name, value in for_tools(environ).items() if not name.startswith(_OF_INSTALLERS)}
    return {**chosen, "PATH": environ.get("PATH", "")}


def for_imports(environ: Mapping[str, str], besides: Iterable[str] = ()) -> dict[str, str]:
    """Give the variables for this interpreter, to import in another process what this one would.

    Args:
        besides: the names of further variables.
    """
    names = (*_OF_IMPORTS, *besides)
    return {**for_programs(environ), **{name: environ[name] for name in names if name in environ}}
