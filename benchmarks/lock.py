"""Row 2: the offline check of a lock with 44 hashed pins on 830 lines, beside compiling it again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.measuring import Line, interleaved, milliseconds, probed, process, uv, versus, wall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PINS = 44
_ROOTS = 3  # All others are needed by these, the way `data.packages` lays them out.
_TARGET = 0.010


def measure(folder: Path, runs: int) -> Iterator[Line]:
    """Check a lock of which all is installed, so that all of its closure is looked at; compile it with both tools."""
    venv, project = make(folder)
    lines = len((project / "requirements.txt").read_text().splitlines())
    again = folder / "again"
    again.mkdir()
    shutil.copy(project / "requirements.in", again)
    variables = {"UV_CACHE_DIR": str(folder / "uv"), "PIP_TOOLS_CACHE_DIR": str(folder / "pip-tools")}
    offline = ["--generate-hashes", "--no-index", f"--find-links={folder / 'index'}", "requirements.in"]
    by_uv = [uv(), "pip", "compile", "--offline", f"--python={venv.python}"]
    seconds = interleaved(
        runs,
        {
            "ours": probed(
                venv.python,
                *("check", "lock", str(project)),
                cwd=project,
                detail=f"clean: {_PINS} of {_PINS} pins proven",
                variables=lambda: {"PYTEST_ENVREPRO_CACHE": str(folder / "cache")},
            ),
            "pip-compile": wall(
                process([*_PIP_COMPILE, "--output-file=by-pip.txt", *offline], cwd=again, variables=variables)
            ),
            "uv pip compile": wall(
                process([*by_uv, "--output-file=by-uv.txt", *offline], cwd=again, variables=variables)
            ),
        },
    )
    ours = seconds.pop("ours")
    medians, ratios = versus(ours, seconds)
    yield Line(
        work=f"offline lock check, {_PINS} hashed pins, {lines} lines",
        ours=milliseconds(median(ours)),
        peers=medians,
        ratio=ratios,
        target=f"at most {milliseconds(_TARGET)}",
        met=median(ours) <= _TARGET,
    )


_PIP_COMPILE = [sys.executable, "-m", "piptools", "compile", "--quiet", "--no-emit-find-links", "--no-emit-index-url"]


def make(folder: Path) -> tuple[data.Venv, Path]:
    """Make a project whose lock pip-compile writes, from an index that is a folder; and install all of it."""
    made = data.packages(_PINS)
    index = folder / "index"
    index.mkdir()
    for package in made:
        data.release(index, package)
    project = folder / "project"
    project.mkdir()
    roots = [*made[:_ROOTS], *made[_ROOTS::6]]
    (project / "requirements.in").write_text("".join(f"{package.name}>={package.version}\n" for package in roots))
    offline = ["--generate-hashes", "--no-index", "--find-links=../index", "requirements.in"]
    subprocess.run(
        [*_PIP_COMPILE, "--output-file=requirements.txt", *offline], cwd=project, check=True, capture_output=True
    )
    venv = data.make_venv(folder / "venv")
    data.install(venv.site, made)
    return venv, project
