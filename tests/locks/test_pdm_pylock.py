"""`pylock.toml` as pdm 2.29 keeps it in the place of `pdm.lock` (`lock.format = "pylock"`); packaging 26.0 reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import Case
from locks.documents import Documents, changed
from locks.pdm_golden import LOCK, PYLOCK, PYLOCK_COPY, PYLOCK_PROJECT

from pytest_envrepro.locks.pylock import parse

if TYPE_CHECKING:
    from pathlib import Path

PDM = Documents(path="pylock.toml", lock=PYLOCK, project=PYLOCK_PROJECT, parse=parse)
STALE, HOLDS = PDM.stale, PDM.holds
case_of, stamp = PDM.case_of, PDM.stamp


def test_clean(tmp_path: Path) -> None:
    """Its input is the project beside it; what pdm calls the group 'default' is installed always."""
    case = case_of(tmp_path)
    lock = case.facts.locks["pylock.toml"]

    assert case.findings("lock", "pylock.toml") == []
    assert (lock.tool, lock.inputs, lock.parts) == ("pdm", ("pyproject.toml",), frozenset({"[pg]", "test"}))
    assert (lock.fix, lock.install, lock.usual) == ("pdm lock --update-reuse", "pdm sync", frozenset({"[pg]", "test"}))
    assert [root.part for root in lock.roots] == ["", "", "[pg]", "test"]


def test_group_that_is_gone(tmp_path: Path) -> None:
    """Of what is locked, pdm installs what the project has."""
    lock = case_of(tmp_path, changed(PYLOCK_PROJECT, "test = [", "tests = [")).facts.locks["pylock.toml"]

    assert (lock.parts, lock.usual) == (frozenset({"[pg]", "test"}), frozenset({"[pg]"}))


def test_changed(tmp_path: Path) -> None:
    """A requirement that is new."""
    case = case_of(tmp_path, changed(PYLOCK_PROJECT, '"psycopg"', '"psycopg", "httpx"'))

    found = case.findings("lock", "pylock.toml")

    assert {each[:2] for each in found} == {("missing-direct", "httpx"), ("stale-stamp", "hashes")}
    assert stamp(case) == STALE


def test_loosened(tmp_path: Path) -> None:
    """Only the stamp is old."""
    case = case_of(tmp_path, changed(PYLOCK_PROJECT, '"jinja2>=3.1"', '"jinja2"'))

    line = PYLOCK[: PYLOCK.index("[tool.pdm]")].count("\n") + 2
    assert [found[4:] for found in case.findings("lock", "pylock.toml")] == [(f"pylock.toml:{line}", HOLDS)]


def test_copy(tmp_path: Path) -> None:
    """With a copy of the inputs, loosening is no matter, and what differs is said."""
    lock = PYLOCK[: PYLOCK.index("[tool.pdm]")] + PYLOCK_COPY
    project = changed(PYLOCK_PROJECT, '"jinja2>=3.1"', '"jinja2"')
    case = case_of(tmp_path, project, lock)
    assert case.findings("lock", "pylock.toml") == []

    case.write({"pyproject.toml": changed(PYLOCK_PROJECT, '"psycopg"', '"psycopg[c]"')})

    assert stamp(case) == (
        "pyproject.toml:11 asks for psycopg[c] in pg, and the copy in the lock does not; "
        "pyproject.toml no longer asks for psycopg in pg: the pins still hold, only the stamp is old"
    )


@pytest.mark.parametrize(
    ("table", "expected"),
    [("", ["jinja2", "markupsafe", "pluggy", "psycopg", "pytest"]), ("groups = []", ["jinja2", "markupsafe"])],
)
def test_installed(tmp_path: Path, table: str, expected: list[str]) -> None:
    """`pdm sync` installs all that is locked; or what the table names."""
    named = f'[tool.envrepro]\ninstalled = [{{ lock = "pylock.toml", {table} }}]\n' if table else ""
    case = case_of(tmp_path, f"{PYLOCK_PROJECT}\n{named}")

    assert sorted(str(found[1]) for found in case.findings("installed", "pylock.toml")) == expected


def test_in_a_folder(tmp_path: Path) -> None:
    """Another name, and another folder, are told to pdm."""
    case = Case(tmp_path, {"api/pyproject.toml": PYLOCK_PROJECT, "api/pylock.dev.toml": PYLOCK})

    assert case.facts.locks["api/pylock.dev.toml"].fix == "pdm lock --update-reuse -p api -L pylock.dev.toml"


@pytest.mark.parametrize("tool", ["pdm = 1", "pdm.hashes = 1", "pdm.hashes = {}", "pdm.lock_inputs = 1", "x = 1"])
def test_any_table(tmp_path: Path, tool: str) -> None:
    """Whatever stands in pdm's own table, nothing is raised."""
    case = case_of(tmp_path, lock=f"{PYLOCK[: PYLOCK.index('[tool.pdm]')]}[tool]\n{tool}\n")

    assert {found[0] for found in case.findings("lock", "pylock.toml")} <= {"stale-stamp", "input-missing"}


def test_beside_a_lock(tmp_path: Path) -> None:
    """Beside a `pdm.lock` such a file is what was exported from that."""
    case = case_of(tmp_path)
    case.write({"pdm.lock": LOCK})

    lock = case.facts.locks["pylock.toml"]

    assert (lock.stamp, lock.inputs) == (None, ("pdm.lock",))
