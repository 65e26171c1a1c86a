"""Beside the checks that tools have of their own: the same change to a project, what they say, and what we say.

The page `docs/native-checks.md` has the table, which these tests make; with ENVREPRO_UPDATE set they write it.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import toolshed
from condas import CondaCase, install, publish, write_solver
from formats import CHANGES, CONDA, FORMATS, INSTALLED, RELEASES, upload
from indexes import Index
from judging import Case

from pytest_envrepro.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from formats import Format

pytestmark = pytest.mark.requires_integration("network", "compilers")

PAGE = Path(__file__).parents[2] / "docs" / "native-checks.md"
NAMES = [re.sub(r"\W+", "-", format_.name).strip("-") for format_ in FORMATS]


# What no lock may be, whatever a tool says of it.
FAULTS = (
    "a root is added",
    "a root is tightened past its pin",
    "a root is deleted from the lock",
    "a transitive package is deleted, what needs it still says so",
    "a transitive package is deleted everywhere",
    "a transitive pin is changed past what needs it",
    "a pin is edited",
    "a hash is removed",
    "a merge is not finished",
)


class Bench:
    """An index, an environment with what is locked, and each project as its tool has locked it."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.environ = toolshed.environ(folder / "home", variables)
        venv = folder / "venv"
        self.run("uv", "venv", "--quiet", str(venv), cwd=folder)
        self.run("uv", "pip", "install", "--quiet", "--python", str(venv), *INSTALLED, cwd=folder)
        self.site = next(venv.glob("lib/python*/site-packages"))
        self._locked: dict[str, dict[str, str]] = {}

    def run(self, tool: str, *words: str, cwd: Path) -> None:
        """Run a tool that has to succeed."""
        done = toolshed.run(tool, *words, cwd=cwd, environ=self.environ)
        assert done.returncode == 0, done.stdout + done.stderr

    def locked(self, format_: Format) -> dict[str, str]:
        """Give a project's files with its lock, which the tool has written once."""
        if format_.name not in self._locked:
            folder = self.folder / f"locked-{len(self._locked)}"
            folder.mkdir()
            python = f"{sys.version_info.major}.{sys.version_info.minor}"
            files = {path: text.replace("PYTHON", python) for path, text in format_.files.items()}
            for path, text in files.items():
                (folder / path).write_text(text)
            self.run(format_.tool, *format_.lock_command, cwd=folder)
            self._locked[format_.name] = {**files, format_.lock: (folder / format_.lock).read_text()}
        return dict(self._locked[format_.name])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give what all formats share."""
    folder = tmp_path_factory.mktemp("bench")
    index = Index(folder / "index", is_hashed=True)
    upload(index)
    with toolshed.served(index) as variables:
        yield Bench(folder, variables)


def native(bench: Bench, format_: Format, folder: Path) -> str:
    """Say what the tool's own check says of a project."""
    if not format_.check:
        return "has none"
    done = toolshed.run(format_.tool, *format_.check, cwd=folder, environ=bench.environ)
    return "accepts" if done.returncode == 0 else "refuses"


def ours(case: Case, format_: Format) -> str:
    """Say what we say: the codes of all checks that are not clean."""
    plan = [("lock", format_.lock), ("installed", format_.lock), ("python", case.facts.project.anchor)]
    outcomes = [case.judge(check, subject) for check, subject in plan if subject in subjects(case, check)]
    assert all(outcome.judged for outcome in outcomes if outcome.status == "clean")
    statuses = {outcome.status for outcome in outcomes}
    codes = dict.fromkeys(finding.code for outcome in outcomes for finding in outcome.findings)
    said = next(status for status in ("broken", "unchecked", "clean") if status in statuses)
    return ": ".join(filter(None, (said, " ".join(f"`{code}`" for code in codes))))


def subjects(case: Case, check: str) -> tuple[str, ...]:
    """Give what a check is shown at."""
    facts = case.facts
    return next(kind for kind in CHECKS if kind.name == check).subjects(facts)


def row(bench: Bench, format_: Format, change: str, folder: Path) -> str:
    """Make a project, change it, and give the line of the table."""
    files = bench.locked(format_)
    CHANGES[change](format_, files)
    folder.mkdir()
    case = Case(folder, files)
    case.site = bench.site
    if change == "the Python is too old":
        case.run_on("3.8.20")
        return f"| {change} | is not asked | {ours(case, format_)} |"
    return f"| {change} | {native(bench, format_, case.root)} | {ours(case, format_)} |"


@pytest.mark.parametrize("format_", FORMATS, ids=NAMES)
def test_table(bench: Bench, format_: Format, tmp_path: Path) -> None:
    """The page says what is so, row by row; what the tool accepts and no lock may be is never accepted by us."""
    changes = [change for change in CHANGES if change != "the stamp is edited" or format_.stamp]
    rows = {change: row(bench, format_, change, tmp_path / str(number)) for number, change in enumerate(changes)}

    assert [change for change in FAULTS if "| broken: " not in rows[change]] == []
    assert on_page(section := table_of(format_, rows)) == section


@pytest.mark.requires_integration("conda")
def test_table_of_conda(tmp_path: Path) -> None:
    """The same for conda-lock, with a channel in a folder; py-rattler solves and installs what is in it."""
    channel = publish(tmp_path / "channel", RELEASES)
    solver = write_solver(tmp_path / "solver" / "conda", channel)
    project = tmp_path / "locked"
    project.mkdir()
    for path, text in CONDA.files.items():
        (project / path).write_text(text)
    environ = toolshed.environ(tmp_path / "home", {})
    done = toolshed.run(CONDA.tool, *CONDA.lock_command, str(solver), cwd=project, environ=environ)
    assert done.returncode == 0, done.stderr
    install(channel, [each.replace("==", " ==") for each in INSTALLED], tmp_path / "prefix", tmp_path / "cache")

    rows = {}
    for number, (change, edit) in enumerate(CHANGES.items()):
        if change == "the Python is too old":
            continue  # Which is a package of conda's, if there is one.
        files = {**CONDA.files, CONDA.lock: (project / CONDA.lock).read_text()}
        edit(CONDA, files)
        (tmp_path / str(number)).mkdir()
        case = CondaCase(tmp_path / str(number), files)
        case.prefix = tmp_path / "prefix"
        rows[change] = f"| {change} | has none | {ours(case, CONDA)} |"

    assert [change for change in FAULTS if "| broken: " not in rows[change]] == []
    assert on_page(section := table_of(CONDA, rows)) == section


def table_of(format_: Format, rows: Mapping[str, str]) -> str:
    """Write the section of the page for a format."""
    head = f"## {format_.name}\n\n| what happens | `{format_.tool}` itself | here |\n|---|---|---|\n"
    return head + "".join(f"{line}\n" for line in rows.values())


def on_page(section: str) -> str:
    """Give the section of the same title as it stands on the page, after it was written there where that is asked for."""
    title = section.partition("\n")[0]
    before, found, after = PAGE.read_text().partition(f"{title}\n")
    old, following, rest = after.partition("\n## ")
    if os.environ.get("ENVREPRO_UPDATE"):
        old = section.removeprefix(f"{title}\n")
        PAGE.write_text(f"{before}{'' if found else chr(10)}{section}{following}{rest}")
    return f"{title}\n{old}"
