"""The rules of pyenv, by table, and compared with pyenv itself."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.pythons.pyenv import (
    Pyenv,
    installation,
    latest,
    meant,
    names_in,
    names_of,
    version_file,
    without_exec,
)

if TYPE_CHECKING:
    from pathlib import Path

INSTALLED = (
    *("2.7.18", "3.9.18", "3.9.2", "3.12.1", "3.12.10", "3.12.9", "3.12.11t", "3.12-dev", "3.13.0rc2", "3.13.0t"),
    *("3.14.0a1", "3.120.1", "miniconda3-4.7.12", "miniconda3-4.10.1", "miniconda3-latest", "pypy3.10-7.3.13"),
    *("pypy3.10-7.3.9", "pypy3.9-7.3.16", "py312", "3.9-web", "3.12.1-debug"),
)


@pytest.fixture
def pyenv(tmp_path: Path) -> Pyenv:
    """Give an installation with these versions, which are empty folders."""
    for name in INSTALLED:
        (tmp_path / "pyenv" / "versions" / name).mkdir(parents=True)
    return Pyenv(str(tmp_path / "pyenv"))


@pytest.mark.core
class TestFile:
    """What a version file says."""

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("3.12.1\n", ("3.12.1",)),
            ("3.12.1", ("3.12.1",)),
            ("3.12\r\n3.11\r\n", ("3.12", "3.11")),
            ("\n\n  3.12  # the newest\n", ("3.12",)),
            ("# 3.9\n   # 3.8\n3.12\n", ("3.12",)),
            ("3.12 3.11\n", ("3.12",)),
            ("3.12:3.11\n:\nsystem\n", ("3.12", "3.11", "system")),
            ("3.12#no-comment\n", ("3.12#no-comment",)),
            ("", ()),
            ("# nothing\n", ()),
        ],
    )
    def test_names(self, text: str, names: tuple[str, ...]) -> None:
        """The first word of each line that is no comment."""
        assert names_in(text) == names

    def test_nearest(self, tmp_path: Path) -> None:
        """The nearest file counts, even if it says nothing; a folder of that name does not."""
        inner = tmp_path / "a" / "b"
        (inner / ".python-version").mkdir(parents=True)
        (tmp_path / ".python-version").write_text("3.9\n")
        assert version_file(str(inner)) == str(tmp_path / ".python-version")

        (tmp_path / "a" / ".python-version").write_text("")
        assert version_file(str(inner)) == str(tmp_path / "a" / ".python-version")

    def test_no_text(self, tmp_path: Path) -> None:
        """A comment in another encoding hides nothing, and a file that is not there names nothing."""
        (tmp_path / "file").write_bytes(b"# caf\xe9\n3.12\n")

        assert names_of(str(tmp_path / "file")) == ("3.12",)
        assert names_of(str(tmp_path / "none")) == ()


@pytest.mark.core
class TestMeaning:
    """Which installed version a name stands for."""

    @pytest.mark.parametrize(
        ("prefix", "found"),
        [
            ("3.12", "3.12.10"),
            ("3", "3.120.1"),
            ("3.12.1", "3.12.1"),
            ("3.9", "3.9.18"),
            ("3.12t", "3.12.11t"),
            ("3.13", None),
            ("3.13t", "3.13.0t"),
            ("3.14", None),
            ("miniconda3", "miniconda3-4.10.1"),
            ("pypy3.10", "pypy3.10-7.3.13"),
            ("py", None),
            ("3.1", None),
            ("", None),
        ],
    )
    def test_latest(self, prefix: str, found: str | None) -> None:
        """Numbers count as numbers; previews and other builds are never meant by a prefix."""
        assert latest(prefix, INSTALLED) == found

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("python-3.12.1", "3.12.1"),
            ("python-3.9", "3.9.18"),
            ("py312", "py312"),
            ("python-py312", "py312"),
            ("4", None),
        ],
    )
    def test_meant(self, name: str, found: str | None) -> None:
        """A name counts also without `python-`."""
        assert meant(name, INSTALLED) == found

    def test_folder(self, pyenv: Pyenv) -> None:
        """A virtualenv within a version is one; nothing that leads out of them is."""
        inner = os.path.join(pyenv.root, "versions", "3.12.1", "envs", "web")
        os.makedirs(inner)

        assert pyenv.meant("3.12.1/envs/web") == inner
        assert pyenv.meant("python-3.12") == os.path.join(pyenv.root, "versions", "3.12.10")
        for name in ("..", "../..", "../versions", "3.12.1/../..", "/", "", ".", "\0"):
            assert pyenv.meant(name) is None, name


@pytest.mark.core
class TestActive:
    """Which versions pyenv would use."""

    def test_order(self, pyenv: Pyenv, tmp_path: Path) -> None:
        """The variable, the folder that a command was given in, this folder, the global file, the system."""
        here, there = tmp_path / "here", tmp_path / "there"
        here.mkdir()
        there.mkdir()
        everything = {"PYENV_VERSION": "3.9:system", "PYENV_DIR": str(there)}
        assert pyenv.active({}, here) == (("system",), f"{pyenv.root}/version")

        (tmp_path / "pyenv" / "version").write_text("3.9.2\n")
        assert pyenv.active({}, here) == (("3.9.2",), f"{pyenv.root}/version")

        (here / ".python-version").write_text("3.12\n3.9\n")
        assert pyenv.active({"PYENV_DIR": str(there)}, here) == (("3.12", "3.9"), f"{here}/.python-version")

        (there / ".python-version").write_text("py312\n")
        assert pyenv.active({"PYENV_DIR": str(there)}, here) == (("py312",), f"{there}/.python-version")
        assert pyenv.active(everything, here) == (("3.9", "system"), "PYENV_VERSION")

    def test_without_exec(self) -> None:
        """What `pyenv exec` has set is gone; what a user has set by hand stays."""
        assert without_exec({"PYENV_VERSION": "3.9", "PYENV_DIR": "/x", "A": "b"}) == {"A": "b"}
        assert without_exec({"PYENV_VERSION": "3.9", "A": "b"}) == {"PYENV_VERSION": "3.9", "A": "b"}

    def test_installation(self, pyenv: Pyenv, tmp_path: Path) -> None:
        """It is where the variable says, or at home; a folder without versions is none."""
        (tmp_path / ".pyenv" / "versions").mkdir(parents=True)
        chosen = installation({"PYENV_ROOT": pyenv.root, "HOME": str(tmp_path)})
        at_home = installation({"HOME": str(tmp_path)})

        assert chosen is not None
        assert chosen.root == pyenv.root
        assert at_home is not None
        assert at_home.root == str(tmp_path / ".pyenv")
        assert installation({"PYENV_ROOT": str(tmp_path / "none"), "HOME": str(tmp_path)}) is None
        assert installation({}) is None


@pytest.mark.requires_integration("pyenv")
class TestPyenv:
    """The same as pyenv itself."""

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "3.12\n",
                "3\n",
                "3.9\n3.12t\n",
                "python-3.9 # x\n",
                "miniconda3\n",
                "pypy3.10\n",
                "# none\n",
                "3.9.2\r\n",
            ),
            *(
                "system\n",
                "py312:3.9\n",
                "3.9-web\n",
                "3.13t\n",
                "3.13\n",
                "python-py312\n",
                "3.12.1-debug\n",
                "3.9.1\n",
            ),
            *("  3.12.9\n\n3.1\n", "3.12-dev\n", "pypy\n", "3.12.\n", "3.120\n", "python-system\n"),
        ],
    )
    def test_version_name(self, pyenv: Pyenv, tmp_path: Path, text: str) -> None:
        """What a `.python-version` stands for, name by name; one that stands for nothing is an error there."""
        (tmp_path / ".python-version").write_text(text, newline="")
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYENV_ROOT": pyenv.root}
        told = subprocess.run(
            ["pyenv", "version-name"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )

        names = pyenv.active({}, tmp_path).names
        ours = [name if name == "system" else pyenv.meant(name) for name in names]
        found = [os.path.basename(each) for each in ours if each]
        assert found == [name for name in told.stdout.strip().split(":") if name]
        assert (None in ours) == (told.returncode != 0)
