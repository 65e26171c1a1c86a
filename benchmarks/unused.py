"""Row 4: what the plugin costs a session that does not use it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.measuring import Extra, Line, interleaved, milliseconds, probed, process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TARGET = 0.003
_OWN = ("pytest-envrepro", "platformdirs")  # What pytest alone would not bring along.


def measure(folder: Path, runs: int) -> Iterator[Line]:
    """Run an almost empty session with the plugin, without it, and where neither it nor its dependencies are."""
    full = data.make_venv(folder / "full")
    bare = data.make_venv(folder / "bare", without=_OWN)
    project = folder / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("[tool.pytest]\n")
    (project / "test_it.py").write_text("def test_it():\n    pass\n")
    session = ("-m", "pytest", "-q")
    works = {
        "installed": process([full.python, *session], cwd=project),
        "left out": process([full.python, *session, "-p", "no:envrepro"], cwd=project),
        "absent": process([bare.python, *session], cwd=project),
    }
    taken = interleaved(runs, works)
    medians = {name: milliseconds(median(each.wall for each in taken[name])) for name in works}
    ours = Extra.between(taken["installed"], taken["left out"])
    yield Line(
        work="plugin installed, not used",
        ours=str(ours),
        peers=f"the session with -p no:envrepro {medians['left out']}",
        target=f"at most {milliseconds(_TARGET)}",
        met=ours.within(_TARGET),
    )
    yield Line(
        work=f"what our metadata and {_OWN[1]} add with -p no:envrepro",
        ours=str(Extra.between(taken["left out"], taken["absent"])),
        peers=f"the session without them {medians['absent']}",
    )
    imported = median(interleaved(min(runs, 40), {"import": probed(full.python, "import", cwd=project)})["import"])
    yield Line(
        work="import pytest_envrepro.plugin after pytest",
        ours=milliseconds(imported),
        target=f"under {milliseconds(_TARGET)}",
        met=imported < _TARGET,
    )
