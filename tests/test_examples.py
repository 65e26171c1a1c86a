"""The example does what the README promises of it, with the README's own words typed into a shell."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "examples" / "quickstart"
OPTIONAL_PARTS = ROOT / "examples" / "optional_parts"
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs", "benchmarks", "build", "dist")
_INHERITED = ("CI", "BUILD_NUMBER", "VIRTUAL_ENV", "PYTEST", "COV", "TOX", "PYTHON", "GITHUB_ACTIONS")


def readme_command(words: str) -> str:
    """Give the shell command of the README that holds some words."""
    blocks: list[str] = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return next(block for block in blocks if words in block)


def outside() -> Mapping[str, str]:
    """Give the environment of a user's shell, in which `python3` is the Python that runs this."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_INHERITED)}
    return {**environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"}


def shell(command: str, folder: Path, **variables: str) -> tuple[int, list[str]]:
    """Type a command into a shell, and give the exit code and the lines of its output."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env={**outside(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.network
@pytest.mark.skipif(os.name == "nt", reason="the README's commands are those of a POSIX shell")
def test_the_main_command(tmp_path: Path) -> None:
    """It is clean in a fresh clone, strict too; after an edit it is broken, with the line and the fix."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=_LEFT_OUT)
    folder = clone / "examples" / "quickstart"
    shutil.copytree(QUICKSTART / "tests", folder / "tests", ignore=_LEFT_OUT)

    code, lines = shell(readme_command("--env-lock"), clone)

    assert code == 0, lines
    assert any(
        re.match(r"environment reproducibility: clean, 4 checks, 11 of 11 pins proven, \d+ ms", x) for x in lines
    )
    assert shell(".venv/bin/pytest --env-lock", folder, CI="true")[0] == 0

    code, lines = shell("echo httpx >> requirements.in; .venv/bin/pytest --env-lock", folder)

    assert code == 1
    line = len((folder / "requirements.in").read_text().splitlines())
    assert f"  missing-direct  httpx  requirements.in:{line}  not pinned in requirements.txt" in lines
    assert "  fix: pip-compile --generate-hashes --output-file=requirements.txt requirements.in" in lines


@pytest.mark.network
def test_the_lock_can_be_compiled_again(tmp_path: Path) -> None:
    """The command in the lock's header gives the same pins."""
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder, ignore=_LEFT_OUT)
    before = (folder / "requirements.txt").read_text()
    command = re.findall(r"^#    (pip-compile .*)$", before, re.MULTILINE)[0]

    code, lines = shell(f"{command} --no-emit-index-url --no-emit-find-links", folder)

    assert code == 0, lines
    pins = re.compile(r"^[a-z].*==\S+", re.MULTILINE)
    assert pins.findall((folder / "requirements.txt").read_text()) == pins.findall(before)


def test_the_lock_is_nobody_s_own() -> None:
    """It names no machine, no index, and one hash at least of everything."""
    text = (QUICKSTART / "requirements.txt").read_text()
    options = [line for line in text.splitlines() if line.startswith("-")]

    assert not options
    assert "://" not in text
    assert all("--hash=sha256:" in pin for pin in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:])


@pytest.fixture
def optional_parts(tmp_path: Path) -> Path:
    """Copy the example whose tests have an optional part, which is not installed here."""
    if importlib.util.find_spec("openpyxl") is not None:
        pytest.skip("openpyxl is installed")
    shutil.copytree(OPTIONAL_PARTS, tmp_path / "it", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return tmp_path / "it"


def page_block(page: str, words: str) -> list[str]:
    """Give the lines of the block of a page that holds some words."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found: list[str] = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return next(block for block in found if words in block).splitlines()


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
def test_optional_parts_skip(optional_parts: Path) -> None:
    """On a laptop the tests of the optional part skip, and the pages say it as the session does."""
    code, lines = shell("pytest -rs -p no:randomly", optional_parts)

    assert code == 0, lines
    assert re.match(r"=+ 2 passed, 3 skipped in ", lines[-1])
    for page, words in [("README.md", "= integrations ="), ("docs/why-skipped.md", "= integrations =")]:
        assert set(page_block(page, words)) <= set(lines)
    assert set(page_block("docs/why-skipped.md", "SKIPPED [1]")) <= set(lines)


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
def test_optional_parts_fail_in_ci(optional_parts: Path) -> None:
    """In a CI they fail, as the page says, unless that part may be missing."""
    code, lines = shell("pytest -p no:randomly", optional_parts, CI="true")

    assert code == 1
    assert re.match(r"=+ 2 passed, 3 errors in ", lines[-1])
    assert set(page_block("docs/why-skipped.md", "ERROR at setup")) <= set(lines)
    assert shell("pytest --env-allow-missing workbook", optional_parts, CI="true")[0] == 0


@pytest.mark.skipif(shutil.which("unzip") is None, reason="one of its tests needs unzip, and is explained")
def test_optional_parts_explained(optional_parts: Path) -> None:
    """What a test needs is explained as the page has it, but for where its program lies."""
    command, *expected = page_block("docs/why-skipped.md", "--env-explain")

    code, lines = shell(command.removeprefix("$ "), optional_parts, PYTHONUTF8="1")

    assert code == 0
    assert [re.sub(r"/\S*/unzip", "/usr/bin/unzip", line) for line in lines[: len(expected)]] == expected
    assert shell("pytest --env-export workbook", optional_parts) == (0, ["openpyxl>=3.1"])
