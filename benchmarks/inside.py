"""Rows `call` and `inside`: a function, and small tests, in an environment whose process is warm."""

from __future__ import annotations

import json
import sys
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.measuring import Line, interleaved, milliseconds, process, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CALL = 0.003
_TIMES = 1.5
_TESTS = 200
_CALLED = """\
import json
import pathlib
import subprocess
import sys
import time

import pytest


def double(number):
    return 2 * number


@pytest.mark.environment(python=sys.executable)
def test_call(environment):
    def called():
        started = time.perf_counter()
        assert environment.call(double, 21) == 42
        return time.perf_counter() - started

    def started():
        begun = time.perf_counter()
        subprocess.run([environment.prefix / "bin" / "python", "-I", "-c", "pass"], check=True)
        return time.perf_counter() - begun

    first = called()
    called()
    taken = [(called(), started()) for _ in range(int(sys.argv[-1].partition("=")[2]))]
    pathlib.Path("taken.json").write_text(json.dumps([first, taken]))
"""
_TEST = """\
import pytest

{marker}

@pytest.mark.parametrize("number", range({tests}))
def test_it(number):
    values = [each * each for each in range({length})]
    assert len(values) == {length}
    assert sum(values[:2]) < 2
"""
# How much a test does: nothing, or some milliseconds' worth.
_LENGTHS = {"empty": 2, "small": 200_000}


def call(folder: Path, runs: int) -> Iterator[Line]:
    """Call a function in an environment again and again, each time in a process of its own; and start a Python."""
    venv = data.make_venv(folder / "venv", besides=("virtualenv", "python-discovery"))
    (folder / "test_call.py").write_text(_CALLED)
    argv = [str(venv.python), "-m", "pytest", "-q", "test_call.py", "-o", f"cache_dir={runs}"]
    process(argv, cwd=folder, variables={"PYTEST_ENVREPRO_CACHE": str(folder / "cache")})()
    first, taken = json.loads((folder / "taken.json").read_text())
    ours, starts = ([pair[index] for pair in taken] for index in (0, 1))
    yield Line(
        work="call in a warm environment",
        ours=milliseconds(median(ours)),
        peers=f"starting its Python {milliseconds(median(starts))}",
        ratio=f"{ratio(starts, ours):.1f}",
        target=f"at most {milliseconds(_CALL)}",
        met=median(ours) <= _CALL,
    )
    yield Line(work="the first call, which starts that", ours=milliseconds(first))


def inside(folder: Path, runs: int) -> Iterator[Line]:
    """Run tests here, and inside an environment: whole sessions, with all that is loaded and started for that."""
    venv = data.make_venv(folder / "venv", besides=("virtualenv", "python-discovery"))
    markers = {"here": "", "inside": f"pytestmark = pytest.mark.environment(python={sys.executable!r}, inside=True)"}
    variables = {"PYTEST_ENVREPRO_CACHE": str(folder / "cache")}
    works = {}
    for size, length in _LENGTHS.items():
        for name, marker in markers.items():
            project = folder / f"{size}-{name}"
            project.mkdir()
            (project / "test_it.py").write_text(_TEST.format(marker=marker, tests=_TESTS, length=length))
            works[size, name] = process([str(venv.python), "-m", "pytest", "-q"], cwd=project, variables=variables)
    taken = interleaved(runs, works)
    walls = {name: [each.wall for each in taken[name]] for name in works}
    for size in _LENGTHS:
        here, there = walls[size, "here"], walls[size, "inside"]
        times = ratio(there, here)
        is_judged = size == "small"
        yield Line(
            work=f"{_TESTS} {size} tests inside one environment, whole session",
            ours=milliseconds(median(there)),
            peers=f"the same tests here {milliseconds(median(here))}",
            ratio=f"{times:.2f} times the session",
            target=f"at most {_TIMES} times" if is_judged else "",
            met=times <= _TIMES if is_judged else None,
        )
