"""The words of sessions with environments: the right test is named, each fault says where it stands, and nothing is told that is not so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import making
import pytest
from borrowing import SLOW_TABLE, headed, lines, slow

if TYPE_CHECKING:
    from borrowing import Suite

TABLE = """
[tool.envrepro.environments.e]
requirements = ["alpha==1.0"]
"""
REMOVED = """
import shutil
import pytest

@pytest.mark.environment("e")
def test_removes(environment):
    shutil.rmtree(environment.prefix)

def test_between(): pass

@pytest.mark.environment("e")
def test_innocent(environment): pass
"""


def test_removed_whole(fresh: Suite) -> None:
    """Of an environment that a test has removed as a whole, that test is told, and nobody who comes later is accused."""
    fresh.write(REMOVED, TABLE)

    result = fresh.run("--tb=short")

    result.assert_outcomes(failed=1, passed=2)
    assert sum("its folder is gone" in line for line in result.outlines) == 1
    assert not lines(result, "e: had been changed")


ASTRAY = """
import pytest

@pytest.mark.parametrize("tool", [pytest.param(tool, marks=pytest.mark.environment(installer=tool)) for tool in ("uv", "pip")])
@pytest.mark.environment(KEY="reqs.txt")
def test_it(environment, tool): pass
"""


@pytest.mark.parametrize("key", ["requirements", "lock"])
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--config-settings a=b", "--config-settings a=b: installer-args can say it, for all that is built"),
        ("-C a=b", "--config-settings a=b: installer-args can say it, for all that is built"),
        (
            f"--hash=sha256:{'0' * 64}",
            (
                f"--hash sha256:{'0' * 64}: it belongs behind a requirement, whose line ends with a backslash where it goes "
                "on in the next"
            ),
        ),
        ("--no-index extra words", "extra: {} is not told that here"),
    ],
    ids=["long", "short", "hash", "words"],
)
def test_astray(suite: Suite, key: str, line: str, told: str) -> None:
    """What pip and uv would leave aside on a line without a requirement is refused with file and line, and not dropped."""
    suite.write(ASTRAY.replace("KEY", key))
    pinned = f"alpha==1.0\n{line}\n"
    suite.project.write({"reqs.txt": making.pip_compiled(pinned) if key == "lock" else pinned})
    number = next(
        index for index, each in enumerate((suite.path / "reqs.txt").read_text().split("\n"), 1) if each == line
    )

    result = suite.run()

    result.assert_outcomes(errors=2)
    for tool in ("uv", "pip"):
        assert headed(result, f"ERROR at setup of test_it[{tool}]")[:2] == [
            "options in files that an environment is made of cannot be followed:",
            f"  reqs.txt:{number}: {told.format(tool)}",
        ]


@pytest.mark.parametrize("below", ["", "/sub"], ids=["itself", "below"])
def test_cache_that_is_a_file(suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    """A cache folder that somebody names has to be one: no other takes its place, and --env-clean says it too."""
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    suite.use(Path(f"{file}{below}"))
    suite.write("def test_it(throwaway_venv): pass\n")

    result = suite.run("-q")
    cleaned = suite.run("--env-clean")

    result.assert_outcomes(errors=1)
    (told,) = headed(result, "ERROR at setup of test_it")
    assert re.fullmatch(
        rf"{file}{below}(/envs)? cannot be written: (Not a directory|File exists)\. Environments are to be kept in "
        rf"{file}{below}/envs: mend that, or set PYTEST_ENVREPRO_CACHE to another folder",
        told,
    )
    assert not list((tmp_path / "tmp").glob("pytest-envrepro*"))
    if not below:
        assert cleaned.ret == 4
        assert cleaned.errlines[:1] == [
            f"ERROR: --env-clean: the cache folder {file} is no folder: name another one in PYTEST_ENVREPRO_CACHE"
        ]


WRONG = """
import pytest

@pytest.mark.parametrize("text", ["packaging>>1", "packaging iniconfig", "", "a @ https://me:secret@h.org/a b c"])
def test_install(throwaway_venv, text): throwaway_venv.install("alpha", text)

@pytest.mark.parametrize("terms", [{"input": b"x"}, {"input": 1}, {"timeout": "5"}, {"timeout": True}], ids=str)
def test_run(environments, terms): environments.host.run_python("-c", "print(1)", **terms)
"""


def test_wrong_calls(suite: Suite) -> None:
    """What install() and run() cannot be given is told in a line, before anything is done."""
    suite.write(WRONG)

    result = suite.run("--tb=short", "-rN")

    result.assert_outcomes(failed=8)
    told = [
        line.removeprefix("E   ").partition(".errors.")[2] or line[4:] for line in result.outlines if line[:4] == "E   "
    ]
    why = "Expected semicolon (after name with no version specifier) or end"
    assert [line.partition("RefusedError: ")[2].partition(": Expected")[0] for line in told[:4]] == [
        "install(): 'packaging>>1' is not a requirement (PEP 508)",
        "install(): 'packaging iniconfig' is not a requirement (PEP 508)",
        "install(): '' is not a requirement (PEP 508)",
        "install(): 'a @ https://****@h.org/a b c' is not a requirement (PEP 508)",
    ]
    assert why in told[0]
    assert told[4:] == [
        "TypeError: input has to be a string, which is written as UTF-8, not bytes: b'x'.decode()",
        "TypeError: input has to be a string, not 1",
        "TypeError: timeout has to be a number of seconds, or None for never, not '5'",
        "TypeError: timeout has to be a number of seconds, or None for never, not True",
    ]


def test_idle_worker(fresh: Suite) -> None:
    """A worker that was given no test, and makes what another one needs, ends without a word."""
    fresh.write(
        """
import pytest

@pytest.mark.environment("slow")
def test_slow(environment): pass
""",
        SLOW_TABLE,
        **slow(fresh, 3),
    )

    result = fresh.run("-n2", subprocess=True)

    result.assert_outcomes(passed=1)
    assert not [line for line in result.outlines if "is cancelled" in line]


PLACED = """
import pytest

@pytest.mark.environment("child")
def test_files(environment): pass

@pytest.mark.environment("command")
def test_command(environment): pass

@pytest.mark.environment(installer="uv", installer_args=["--pre", "--bogus", "x"])
def test_options(environment): pass
"""


def test_places_of_faults(suite: Suite) -> None:
    """What is found wrong with settings when they are followed is told with the table or the marker that says so."""
    table = "tool.envrepro.environments"
    suite.write(
        PLACED,
        f"""
[{table}.parent]
files = {{ "a" = "gone.ini", "b" = "also.ini" }}

[{table}.child]
extends = "parent"
files = {{ "b" = "mine.ini" }}

[{table}.command]
replicate-local = "no-such-command"
""",
    )

    result = suite.run()

    result.assert_outcomes(errors=3)
    assert headed(result, "ERROR at setup of test_files") == [
        f"files: gone.ini does not exist ({table}.parent in pyproject.toml)",
        f"files: mine.ini does not exist ({table}.child in pyproject.toml)",
    ]
    assert headed(result, "ERROR at setup of test_command") == [
        (
            "replicate-local: no-such-command cannot be started: No such file or directory "
            f"({table}.command in pyproject.toml)"
        )
    ]
    (told,) = headed(result, "ERROR at setup of test_options")
    assert told.startswith("installer-args: '--pre' is not among what uv may be told here. It may be: --")
    assert told.endswith(
        "; nor is '--bogus'; did you mean '--prerelease' by '--pre'? (@pytest.mark.environment on test_options)"
    )


@pytest.mark.parametrize(
    ("name", "is_hinted"), [("alpha", True), ("ruamel.yaml", True), ("alpha.txt", False), ("sub/alpha", False)]
)
def test_name_in_the_place_of_a_path(suite: Suite, name: str, is_hinted: bool) -> None:  # noqa: FBT001  # Is a column.
    """A package where the path of a file stands is no file, and what was meant is told; of a path, it is not."""
    suite.write(
        f"""
import pytest

@pytest.mark.environment(requirements="{name}")
def test_it(environment): pass
"""
    )

    said = headed(suite.run(), "ERROR at setup of test_it")

    fault = f"the requirements of @pytest.mark.environment on test_it: there is no file {name}"
    hint = f"; a string is the path of a file; requirements stand in a list: ['{name}']"
    assert said == [f"{fault}{hint if is_hinted else ''}"]


HELD = """
import shutil
import pytest

def test_call(environments): environments.get("e", inside=True)

def test_removed(throwaway_venv):
    shutil.rmtree(throwaway_venv.prefix)
    throwaway_venv.run_python("-V")

def test_failed(throwaway_venv):
    throwaway_venv.install("no-such-package")

def test_crashed(throwaway_venv):
    throwaway_venv.run_python("-c", "import os; os.abort()", check=False)
    assert False
"""


def test_what_was_done(suite: Suite) -> None:
    """What was removed has not ended, what was tried was run, and what a signal has ended is told by its name."""
    suite.write(HELD, TABLE)

    result = suite.run("--tb=short", "-rN")

    result.assert_outcomes(failed=4)
    out = result.outlines
    told = "inside: is no setting: a test's marker alone says whether the test itself runs in its environment"
    assert sum(line.endswith(f"environments.get(...): {told}") for line in out) == 1
    assert [line for line in out if " is gone: " in line] == [
        line for line in out if " is gone: its folder was removed (" in line
    ]
    assert any(" is gone: " in line for line in out)
    assert sum(line == "last      nothing was run in it but what install() runs" for line in out) == 1
    crashed = 'last      python -c "import os; os.abort()" was ended by SIGABRT after '
    crashed = crashed.replace('"', "'")
    assert sum(line.startswith(crashed) for line in out) == 1
