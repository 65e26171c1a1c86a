"""What interpreters say of themselves: it is true, it is asked once, and what was built is asked too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interpreters import HERE, VERSIONS, copied, need, script
from packaging.tags import sys_tags

from pytest_envrepro.envs.host import host_interpreter
from pytest_envrepro.errors import BuildError, InterpreterNotFound
from pytest_envrepro.pythons import Finder, check_built, probe

if TYPE_CHECKING:
    from collections.abc import Callable

_VENV = """
import json, os, sys, sysconfig
paths = {name: os.path.relpath(sysconfig.get_paths()[name], sys.prefix) for name in ("scripts", "purelib", "platlib")}
print(json.dumps([*paths.values(), os.path.basename(sys.executable)]))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the tests of this module remember what the machine's interpreters said."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Give an interpreter that a test may change, by its real path."""
    return copied(Path(os.path.realpath(tmp_path)) / "own")


def finder(path: Path, environ: dict[str, str] | None = None) -> Finder:
    """Give a session with nothing but this Python, which remembers in a folder."""
    return Finder(root=path, environ=environ or {"PATH": str(path / "bin")}, cache=path / "cache")


def virtualenv(python: str, path: Path, *options: str) -> Path:
    """Make a virtualenv, with the interpreter's own `venv`."""
    subprocess.run([python, "-m", "venv", "--without-pip", *options, path], check=True)
    return path


class TestTruth:
    """What is said is what others say too."""

    def test_as_packaging(self) -> None:
        """The marker variables and the tags of this Python are those that `packaging` gives."""
        python = probe(str(HERE), os.environ)

        assert python.interpreter == host_interpreter()
        assert list(python.tags) == [str(tag) for tag in sys_tags()]

    @pytest.mark.parametrize("version", VERSIONS)
    def test_layout(self, version: str, cache: Path, tmp_path: Path) -> None:
        """Folders of an environment are where a real one has them."""
        python = need(version, cache)
        folder = virtualenv(python.executable, tmp_path / "env")
        argv = [str(folder / "bin" / "python"), "-I", "-c", _VENV]
        told = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)

        assert list(python.layout) == told

    @pytest.mark.parametrize("version", VERSIONS)
    def test_tags(self, version: str, cache: Path) -> None:
        """The tags are those that its own pip takes wheels by, whether or not `packaging` runs there."""
        python = need(version, cache)
        argv = [python.executable, "-I", "-m", "pip", "debug", "--verbose"]
        told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout

        # Versions of `packaging` differ in which is the best of them.
        assert set(python.tags) == set(told.rpartition("Compatible tags: ")[2].split()[1:])

    def test_nothing_of_ours_reaches_it(self, tmp_path: Path) -> None:
        """Variables, the current folder and the user's packages do not change what is said."""
        (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
        site = tmp_path / ".local" / "lib" / HERE.name / "site-packages"
        site.mkdir(parents=True)
        (site / "usercustomize.py").write_text("print('shadowed')")
        environ = {
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "PYTHONHOME": str(tmp_path),
            "PYTHONSTARTUP": str(tmp_path / "json.py"),
            "HOME": str(tmp_path),
            "__PYVENV_LAUNCHER__": str(tmp_path),
        }

        assert probe(str(HERE), environ) == probe(str(HERE), os.environ)

    def test_variables(self, tmp_path: Path) -> None:
        """It is given what a program needs to start, and nothing else."""
        wrapper = script(tmp_path / "wrapper", f'/usr/bin/env > {tmp_path}/given; exec {HERE} "$@"')
        besides = {"LD_LIBRARY_PATH": "/", "PIP_USER": "1", "VIRTUAL_ENV": "/", "PYTHONHASHSEED": "1", "LANG": "C"}
        probe(str(wrapper), {"PATH": "/usr/bin", "TMPDIR": str(tmp_path), **besides})

        given = {line.partition("=")[0] for line in (tmp_path / "given").read_text().splitlines()}
        assert given - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "TMPDIR"}


class TestIdentity:
    """What makes an environment another one makes the identity another one."""

    def test_same(self, own: Path) -> None:
        """By any name, and after a time, it is the same."""
        first = probe(str(own), {})

        assert probe(str(own.parent / "python"), {}).identity == first.identity
        assert len(first.identity) == 64

    def test_other(self, own: Path, tmp_path: Path) -> None:
        """Another place, or another file there, is another one."""
        first = probe(str(own), {})
        assert probe(str(HERE), {}).identity != first.identity
        assert probe(str(copied(tmp_path / "other")), {}).identity != first.identity

        os.utime(own, (1, 1))
        assert probe(str(own), {}).identity != first.identity

    def test_versions(self, cache: Path) -> None:
        """Other versions are others."""
        found = {need(version, cache).identity for version in VERSIONS}

        assert len(found) == len(VERSIONS)


class TestMemory:
    """An interpreter is started once."""

    def test_no_process(self, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The next session starts nothing, nor does it load python-discovery."""
        (tmp_path / "bin").mkdir()
        os.utime(tmp_path / "bin", (1, 1))
        specs = (None, str(own), f"{sys.version_info[0]}.{sys.version_info[1]}", "<99")
        first = [finder(tmp_path).find(spec) for spec in specs]
        assert len(finder(tmp_path).found()) == 1

        monkeypatch.setattr(subprocess, "Popen", None)
        monkeypatch.setitem(sys.modules, "python_discovery", None)
        assert [finder(tmp_path).find(spec) for spec in specs] == first
        assert len(finder(tmp_path).found()) == 1

    def test_changed(self, own: Path, tmp_path: Path) -> None:
        """One that has changed since is asked again; also within a session."""
        session = finder(tmp_path)
        first = session.find(str(own))
        own.unlink()
        with pytest.raises(InterpreterNotFound, match="is not there"):
            session.find(str(own))

        script(own, "echo is another >&2")
        with pytest.raises(InterpreterNotFound, match="does not answer as a Python does: is another"):
            finder(tmp_path).find(str(own))

        own.write_bytes(HERE.read_bytes())
        assert finder(tmp_path).find(str(own)).identity != first.identity

    def test_changed_in_place(self, own: Path, tmp_path: Path) -> None:
        """The same file with as many other bytes is another interpreter."""
        finder(tmp_path).find(str(own))
        with own.open("r+b") as file:
            file.write(b"#!/bin/false\n")

        with pytest.raises(InterpreterNotFound, match="does not answer as a Python does: it ends with 1"):
            finder(tmp_path).find(str(own))

    def test_link_that_leads_elsewhere(self, own: Path, tmp_path: Path, cache: Path) -> None:
        """It is the interpreter at the end of a link that is remembered."""
        (tmp_path / "link").symlink_to(own)
        assert finder(tmp_path).find(str(tmp_path / "link")).executable == str(own)
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to(need("3.9", cache).executable)

        assert finder(tmp_path).find(str(tmp_path / "link")).interpreter.environment["python_version"] == "3.9"

    def test_damaged(self, own: Path, tmp_path: Path) -> None:
        """What is remembered and was cut short, emptied or replaced is not believed."""
        first = finder(tmp_path).find(str(own))
        files = [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
        assert files
        for damage in (b"", b"{}", b"\xff\n{", files[0].read_bytes()[:-9]):
            for file in files:
                file.write_bytes(damage)
            assert finder(tmp_path).find(str(own)) == first

    def test_side_by_side(self, own: Path, tmp_path: Path) -> None:
        """Eight at once find the same, and leave nothing half written."""
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: finder(tmp_path).find(str(own)), range(8)))

        assert len({each.identity for each in found}) == 1
        assert {file.suffix for file in (tmp_path / "cache" / "interpreters").iterdir()} == {".json"}

    def test_nowhere(self, own: Path, tmp_path: Path) -> None:
        """Where nothing can be remembered, it is asked each time."""
        (tmp_path / "cache").write_text("")

        assert finder(tmp_path).find(str(own)).executable == str(own)
        assert Finder(root=tmp_path, environ={}, cache=None).find(str(own)).executable == str(own)


class TestBuilt:
    """What was built is asked itself."""

    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("how", ["--symlinks", "--copies"])
    def test_right(self, version: str, how: str, cache: Path, tmp_path: Path) -> None:
        """An environment of the Python that it should have passes, also under another name of its folder."""
        python = need(version, cache)
        folder = virtualenv(python.executable, tmp_path / "env", how)
        (tmp_path / "link").symlink_to(folder)
        before = sorted(folder.rglob("*"))

        check_built(folder, python, {})
        check_built(tmp_path / "link", python, {})

        assert sorted(folder.rglob("*")) == before  # To be asked, it is not changed.

    def test_of_another(self, cache: Path, tmp_path: Path) -> None:
        """One of another version is told, with all that differs."""
        nine, eight = need("3.9", cache), need("3.8", cache)
        folder = virtualenv(nine.executable, tmp_path / "env")
        with pytest.raises(BuildError) as error:
            check_built(folder, eight, {})

        versions = [each.interpreter.version for each in (nine, eight)]
        assert str(error.value).split("\n") == [
            f"the environment in {folder} is not one of Python {versions[1]} ({eight.origin}):",
            f"  the prefix of its base: {nine.base_prefix}, not {eight.base_prefix}",
            f"  its version: {versions[0]}, not {versions[1]}",
            f"  its implementation's version: {versions[0]}, not {versions[1]}",
        ]

    def test_same_version_elsewhere(self, own: Path, tmp_path: Path) -> None:
        """One of another installation of the same version is another one."""
        folder = virtualenv(str(own), tmp_path / "env")
        with pytest.raises(BuildError, match="the prefix of its base: "):
            check_built(folder, probe(str(HERE), {}), {})

    def test_no_virtualenv(self, tmp_path: Path) -> None:
        """A folder whose python leads to a shim, or to the base, is no environment: it would change the base."""
        python = probe(str(HERE), {})
        (tmp_path / "env" / "bin").mkdir(parents=True)
        (tmp_path / "env" / "bin" / "python").symlink_to(HERE)
        with pytest.raises(
            BuildError, match=f"  its prefix: {python.base_prefix}, not {os.path.realpath(tmp_path)}/env"
        ):
            check_built(tmp_path / "env", python, {})

        (tmp_path / "env" / "bin" / "python").unlink()
        script(tmp_path / "env" / "bin" / "python", f'exec {HERE} "$@"')
        with pytest.raises(BuildError, match="  its prefix: "):
            check_built(tmp_path / "env", python, {})

    def test_not_working(self, tmp_path: Path) -> None:
        """One that has no interpreter, or one that does not start, is told as it is."""
        python = probe(str(HERE), {})
        with pytest.raises(BuildError) as error:
            check_built(tmp_path, python, {})
        assert str(error.value) == f"{tmp_path} has no bin/python: no environment was built there"

        program = script(tmp_path / "bin" / "python", "exit 3")
        with pytest.raises(BuildError) as error:
            check_built(tmp_path, python, {})
        says = f"{program} does not answer as a Python does: it ends with 3"
        assert str(error.value) == f"the environment in {tmp_path} does not work: {says}"


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="root alone can become an ordinary user")
def test_as_an_ordinary_user() -> None:
    """What a user may not look at is passed over, and where nothing can be remembered it is asked each time."""
    with tempfile.TemporaryDirectory() as name:  # Not `tmp_path`: nobody else may look into that.
        path = Path(os.path.realpath(name))
        for folder in ("pyenv/versions/3.9.1/bin", "secret", "cache", "project"):
            (path / folder).mkdir(parents=True)
        script(path / "open" / "python3.9", "echo oh >&2; exit 1")
        script(path / "secret" / "python3.9", "exit 1")
        (path / "project" / ".python-version").write_text("3.9\n")
        for folder in ("pyenv/versions", "secret", "cache", "project/.python-version"):
            (path / folder).chmod(0o700)
        path.chmod(0o755)
        environ = {"PATH": f"{path}/secret:{path}/open", "PYENV_ROOT": f"{path}/pyenv", "HOME": str(path)}

        says = _as_nobody(
            lambda: Finder(root=path / "project", environ=environ, cache=path / "cache").find("3.9").executable
        )

        assert says.startswith("InterpreterNotFound: no Python here is '3.9'\n")
        assert f"  {path}/open/python3.9 does not answer as a Python does: oh" in says
        assert "secret" not in says
        assert not any((path / "cache").iterdir())


def _as_nobody(action: Callable[[], str]) -> str:
    """Do something as an ordinary user, in a copy of this process: that user may not be able to start this Python."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of threads: the copy uses none.
        process = os.fork()
    if process == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            says = action()
        except BaseException as error:  # noqa: BLE001  # The parent judges it.
            says = f"{type(error).__name__}: {error}"
        os.write(write, says.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        says = file.read()
    os.waitpid(process, 0)
    return says
