"""Runs inside the environment that is measured, in a process of its own: does one thing, and prints its seconds.

    python -I probe.py check NAME ROOT    a check as a session judges it: configuration, discovery, all reading included
    python -I probe.py read SITE          the least that reading all METADATA of a site-packages folder takes
    python -I probe.py import             the plugin's import, after pytest's

What a session has imported anyway is imported before the clock starts.
"""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

# What reads the lock of a name is imported where there is one.
_READERS = {
    "uv.lock": ("pytest_envrepro.locks.uv_lock",),
    "poetry.lock": ("pytest_envrepro.locks.poetry",),
    "conda-lock.yml": ("pytest_envrepro.locks.conda", "pytest_envrepro.locks.conda_lock", "pytest_envrepro.condaspecs"),
}

if TYPE_CHECKING:
    from collections.abc import Callable


def check(name: str, root: str) -> tuple[float, str]:
    """Judge one check of a project: everything but imports, from the first look at the configuration on."""
    from pathlib import Path  # noqa: PLC0415  # Here as below: what is not measured is not loaded.

    import pytest_envrepro.gate  # noqa: PLC0415

    if name == "recompile":
        import pytest_envrepro.recompiling  # noqa: F401, PLC0415
    for lock, modules in _READERS.items():
        if os.path.exists(f"{root}/{lock}"):
            for module in modules:
                import_module(module)
    from pytest_envrepro.session import Session  # noqa: PLC0415

    started = time.perf_counter()
    tell = (lambda _: None) if name == "recompile" else None
    session = Session(Path(root), configured_by=None, environ=os.environ, tell=tell)
    (result,) = session.judge(each for each in session.plan if each.check == name)
    seconds = time.perf_counter() - started
    return seconds, f"{result.outcome.status}: {result.outcome.detail}"


def read(site: str) -> tuple[float, str]:
    """Read every METADATA below a folder."""
    started = time.perf_counter()
    count = 0
    for name in os.listdir(site):
        if name.endswith(".dist-info"):
            with open(f"{site}/{name}/METADATA", "rb") as file:
                file.read()
            count += 1
    return time.perf_counter() - started, f"{count} files"


def import_plugin() -> tuple[float, str]:
    """Import what pytest loads of the plugin in every session."""
    import pytest  # noqa: F401, PLC0415

    started = time.perf_counter()
    import pytest_envrepro.plugin  # noqa: F401, PLC0415

    return time.perf_counter() - started, ""


if __name__ == "__main__":
    measures: dict[str, Callable[..., tuple[float, str]]] = {"check": check, "read": read, "import": import_plugin}
    print(*measures[sys.argv[1]](*sys.argv[2:]))
