"""Measures the plugin beside its peers, and prints DESIGN 7's table: `python -m benchmarks [--row NAME] [--runs N]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    conflicts,
    containers,
    environments,
    formats,
    growth,
    inside,
    lock,
    markers,
    recompile,
    session,
    unused,
)

if TYPE_CHECKING:
    from benchmarks.measuring import Line

# By name: what measures a row, and how many rounds it takes to tell a miss from the noise of a shared machine.
_ROWS = {
    "conflicts": (conflicts.measure, 25),
    "lock": (lock.measure, 15),
    "recompile": (recompile.measure, 15),
    "unused": (unused.measure, 200),
    "session": (session.measure, 40),
    "markers": (markers.measure, 5),
    "growth": (growth.measure, 5),
    "formats": (formats.measure, 15),
    "shared": (environments.shared, 9),
    "throwaway": (environments.throwaway, 9),
    "container": (containers.measure, 21),
    "call": (inside.call, 200),
    "inside": (inside.inside, 15),
}


def main() -> int:
    """Print the table; the exit code is 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--row", choices=_ROWS, action="append", help="measure this row alone; may be repeated")
    parser.add_argument("--runs", type=int, help="rounds, in the place of each row's own number")
    options = parser.parse_args()
    print(f"{_machine()}\n")
    print("| work | ours (median) | peers (median, same rounds) | peers / ours | target | met |")
    print("|---|---|---|---|---|---|", flush=True)
    missed = False
    for name in options.row or _ROWS:
        measure, runs = _ROWS[name]
        with tempfile.TemporaryDirectory(prefix="envrepro-benchmarks-") as folder:
            for line in measure(Path(folder).resolve(), options.runs or runs):
                print(_row(line), flush=True)
                missed |= line.met is False
    return int(missed)


def _row(line: Line) -> str:
    met = {True: "yes", False: "**no**", None: ""}[line.met]
    return f"| {line.work} | {line.ours} | {line.peers} | {line.ratio} | {line.target} | {met} |"


def _machine() -> str:
    tools = ", ".join(f"{name} {version(name)}" for name in ("pytest", "packaging", "pip", "pip-tools", "uv"))
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    return (
        f"{time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores{memory}, {platform.system()} {platform.machine()}, "
        f"{platform.python_implementation()} {platform.python_version()}, {tools}"
    )


if __name__ == "__main__":
    sys.exit(main())
