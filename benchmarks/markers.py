"""Issue 4: what markers cost a session of many tests, beside the same tests with a marker that nobody reads."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.measuring import Extra, Line, interleaved, milliseconds, process, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.measuring import Taken

_TARGET = 1.05
_MODULES = 50
_TESTS = 200  # In each module.
_MARKERS = {
    "none": "",
    "unread": '@pytest.mark.needs_something("a{}")\n',
    "ours": '@pytest.mark.requires_integration("a{}")\n',
}
# Registered, since pytest warns of each use of a marker that is not.
_TABLE = '[tool.pytest.ini_options]\nmarkers = ["needs_something: is read by nobody"]\n[tool.envrepro.integrations]\n'


def measure(folder: Path, runs: int) -> Iterator[Line]:
    """Run ten thousand empty tests whose markers are met, and those with another marker; `--setup-only` runs no bodies."""
    venv = data.make_venv(folder / "venv")
    number = _MODULES * _TESTS
    works = {}
    for name, marker in _MARKERS.items():
        project = folder / name
        project.mkdir()
        _write(project, marker)
        for option in ("--setup-only", "--no-summary"):
            argv = [str(venv.python), "-m", "pytest", "-q", "-p", "no:warnings", option]
            works[name, option] = process(argv, cwd=project)
    taken = interleaved(runs, works)
    for option, what in (("--setup-only", "collected and set up"), ("--no-summary", "run whole")):
        for name in ("ours", "none"):
            yield _line(taken[name, option], taken["unread", option], f"{number} tests {what}, {_SAID[name]}", name)


_SAID = {"ours": "with markers that are met", "none": "without any marker"}


def _line(of: list[Taken], to: list[Taken], work: str, name: str) -> Line:
    times = ratio([each.processor for each in of], [each.processor for each in to])
    is_judged = name == "ours"
    return Line(
        work=work,
        ours=str(Extra.between(of, to)),
        peers=f"with a marker that nobody reads {milliseconds(median(each.wall for each in to))}",
        ratio=f"{times:.3f} times its processor",
        target=f"at most {_TARGET} times" if is_judged else "",
        met=times <= _TARGET if is_judged else None,
    )


def _write(project: Path, marker: str) -> None:
    """Write modules of tests, each test with one of ten names in its marker."""
    declared = [f'a{index} = {{ requirements = ["pytest"] }}\n' for index in range(10)]
    (project / "pyproject.toml").write_text(_TABLE + "".join(declared))
    for module in range(_MODULES):
        tests = [f"{marker.format(index % 10)}def test_{index}():\n    pass\n" for index in range(_TESTS)]
        (project / f"test_{module}.py").write_text("import pytest\n" + "\n".join(tests))
