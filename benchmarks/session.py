"""Row 5: what `--env-lock` adds to a whole session, in row 2's project."""

from __future__ import annotations

import itertools
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import lock
from benchmarks.conflicts import SETTLED
from benchmarks.measuring import Extra, Line, Taken, interleaved, milliseconds, process, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TARGET = 0.060


def measure(folder: Path, runs: int) -> Iterator[Line]:
    """Run a session with one test: without the option, with it for the first time, and with it again.

    pytest rewrites the assertions of a plugin's modules when they are first imported, as it does those of tests, and
    keeps the result beside them: in a fresh installation that is a part of the first session.
    """
    venv, project = lock.make(folder)
    (project / "pyproject.toml").write_text('[project]\nname = "it"\nversion = "1"\nrequires-python = ">=3.9"\n')
    (project / "test_it.py").write_text("def test_it():\n    pass\n")
    time.sleep(SETTLED)
    session = [str(venv.python), "-m", "pytest", "-q"]
    counter = itertools.count()

    def anew() -> Taken:
        variables = {"PYTEST_ENVREPRO_CACHE": str(folder / f"empty{next(counter)}")}
        return process([*session, "--env-lock"], cwd=project, variables=variables)()

    def fresh() -> Taken:
        for rewritten in venv.site.glob("pytest_envrepro/**/*-pytest-*.pyc"):
            rewritten.unlink()
        return anew()

    remembered = {"PYTEST_ENVREPRO_CACHE": str(folder / "cache")}
    works = {
        "without": process(session, cwd=project),
        "again": process([*session, "--env-lock"], cwd=project, variables=remembered),
        "anew": anew,
        "fresh": fresh,
    }
    taken = interleaved(runs, works)
    without = median(each.wall for each in taken["without"])
    for name, state in (
        ("again", "conflicts remembered"),
        ("anew", "nothing remembered"),
        ("fresh", "the first after an installation"),
    ):
        added = Extra.between(taken[name], taken["without"])
        times = ratio([each.wall for each in taken[name]], [each.wall for each in taken["without"]])
        is_judged = name != "fresh"
        yield Line(
            work=f"--env-lock, whole session, {state}",
            ours=str(added),
            peers=f"the session without it {milliseconds(without)}",
            ratio=f"{times:.1f} times the session",
            target=f"at most {milliseconds(_TARGET)}" if is_judged else "",
            met=added.within(_TARGET) if is_judged else None,
        )
