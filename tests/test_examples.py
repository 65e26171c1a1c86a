"""The examples do what the pages promise of them, with the pages' own words typed into a shell."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from indexes import Index, settings
from interpreters import need

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "examples" / "quickstart"
OPTIONAL_PARTS = ROOT / "examples" / "optional_parts"
COMMAND_LINE = ROOT / "examples" / "command_line"
PROVEN_LOCK = ROOT / "examples" / "proven_lock"
MLOPS = ROOT / "examples" / "mlops"
MATRIX = ROOT / "examples" / "matrix"
_OF_MLOPS = ["mlops/requirements.txt", "mlops/server.txt"]
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs", "benchmarks", "build", "dist")
# What is installed for one short session is not worth compiling; pip takes a no to a "no" for one.
_QUICKLY = {"PIP_NO_COMPILE": "no", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
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
    return {**environ, **_QUICKLY, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"}


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


@pytest.mark.requires_integration("network")
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


@pytest.mark.requires_integration("network")
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
    code, lines = shell("pytest -p no:randomly --junitxml=it.xml", optional_parts, CI="true", GITHUB_ACTIONS="true")

    assert code == 1
    assert re.match(r"=+ 2 passed, 3 errors in ", lines[-1])
    for words in ("ERROR at setup", "::error title=workbook"):
        assert set(page_block("docs/why-skipped.md", words)) <= set(lines)
    (shown,) = page_block("docs/why-skipped.md", "envrepro.lacks")
    assert shown in (optional_parts / "it.xml").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")
def test_optional_parts_may_be_missing(optional_parts: Path) -> None:
    """Each of the three ways to allow that, as the page writes them, lets a CI through."""
    page = (ROOT / "docs" / "why-skipped.md").read_text(encoding="utf-8")
    (option,) = set(re.findall(r"`(--env-allow-missing [\w,]+)`", page))
    (variable,) = set(re.findall(r"`(PYTEST_ENVREPRO_ALLOW_MISSING=[\w,]+)`", page))
    (key,) = set(re.findall(r"`(allow-missing = .*?)`", page))

    assert shell(f"pytest {option}", optional_parts, CI="true")[0] == 0
    assert shell(f"{variable} pytest", optional_parts, CI="true")[0] == 0
    with (optional_parts / "pyproject.toml").open("a", encoding="utf-8") as table:
        table.write(f"\n[tool.envrepro]\n{key}\n")
    assert shell("pytest", optional_parts, CI="true")[0] == 0


@pytest.mark.requires_tools("unzip")  # One of the tests needs it, and is explained.
def test_optional_parts_explained(optional_parts: Path) -> None:
    """What a test needs is explained as the page has it, but for where its program lies."""
    command, *expected = page_block("docs/why-skipped.md", "--env-explain")

    code, lines = shell(command.removeprefix("$ "), optional_parts, PYTHONUTF8="1")

    assert code == 0
    assert [re.sub(r"/\S*/unzip", "/usr/bin/unzip", line) for line in lines[: len(expected)]] == expected
    assert shell("pytest --env-export workbook", optional_parts) == (0, ["openpyxl>=3.1"])


# What builds the command in the place of its own backend, which is on an index: all of the package, as that does.
_BACKEND = """
import base64, hashlib, pathlib, zipfile

def build_wheel(folder, settings=None, metadata=None):
    info, source = "wordtally-1.0.dist-info", pathlib.Path("src")
    files = {str(path.relative_to(source)): path.read_bytes() for path in sorted(source.rglob("*")) if path.is_file()}
    files[f"{info}/METADATA"] = b"Metadata-Version: 2.1\\nName: wordtally\\nVersion: 1.0\\n"
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\\nwordtally = wordtally.command:main\\n"
    hashed = {name: base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=") for name, text in files.items()}
    record = [f"{name},sha256={hashed[name].decode()},{len(text)}\\n" for name, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\\n"]).encode()
    with zipfile.ZipFile(pathlib.Path(folder, "wordtally-1.0-py3-none-any.whl"), "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return "wordtally-1.0-py3-none-any.whl"
"""
# What is on the index: of the lock's packages as much as matters.
_RELEASES: dict[str, dict[str, tuple[str, ...]]] = {
    "cloudpickle": {"3.1.0": (), "3.1.2": ()},
    "docutils": {"0.23": ()},
    "itsdangerous": {"2.2.0": ()},
    "jinja2": {"3.1.5": ("markupsafe>=2.0",), "3.1.6": ("markupsafe>=2.0",)},
    "markupsafe": {"1.1.1": (), "3.0.2": (), "3.0.4": ()},
    "python-slugify": {"9.2.0": ("text-unidecode>=1.3",)},
    "tabulate": {"0.10.0": ()},
    "text-unidecode": {"1.3": ()},
}


def without_network(folder: Path, index: Index) -> dict[str, str]:
    """Make copies of examples such that no network is needed, and give the variables that a shell needs for that.

    The command is built by a backend beside it, and the packages of the lock are tiny ones of the same names.
    """
    for name, releases in _RELEASES.items():
        for version, requires in releases.items():
            index.add(name, version, requires)
    for table in folder.glob("**/pyproject.toml"):
        built_by = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        text = re.sub(
            r'requires = \["hatchling.*?\]\nbuild-backend = .*?\n', built_by, table.read_text(encoding="utf-8")
        )
        table.write_text(text, encoding="utf-8")
        (table.parent / "backend.py").write_text(_BACKEND, encoding="utf-8")
    for lock in folder.glob("**/*.txt"):
        lock.write_text(re.sub(_PIN, lambda pin: _rehashed(pin, index), lock.read_text(encoding="utf-8")), "utf-8")
    cache = index.path.with_name("cache")
    return {
        **settings(index.url, index.path.with_name("caches")),
        "PIP_FIND_LINKS": "",
        "PYTEST_ENVREPRO_CACHE": str(cache),
    }


_PIN = re.compile(r"^(?P<name>[a-z][\w-]*)==(?P<version>\S+)(?: \\\n    --hash=sha256:[0-9a-f]+)+", re.MULTILINE)


def _rehashed(pin: re.Match[str], index: Index) -> str:
    """Write a pin with the hash of the tiny package, on as many lines."""
    (wheel,) = (index.path / pin["name"]).glob(f"*-{pin['version']}-*.whl")
    return re.sub(r"(?<=sha256:)[0-9a-f]+", hashlib.sha256(wheel.read_bytes()).hexdigest(), pin[0])


def another_step(folder: Path) -> None:
    """Change the step of the example, so that its image is one that no other session has."""
    with (folder / "steps" / "weigh.py").open("a", encoding="utf-8") as step:
        step.write(f"# {uuid.uuid4()}\n")


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Give an index of its own, on which there is nothing yet."""
    return Index(tmp_path / "index")


on_posix = pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell")


def _copied(example: Path, folder: Path) -> Path:
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    return folder


def _shown(example: Path, command: str = "pytest") -> list[str]:
    """Give the lines that the README of an example shows of a command, without times."""
    text = (example / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(rf"^```console\n\$ {command}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [_timeless(line) for line in shown.splitlines() if line != "..."]


def _timeless(line: str) -> str:
    line = re.sub(r"\bin \d+\.\d+ ?s\b", "in a while", line)
    line = re.sub(r"(?<=Python )(\d\.\d+)\.\d+|(?<=uv )\d[\d.]*\d", r"\1", line)
    return re.sub(r"=+", "=", line)


@on_posix
@pytest.mark.requires_integration("compilers")
@pytest.mark.requires_packages("virtualenv")
def test_command_line(tmp_path: Path, index: Index) -> None:
    """The command is tested on all three Pythons, as the README shows; what the wheel lacks is found on each."""
    for version in ("3.9", "3.11", "3.13"):
        need(version, tmp_path / "known")
    folder = _copied(COMMAND_LINE, tmp_path / "it")
    environ = without_network(folder, index)

    code, lines = shell("pytest -p no:randomly", folder, **environ)

    assert code == 0, lines
    assert {*_shown(COMMAND_LINE)} <= {*map(_timeless, lines)}

    backend = folder / "backend.py"
    backend.write_text(backend.read_text(encoding="utf-8").replace('rglob("*")', 'rglob("*.py")'), encoding="utf-8")
    code, lines = shell("pytest -p no:randomly", folder, **environ)

    assert code == 1
    assert re.match(r"=+ 3 failed, 9 passed in ", lines[-1])
    assert any("No such file or directory" in line and "common.txt" in line for line in lines), lines


@on_posix
@pytest.mark.requires_integration("compilers")
@pytest.mark.requires_packages("virtualenv")
def test_proven_lock(tmp_path: Path, index: Index) -> None:
    """The lock is proven, as the README shows; of a file that was uploaded anew, the environment is not made."""
    folder = _copied(PROVEN_LOCK, tmp_path / "it")
    environ = without_network(folder, index)
    command = "pytest -p no:randomly --deselect tests/test_lock.py::test_works"  # The tiny packages do nothing.

    code, lines = shell(command, folder, **environ)

    assert code == 0, lines
    assert re.match(r"=+ 2 passed, 1 deselected in ", lines[-1])

    index.delete("jinja2", "3.1.6")
    index.add("jinja2", "3.1.6", ("markupsafe>=2.1",))
    code, lines = shell(f"{command} --env-rebuild", folder, **{**environ, **settings(index.url, tmp_path / "other")})

    assert code == 1
    assert re.match(r"=+ 1 failed, 1 deselected, 1 error in ", lines[-1])


@on_posix
@pytest.mark.requires_integration("compilers", "docker-engine")
@pytest.mark.requires_packages("virtualenv")
def test_mlops(tmp_path: Path, index: Index, base_image: str, request: pytest.FixtureRequest) -> None:
    """Client, server and the image of steps agree; where the image was changed by hand, it is said as the README shows."""
    need("3.11", tmp_path / "known")
    folder = _copied(MLOPS, tmp_path / "it")
    another_step(folder)
    environ = {**without_network(folder, index), "EXECUTION_IMAGE": base_image, "PYTEST_ENVREPRO_KEEP": "none"}
    request.addfinalizer(lambda: shell("pytest --env-clean", folder, **environ))  # The image of this test.

    code, lines = shell("pytest -p no:randomly", folder, **environ)

    assert code == 0, lines
    assert {*_shown(MLOPS)} <= {*map(_timeless, lines)}

    code, lines = shell("pytest -p no:randomly --runxfail -k by_hand", folder, **environ)

    assert code == 1
    assert {*_shown(MLOPS, "pytest --runxfail")} <= {*map(_timeless, lines)}

    # What is expected to fail does so by the comparison, and not as there is nothing to compare.
    environ["EXECUTION_IMAGE"] = "127.0.0.1:1/nowhere:1"
    code, lines = shell("pytest -p no:randomly -k by_hand", folder, **environ)

    assert code == 1
    assert re.match(r"=+ 3 deselected, 1 error in ", lines[-1])


@on_posix
@pytest.mark.requires_integration("network", "compilers")
@pytest.mark.requires_packages("virtualenv")
@pytest.mark.parametrize("example", [COMMAND_LINE, PROVEN_LOCK], ids=lambda example: example.name)
def test_environments_as_they_are(tmp_path: Path, example: Path) -> None:
    """Both examples pass as they lie there, and print what their READMEs show."""
    folder = _copied(example, tmp_path / "it")

    code, lines = shell("pytest -p no:randomly", folder, PYTEST_ENVREPRO_CACHE=str(tmp_path / "cache"))

    assert code == 0, lines
    assert {*_shown(example)} <= {*map(_timeless, lines)}


@on_posix
@pytest.mark.requires_integration("network", "compilers")
@pytest.mark.requires_packages("virtualenv")
def test_matrix(tmp_path: Path) -> None:
    """One command tests the oldest and the newest dependencies on two Pythons; a promise that is too much is found."""
    for version in ("3.9", "3.13"):
        need(version, tmp_path / "known")
    folder = _copied(MATRIX, tmp_path / "it")
    cache = {"PYTEST_ENVREPRO_CACHE": str(tmp_path / "cache")}

    code, lines = shell("pytest -p no:randomly", folder, **cache)

    assert code == 0, lines
    assert {*_shown(MATRIX)} <= {*map(_timeless, lines)}

    declared = folder / "pyproject.toml"
    declared.write_text(declared.read_text(encoding="utf-8").replace(">=8.7", ">=8.0"), encoding="utf-8")
    code, lines = shell("pytest -p no:randomly", folder, **cache)

    assert code == 1
    assert re.match(r"=+ 9 failed, 8 passed in ", lines[-1])
    for page in ("examples/matrix/README.md", "README.md"):
        assert {line for line in page_block(page, "E       TypeError") if line != "..."} <= {*lines}


@pytest.mark.parametrize("lock", ["quickstart/requirements.txt", "proven_lock/requirements.txt", *_OF_MLOPS])
def test_locks_are_nobody_s_own(lock: str) -> None:
    """They name no machine, no index, and one hash at least of everything."""
    text = (ROOT / "examples" / lock).read_text()

    assert not [line for line in text.splitlines() if line.startswith("-")]
    assert "://" not in text
    assert all("--hash=sha256:" in pin for pin in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:])
