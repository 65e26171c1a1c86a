"""What is installed is what is there now: files of this machine count by their content, and are left as they are."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

import making
from borrowing import headed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from borrowing import Suite

# It writes beside the source, as setuptools does.
BACKEND = """
import pathlib
import zipfile

NAME, REQUIRES = "THE_NAME", "THE_REQUIREMENT"

def build_wheel(folder, settings=None, metadata=None):
    pathlib.Path("build").mkdir(exist_ok=True)
    pathlib.Path("build", "rubbish").write_text("x")
    name = f"{NAME}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as file:
        file.writestr(zipfile.ZipInfo(f"{NAME}.py"), pathlib.Path("source.py").read_text())
        needs = f"Requires-Dist: {REQUIRES}\\n" if REQUIRES else ""
        head = f"Metadata-Version: 2.1\\nName: {NAME}\\nVersion: 1.0\\n{needs}"
        file.writestr(zipfile.ZipInfo(f"{NAME}-1.0.dist-info/METADATA"), head)
        text = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        file.writestr(zipfile.ZipInfo(f"{NAME}-1.0.dist-info/WHEEL"), text)
        record = f"{NAME}-1.0.dist-info/RECORD"
        file.writestr(zipfile.ZipInfo(record), f"{NAME}.py,,\\n{record},,\\n")
    return name

def build_editable(folder, settings=None, metadata=None):
    return build_wheel(folder)
"""
BUILD = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def folder_of(suite: Suite, name: str, requires: str = "") -> Path:
    """Write a folder that a wheel can be built of."""
    text = BACKEND.replace("THE_NAME", name).replace("THE_REQUIREMENT", requires)
    suite.project.write(
        {f"{name}/pyproject.toml": BUILD, f"{name}/backend.py": text, f"{name}/source.py": "value = 1\n"}
    )
    return suite.path / name


def wheel_of(suite: Suite, value: int) -> None:
    """Build `dist/own-1.0-py3-none-any.whl` with a value, as a project's own build does again and again."""
    path = making.wheel(suite.path / "dist", "own", "1.0")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["own.py"] = f"value = {value}\n".encode()
    files["own-1.0.dist-info/RECORD"] = b"own.py,,\nown-1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)


ASKING = """
import pathlib
import pytest

VALUE = pathlib.Path("expected.txt").read_text()

def ask(environment, *names):
    values = [environment.run_python("-c", f"import {name}; print({name}.value)").stdout.strip() for name in names]
    assert values == [VALUE] * len(names)

@pytest.mark.environment(requirements=["folder @ ./folder", "own @ ./dist/own-1.0-py3-none-any.whl"])
def test_list(environment):
    ask(environment, "folder", "own")
    assert environment.inventory()["folder"].source.url == (pathlib.Path.cwd() / "folder").as_uri()
    environment.assert_intact()

@pytest.mark.environment(requirements="places.in", installer="pip")
def test_file(environment):
    ask(environment, "folder", "own")
    assert "nothing" not in environment.inventory()

@pytest.mark.environment(lock="pinned.txt")
def test_lock(environment):
    ask(environment, "folder", "own")
    environment.assert_matches("pinned.txt")

@pytest.mark.environment(requirements=["outer @ ./outer"])
def test_inner(environment):
    ask(environment, "inner")
"""


def test_what_lies_here(suite: Suite) -> None:
    """An edited folder and a rebuilt archive give another environment, wherever they are named; nothing is written there."""
    folder = folder_of(suite, "folder")
    inner = folder_of(suite, "inner")
    outer = folder_of(suite, "outer", f"inner @ {inner.as_uri()}")
    wheel_of(suite, 1)
    suite.write(ASKING)
    places = "./folder\n./dist/own-1.0-py3-none-any.whl\n"
    suite.project.write({"places.in": f"{places}nothing @ ./nothing ; python_version < '3'\n", "expected.txt": "1"})
    suite.project.write({"pinned.txt": "folder @ ./folder\nown @ ./dist/own-1.0-py3-none-any.whl\n"})

    suite.run().assert_outcomes(passed=4)
    first = {row["key"] for row in suite.rows()}
    suite.run().assert_outcomes(passed=4)
    again = {row["key"] for row in suite.rows()}
    for each in (folder, inner):
        (each / "source.py").write_text("value = 2\n")
    wheel_of(suite, 2)
    suite.project.write({"expected.txt": "2"})
    suite.run().assert_outcomes(passed=4)

    assert again == first
    assert first.isdisjoint({row["key"] for row in suite.rows()})
    for each in (folder, outer):
        assert {path.name for path in each.iterdir()} == {"pyproject.toml", "backend.py", "source.py"}


def test_other_than_they_were(suite: Suite) -> None:
    """A file that may be run is another one than the same file that may not; what is not there is told with its source."""
    suite.write(
        """
import os
import pathlib
import pytest

@pytest.mark.environment(files={"tool": "tool.sh"})
def test_mode(environment):
    assert os.access(environment.prefix / "tool", os.X_OK) is os.access("tool.sh", os.X_OK)

@pytest.mark.environment(requirements=["gone @ ./gone"])
def test_gone(environment): pass
"""
    )
    suite.project.write({"tool.sh": "#!/bin/sh\n"})

    result = suite.run()
    (suite.path / "tool.sh").chmod(0o755)
    suite.run("-k", "mode").assert_outcomes(passed=1, deselected=1)

    result.assert_outcomes(passed=1, errors=1)
    gone = suite.path / "gone"
    source = "requirements of @pytest.mark.environment on test_gone"
    assert headed(result, "ERROR at setup of test_gone") == [
        f"gone @ {gone.as_uri()} ({source}) cannot be installed: there is no {gone}"
    ]


def test_settings_files(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version in a folder that pip.conf or uv.toml names is chosen; where nothing is new, nothing is chosen again."""
    wheels = suite.path / "wheels"
    making.wheel(wheels, "alpha", "1.0")
    for name in ("PIP_FIND_LINKS", "PIP_NO_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name)
    suite.project.write({"pip.conf": f"[global]\nno-index = true\nfind-links = {wheels}\n"})
    suite.project.write({"uv.toml": f'find-links = ["{wheels.as_uri()}"]\n'})
    monkeypatch.setenv("PIP_CONFIG_FILE", str(suite.path / "pip.conf"))
    monkeypatch.setenv("UV_CONFIG_FILE", str(suite.path / "uv.toml"))
    suite.write(
        """
import pathlib
import pytest

@pytest.mark.parametrize("tool", [pytest.param(t, marks=pytest.mark.environment(installer=t, requirements=["alpha"]))
                                  for t in ("pip", "uv")])
def test_it(environment, tool):
    assert environment.inventory()["alpha"].version == pathlib.Path("expected.txt").read_text()
"""
    )
    suite.project.write({"expected.txt": "1.0"})

    suite.run().assert_outcomes(passed=2)
    suite.run().assert_outcomes(passed=2)
    assert [row["cached"] for row in suite.rows()] == [True, True]
    making.wheel(wheels, "alpha", "3.0")
    suite.project.write({"expected.txt": "3.0"})
    suite.run().assert_outcomes(passed=2)


def test_reports_are_no_source(suite: Suite) -> None:
    """A session that writes its reports into the project does not build it again for them."""
    counter = suite.path.with_name(f"{suite.path.name}-builds")
    text = BACKEND.replace("THE_NAME", "subject").replace("THE_REQUIREMENT", "")
    text += f"\nwith open({str(counter)!r}, 'a') as file:\n    file.write('x')\n"
    test = """
import pytest

@pytest.mark.environment(project="wheel")
def test_it(environment):
    assert list(environment.inventory()) == ["subject"]
"""
    suite.write(test, f'{BUILD}[project]\nname = "subject"\nversion = "1.0"\n', backend=text, source="value = 1\n")

    builds = "not looked at"
    for _ in range(2):
        suite.run("--junitxml=junit.xml", "--log-file=out/session.log").assert_outcomes(passed=1)
        builds = counter.read_text()
        assert (suite.path / "junit.xml").exists()
        counter.write_text("")

    assert builds == ""


def test_offline(suite: Suite) -> None:
    """A command of the settings is told to leave the network alone, in the words of tools, and by a proxy that is none."""
    told = "os.environ.get('UV_OFFLINE') == '1' and os.environ.get('https_proxy') == os.environ.get('PIP_PROXY')"
    command = f"import os; print('alpha==1.0' if {told} and os.environ.get('PIP_PROXY') else 'tool==1.0')"
    suite.write(
        f"""
import sys
import pytest

@pytest.mark.environment(replicate_local=[sys.executable, "-c", {command!r}])
def test_it(environment, request):
    expected = "alpha" if request.config.option.env_offline else "tool"
    assert list(environment.inventory()) == [expected]
"""
    )

    suite.run("--env-offline").assert_outcomes(passed=1)
    suite.run().assert_outcomes(passed=1)


FAULTS = """
import pytest

E = pytest.mark.environment
INSTALLERS = pytest.mark.parametrize("tool", [pytest.param(tool, marks=E(installer=tool)) for tool in ("uv", "pip")])

@E(lock="plain.txt")
def test_plain(environment): pass

@INSTALLERS
@E(lock="hashed.txt")
def test_hash(environment, tool): pass

@INSTALLERS
@E(lock="other.txt")
def test_other(environment, tool): pass

@INSTALLERS
@E(lock="fitting.txt")
def test_fitting(environment, tool): assert list(environment.inventory()) == ["older"]

@E(project="wheel", requirements=["alpha>=2"])
def test_wheel(environment): pass

@E(project="editable", requirements=["alpha>=2"])
def test_editable(environment): pass

@E(requirements=["folder @ ./folder", "beta>=2"])
def test_folder(environment): pass
"""


def test_faults(suite: Suite) -> None:
    """Where something cannot be installed, it is said which line of which file asks for it, and what is wrong with that."""
    other = making.wheel(suite.path / "wheels", "older", "1.0")
    other = other.rename(other.with_name("older-1.0-cp27-none-any.whl"))
    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    options = f"--find-links {other.parent}\n"
    # In the same way, of a wheel that fits.
    fitting = making.wheel(suite.path / "fitting", "older", "1.0")
    right = f"older==1.0 --hash=sha256:{hashlib.sha256(fitting.read_bytes()).hexdigest()}\n"
    suite.project.write({"fitting.txt": making.pip_compiled(f"--find-links {fitting.parent}\n{right}")})
    folder_of(suite, "folder", "beta<2")
    table = f'{BUILD}[project]\nname = "subject"\nversion = "1.0"\ndependencies = ["alpha==1.0"]\n'
    text = BACKEND.replace("THE_NAME", "subject").replace("THE_REQUIREMENT", "alpha==1.0")
    suite.write(FAULTS, table, backend=text, source="value = 1\n")
    suite.project.write({"plain.txt": "beta==1.0\nalpha>=1\n"})
    suite.project.write({"hashed.txt": making.pip_compiled(f"alpha==1.0 --hash=sha256:{'0' * 64}\n")})
    suite.project.write({"other.txt": making.pip_compiled(f"{options}older==1.0 --hash=sha256:{digest}\n")})

    result = suite.run()

    result.assert_outcomes(errors=8, passed=2)
    assert headed(result, "ERROR at setup of test_plain") == [
        "plain.txt:2: does not name one version, so this is no lock: other versions could be installed on another day",
        '  write requirements = "plain.txt" in the place of lock (@pytest.mark.environment on test_plain): {}'.format(
            "versions are then chosen once, and kept;"
        ),
        "  or compile it, as with pip-compile, and name the lock that comes of it",
    ]
    for tool in ("uv", "pip"):
        assert headed(result, f"ERROR at setup of test_hash[{tool}]")[1] == (
            "  hashed.txt:7 pins alpha==1.0, and the file that was found has none of its hashes: either is not what it was "
            "when it was locked"
        )
        assert headed(result, f"ERROR at setup of test_other[{tool}]")[1] == (
            "  other.txt:8 pins older==1.0, and no file of it fits this Python: was it locked for another one?"
        )
    first = "the requirements contradict each other, so nothing is installed:"
    asked = "requirements of @pytest.mark.environment on"
    for name, label in (("wheel", "subject 1.0"), ("editable", "subject")):
        assert headed(result, f"ERROR at setup of test_{name}") == [
            first,
            f"  alpha: no version is >=2 ({asked} test_{name}) and ==1.0 ({label}, from this project)",
        ]
    assert headed(result, "ERROR at setup of test_folder") == [
        first,
        f"  beta: no version is >=2 ({asked} test_folder) and <2 (folder 1.0, from {asked} test_folder)",
    ]
