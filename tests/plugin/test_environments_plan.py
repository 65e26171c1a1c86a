"""Environments are made before the tests that need them, side by side, once, with progress that is calm."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import making
import pytest
from borrowing import ANOTHER, SLOW_TABLE, headed, hold_as_another, lines, slow

if TYPE_CHECKING:
    from borrowing import Suite

BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
TABLE = """
[tool.envrepro.environments.client]
requirements = ["alpha==1.0"]

[tool.envrepro.environments.server]
requirements = ["alpha==2.0", "tool"]
"""
TWO = """
import pytest

@pytest.mark.environment("client")
def test_client(environment): pass

@pytest.mark.environment("server")
def test_server(environment): pass

def test_empty(throwaway_venv): pass
"""


def test_progress(fresh: Suite) -> None:
    """A line for each that is made, before the first test; where all is there, and with -q, nothing."""
    fresh.write(TWO, TABLE)

    first = fresh.run()
    second = fresh.run()

    # On a busy machine it may be told before, too, what takes long.
    told = [line for line in lines(first, "envrepro: ") if ": made in " in line]
    python = rf"Python {re.escape(sys.version.split()[0])}, \S+ [\d.]+"
    assert len(told) == 3
    for line, pattern in zip(
        sorted(told),
        [
            rf"envrepro: client: made in \d+\.\d s \(1 package, {python}\)",
            rf"envrepro: empty virtualenv: made in \d+\.\d s \(0 packages, {python}\)",
            rf"envrepro: server: made in \d+\.\d s \(3 packages, {python}\)",
        ],
        strict=True,
    ):
        assert re.fullmatch(pattern, line)
    at = [first.outlines.index(line) for line in told]
    dots = next(index for index, line in enumerate(first.outlines) if line.startswith("test_it.py ..."))
    assert max(at) < dots
    assert not lines(second, "envrepro: ")


def test_quiet(fresh: Suite) -> None:
    """With -q nothing is told, though something is made."""
    fresh.write(TWO, TABLE)

    result = fresh.run("-q")

    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("*made in*")


def test_slow(fresh: Suite) -> None:
    """What takes long is told while it does: the name, what is being done, and for how long."""
    fresh.write(
        """
import pytest

@pytest.mark.environment("slow")
def test_it(environment):
    assert list(environment.inventory()) == ["subject"]
""",
        SLOW_TABLE,
        **slow(fresh, 3),
    )

    result = fresh.run()

    result.assert_outcomes(passed=1)
    told = lines(result, "envrepro: slow: ")
    assert re.fullmatch(r"envrepro: slow: building this project's wheel with .* \.\.\. \((\d+) s\)", told[0])
    assert re.fullmatch(r"envrepro: slow: made in \d+\.\d s \(1 package, Python .*\)", told[-1])


def test_one_fails(fresh: Suite) -> None:
    """One that cannot be made does not stop the others, and its tests say why: with both sources of a contradiction."""
    fresh.write(
        f"""
import pytest

@pytest.mark.environment("both")
def test_first(environment): pass

@pytest.mark.environment("both")
def test_second(throwaway_venv): pass

@pytest.mark.environment(requirements=["nowhere"])
def test_nowhere(environment): pass
{TWO}
""",
        f"""
[tool.envrepro.integrations.old]
requirements = ["alpha<2"]

[tool.envrepro.environments.both]
requirements = ["alpha>=2"]
required-integrations = ["old"]
{TABLE}
""",
    )

    result = fresh.run()

    result.assert_outcomes(passed=3, errors=3)
    told = headed(result, "ERROR at setup of test_first")
    assert told == headed(result, "ERROR at setup of test_second")
    sources = ">=2 (requirements of tool.envrepro.environments.both in pyproject.toml) and <2 (integration 'old')"
    assert told == [
        "the requirements contradict each other, so nothing is installed:",
        f"  alpha: no version is {sources}",
    ]
    told = headed(result, "ERROR at setup of test_nowhere")
    assert "nowhere" in told[0]
    assert "requirements of @pytest.mark.environment on test_nowhere" in "\n".join(told)


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--fixtures", "--markers"])
def test_lists(fresh: Suite, option: str) -> None:
    """What only lists tests makes nothing."""
    fresh.write(TWO, TABLE)

    assert fresh.run(option).ret == 0

    assert not (fresh.cache / "envs").exists()


def test_deselected(fresh: Suite) -> None:
    """For tests that are not to run nothing is made."""
    fresh.write(TWO, TABLE)

    fresh.run("-k", "client").assert_outcomes(passed=1, deselected=2)

    assert [row["name"] for row in fresh.rows()] == ["client"]
    assert len(list((fresh.cache / "envs" / "at").iterdir())) == 1


@BOTH
def test_rows(fresh: Suite, workers: tuple[str, ...]) -> None:
    """The report lists each that was used, once; what was there is `cached`."""
    fresh.write(TWO, TABLE)
    making = fresh.run(*workers)
    first = fresh.rows()

    taking = fresh.run(*workers)
    second = fresh.rows()

    if workers:  # What they make is told while they do, by the one that does, on lines of their own among the dots.
        told = [line.split(": ")[:3] for line in making.outlines if re.search(r": made in \d", line)]
        assert all(start == "envrepro" and worker in {"gw0", "gw1"} for start, worker, _ in told)
        assert sorted(title for _, _, title in told) == ["client", "empty virtualenv", "server"]
        dots = [line for line in making.outlines if re.fullmatch(r"\.+( +\[ *\d+%\])?", line)]
        assert sum(line.count(".") for line in dots) == 3
    making.stdout.no_fnmatch_line("*= environments =*")
    taking.stdout.no_fnmatch_line("*= environments =*")

    assert [sorted(row) for row in first] == [["cached", "key", "kind", "name", "seconds"]] * 3
    assert [row["cached"] for row in first] == [False] * 3
    assert [row["cached"] for row in second] == [True] * 3
    assert [(row["name"], row["kind"], row["key"]) for row in first] == [
        (row["name"], row["kind"], row["key"]) for row in second
    ]
    assert [row["name"] for row in first] == ["client", "server", f"virtualenv {first[2]['key'][:8]}"]
    assert {row["kind"] for row in first} == {"virtualenv"}
    assert all(0 < row["seconds"] < 60 for row in first)


def test_many_workers(fresh: Suite) -> None:
    """Workers that all need the same make it once; of eight processes that holds too, as the store's tests show."""
    fresh.write(
        """
import pytest

@pytest.mark.parametrize("number", range(8))
@pytest.mark.environment("server")
def test_it(environment, number):
    assert sorted(environment.inventory()) == ["alpha", "beta", "tool"]
""",
        TABLE,
    )
    started = fresh.watched()

    result = fresh.run("-n4", subprocess=True)

    result.assert_outcomes(passed=8)
    programs = started.read_text().splitlines()
    assert len([line for line in programs if " pip compile " in line]) == 1
    assert len([line for line in programs if " pip install " in line or " pip sync " in line]) == 1


def test_two_sessions(fresh: Suite) -> None:
    """Two sessions at once make it once, and both have it."""
    fresh.write(TWO, TABLE)
    started = fresh.watched()
    command = [sys.executable, "-m", "pytest", "-q", "-k", "server", "-p", "no:cacheprovider", "--basetemp"]

    sessions = [
        subprocess.Popen([*command, f"base{each}"], cwd=fresh.path, stdout=subprocess.PIPE, text=True) for each in "ab"
    ]
    outputs = [session.communicate(timeout=120)[0] for session in sessions]

    assert [session.returncode for session in sessions] == [0, 0], outputs
    programs = started.read_text().splitlines()
    assert len([line for line in programs if " pip install " in line or " pip sync " in line]) == 1


def test_files_are_read_once(suite: Suite) -> None:
    """What a test writes into a file that settings name counts in the next session, also for what is declared elsewhere."""
    suite.write(
        """
import pytest
from pathlib import Path

def test_first(environments):
    assert environments.get(requirements="its.in").inventory()["alpha"].version == "1.0"
    Path("its.in").write_text("alpha==2.0")

def test_second(environments):
    assert environments.get(requirements="its.in", environment={"A": "1"}).inventory()["alpha"].version == "1.0"
"""
    )
    suite.project.write({"its.in": "alpha==1.0"})

    suite.run("-p", "no:randomly").assert_outcomes(passed=2)
    suite.run("-p", "no:randomly").assert_outcomes(failed=2)


@pytest.mark.parametrize("run", ["this", "that"])
def test_workers_do_not_tell_that_they_wait_for_each_other(fresh: Suite, run: str) -> None:
    """The one that is at it tells what it does, and the others of its run wait in silence; those of another do not."""
    fresh.write("def test_it(throwaway_venv): pass")
    fresh.run("--env-keep=none").assert_outcomes(passed=1)
    at, locks = fresh.cache / "envs" / "at", fresh.cache / "envs" / "locks"
    (key,) = os.listdir(at)
    shutil.rmtree(at / key)
    hold_as_another(locks / f"{key}.lock")

    result = fresh.run("-n1", f"--testrunuid={run}")

    result.assert_outcomes(passed=1)
    told = [line.partition(": waiting for ")[2] for line in result.outlines if ": waiting for " in line]
    assert told == ([] if run == "this" else [ANOTHER])


@pytest.mark.parametrize("run", ["this", "that"])
def test_another_session_chooses_versions(fresh: Suite, run: str) -> None:
    """A session that waits for the versions that another one is choosing says for which, unless it is of the same run."""
    fresh.write('def test_it(environments):\n    environments.get(requirements=["alpha==1.0"])\n')
    fresh.run().assert_outcomes(passed=1)
    shutil.rmtree(fresh.cache / "envs" / "at")
    (path,) = (fresh.cache / "mending").glob("resolve-*.lock")
    hold_as_another(path)

    result = fresh.run("-n1", f"--testrunuid={run}")

    result.assert_outcomes(passed=1)
    told = [line for line in result.outlines if f"waiting for {ANOTHER}" in line]
    assert len(told) == (run == "that")


def test_an_installation_that_takes_long(suite: Suite) -> None:
    """What install() does in a test is told where it takes more than two seconds; with -q it is not, before ten."""
    suite.write(
        """
def test_it(environments):
    with environments.throwaway("client") as private:
        private.install("./slow")
""",
        '[tool.envrepro.environments.client]\nrequirements = ["alpha==1.0"]\n',
    )
    backend = making.backend("slow", "1", before=["import time", "time.sleep(3)"])
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    suite.project.write({"slow/pyproject.toml": build, "slow/backend.py": backend})

    told = suite.run("-s")
    quiet = suite.run("-s", "-q")

    for result in (told, quiet):
        result.assert_outcomes(passed=1)
    (said,) = [line for line in told.outlines if "installing" in line and "slow" in line]
    assert re.search(r"envrepro: client: installing \./slow with (uv|pip) \S+ \.\.\. \(2 s\)$", said), said
    assert [line for line in quiet.outlines if "installing" in line] == []
