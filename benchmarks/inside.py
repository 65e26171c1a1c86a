"""Rows `call` and `inside`: a function, and small tests, in an environment whose process is warm."""

from __future__ import annotations

import json
import sys
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import data
from benchmarks.environments import wheels
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
_BODY = """\
    values = [each * each for each in range({length})]
    assert len(values) == {length}
    assert sum(values[:2]) < 2
"""
_ONE = '@pytest.mark.parametrize("number", range({tests}))\ndef test_it(number):\n{body}'
_OWN = "def test_{number}():\n{body}"


class _Kind(NamedTuple):
    """How many numbers each test makes: nothing, or some milliseconds' worth; and what else it is."""

    length: int
    is_own: bool = False  # Each is a function of its own.
    has_many: bool = False  # The environment has 44 distributions.


_KINDS = {
    "empty tests inside one environment": _Kind(2),
    "small tests inside one environment": _Kind(200_000),
    "small tests, each a function of its own, inside one environment": _Kind(200_000, is_own=True),
    "small tests inside one environment of 44 distributions": _Kind(200_000, has_many=True),
}


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
    requirements = [f"{wheel.name.partition('-')[0]} @ {wheel.as_uri()}" for wheel in wheels(folder / "wheels")]
    variables = {"PYTEST_ENVREPRO_CACHE": str(folder / "cache")}
    works = {}
    for index, (title, kind) in enumerate(_KINDS.items()):
        many = f", requirements={requirements!r}" if kind.has_many else ""
        marker = f"pytestmark = pytest.mark.environment(python={sys.executable!r}{many}, inside=True)"
        for name in ("here", "inside"):
            project = folder / f"{index}-{name}"
            project.mkdir()
            module = _module(marker if name == "inside" else "", kind.length, is_own=kind.is_own)
            (project / "test_it.py").write_text(module)
            works[title, name] = process([str(venv.python), "-m", "pytest", "-q"], cwd=project, variables=variables)
    taken = interleaved(runs, works)
    walls = {name: [each.wall for each in taken[name]] for name in works}
    for title in _KINDS:
        here, there = walls[title, "here"], walls[title, "inside"]
        times = ratio(there, here)
        is_judged = "small" in title
        yield Line(
            work=f"{_TESTS} {title}, whole session",
            ours=milliseconds(median(there)),
            peers=f"the same tests here {milliseconds(median(here))}",
            ratio=f"{times:.2f} times the session",
            target=f"at most {_TIMES} times" if is_judged else "",
            met=times <= _TIMES if is_judged else None,
        )


def _module(marker: str, length: int, *, is_own: bool) -> str:
    """Give a module of tests."""
    body = _BODY.format(length=length)
    own = (_OWN.format(number=number, body=body) for number in range(_TESTS))
    tests = own if is_own else [_ONE.format(tests=_TESTS, body=body)]
    return "\n\n".join(["import pytest", marker, *tests])
