"""Row 1: conflicts among 216 installed distributions."""

from __future__ import annotations

import itertools
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.measuring import Line, interleaved, milliseconds, probed, process, uv, versus, wall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COUNT = 216
_COLD = 0.020
_REMEMBERED = 0.005
SETTLED = 2.5  # Seconds until a verdict is remembered: what changed a moment ago could change again unseen.


def measure(folder: Path, runs: int) -> Iterator[Line]:
    """Judge an environment anew and again, beside pip and uv."""
    venv, project = make(folder, _COUNT)
    time.sleep(SETTLED)
    probe = ("check", "conflicts", str(project))
    detail = f"clean: {_COUNT} distributions"
    counter = itertools.count()
    seconds = interleaved(
        runs,
        {
            "cold": probed(
                venv.python,
                *probe,
                cwd=project,
                detail=detail,
                variables=lambda: {"PYTEST_ENVREPRO_CACHE": str(folder / f"empty{next(counter)}")},
            ),
            "remembered": probed(
                venv.python,
                *probe,
                cwd=project,
                detail=detail,
                variables=lambda: {"PYTEST_ENVREPRO_CACHE": str(folder / "filled")},
            ),
            "reading": probed(venv.python, "read", str(venv.site), cwd=project, detail=f"{_COUNT} files"),
            "pip check": wall(process([venv.python, "-m", "pip", "check"], cwd=project)),
            "uv pip check": wall(
                process(
                    [uv(), "pip", "check", "--python", venv.python],
                    cwd=project,
                    variables={"UV_CACHE_DIR": str(folder / "uv")},
                )
            ),
        },
    )
    peers = {name: seconds[name] for name in ("pip check", "uv pip check")}
    for state, target in (("cold", _COLD), ("remembered", _REMEMBERED)):
        medians, ratios = versus(seconds[state], peers)
        yield Line(
            work=f"conflicts, {_COUNT} distributions, {state}",
            ours=milliseconds(median(seconds[state])),
            peers=medians,
            ratio=ratios,
            target=f"at most {milliseconds(target)}",
            met=median(seconds[state]) <= target,
        )
    yield Line(work=f"reading {_COUNT} METADATA, no more", ours=milliseconds(median(seconds["reading"])))


def make(folder: Path, count: int) -> tuple[data.Venv, Path]:
    """Make an environment of so many distributions, and the smallest project with a lock."""
    venv = data.make_venv(folder / "venv")
    made = data.packages(count - venv.count)
    data.install(venv.site, made)
    project = folder / "project"
    project.mkdir()
    (project / "requirements.in").write_text(f"{made[0].name}\n")
    (project / "requirements.txt").write_text(f"{made[0].name}=={made[0].version}\n")
    return venv, project
