"""The indexes that pip and uv are configured with, as these tools themselves see them, and what names places without them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import toolshed
from indexes import Index

from pytest_envrepro.installers import further_places
from pytest_envrepro.installers.effective import pip_table
from pytest_envrepro.installers.filed import variables_of, words_of
from pytest_envrepro.installers.indexes import Indexes, indexes_of
from pytest_envrepro.provenance import Option

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")

NOWHERE = "http://127.0.0.1:9"  # Nobody listens there.
GUARDED = "https://bob:s3cretpw@index.example/simple"
MACHINE, USER = "machine/pip/pip.conf", "home/.config/pip/pip.conf"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Give the variables of a user with an empty home, on a machine without settings, who reaches no network."""
    (tmp_path / "home").mkdir()
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    home = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "machine"), "PATH": os.defpath}
    return {**home, **proxies, "UV_HTTP_RETRIES": "0", "PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def write(folder: Path, files: dict[str, str]) -> None:
    """Write settings."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def looked_in(tmp_path: Path, environ: dict[str, str]) -> str:
    """Give the first index that pip says it asks for a package that nobody has."""
    words = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "nobody-has-this"]
    done = subprocess.run(words, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = re.search(r"Looking in indexes: ([^,\s]+)", done.stdout)
    assert said, done.stdout + done.stderr
    return said[1]


@pytest.mark.requires_integration("pip")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({MACHINE: "[install]\nindex-url = INDEX/a\n", USER: "[global]\nindex-url = INDEX/b\n"}, "a"),
        ({MACHINE: "[global]\nindex-url = INDEX/a\n", USER: "[global]\nindex-url = INDEX/b\n"}, "b"),
        ({MACHINE: "[install]\nindex-url = INDEX/a\n", USER: "[install]\nindex-url = INDEX/b\n"}, "b"),
        ({USER: "[install]\nindex-url =\n[global]\nindex-url = INDEX/b\n"}, "b"),
        ({MACHINE: "[install]\nindex-url = INDEX/a\n", USER: "[install]\nindex-url =\n[global]\nindex-url = INDEX/b\n"}, "b"),
        ({USER: "[global]\n--index_url = INDEX/a\n[download]\nindex-url = INDEX/b\n"}, "a"),
    ],
)  # fmt: skip
def test_sections_of_pip(tmp_path: Path, environ: dict[str, str], files: dict[str, str], expected: str) -> None:
    """The command's own section of any file counts before what a later one says for every command: as pip has it."""
    index = tmp_path / "index"
    for each in ("a", "b"):
        (index / each).mkdir(parents=True)
    write(tmp_path, {name: text.replace("INDEX", index.as_uri()) for name, text in files.items()})

    assert looked_in(tmp_path, environ) == f"{index.as_uri()}/{expected}"
    assert indexes_of("pip", environ).default == f"{index.as_uri()}/{expected}"
    (tmp_path / "folder").mkdir()
    assert pip_table(environ, tmp_path / "folder", resolving=True)["index-url"] == f"{index.as_uri()}/{expected}"


@pytest.mark.requires_integration("compilers")
@pytest.mark.parametrize(
    ("variables", "is_read"),
    [
        ({}, True),
        ({"UV_NO_CONFIG": "1"}, False),
        ({"UV_NO_CONFIG": "yes"}, False),
        ({"UV_NO_CONFIG": "False"}, True),
        ({"UV_NO_CONFIG": "0"}, True),
        ({"UV_NO_CONFIG": "1", "UV_CONFIG_FILE": "FILE"}, True),
    ],
)
def test_files_of_uv(tmp_path: Path, environ: dict[str, str], variables: dict[str, str], is_read: bool) -> None:  # noqa: FBT001  # As parametrized.
    """A user who has uv look for no settings has no index of theirs: what uv finds, and what is known of it, are one."""
    index = Index(tmp_path / "index")
    index.add("here", "1.0")
    write(tmp_path, {"home/.config/uv/uv.toml": f'index-url = "{index.url}"\n', "work/reqs.in": "here\n"})
    file = tmp_path / "home" / ".config" / "uv" / "uv.toml"
    told = {**environ, **{name: value.replace("FILE", str(file)) for name, value in variables.items()}}

    words = [toolshed.program("uv"), "pip", "compile", "--no-cache", "--python", sys.executable, "reqs.in"]
    done = subprocess.run(words, env=told, cwd=tmp_path / "work", capture_output=True, text=True, check=False)

    assert ("here==1.0" in done.stdout) is is_read, done.stderr
    assert indexes_of("uv", told) == Indexes(index.url if is_read else "")


@pytest.mark.parametrize(
    ("files", "variables", "expected"),
    [
        ({}, {}, ""),
        ({USER: "[install]\nextra-index-url = https://b.example\n"}, {"UV_FIND_LINKS": "/x"}, "indexes"),
        ({USER: "[global]\nfind-links = /x\n"}, {}, "folders or pages (find-links)"),
        ({}, {"PIP_FIND_LINKS": "/x"}, "folders or pages (find-links)"),
        ({}, {"UV_FIND_LINKS": "https://b.example/files"}, "folders or pages (find-links)"),
        ({"home/.config/uv/uv.toml": 'find-links = ["/x"]\n'}, {}, "folders or pages (find-links)"),
        ({"home/.config/uv/uv.toml": '[pip]\nfind-links = ["/x"]\n'}, {}, "folders or pages (find-links)"),
    ],
)
def test_further_places(
    tmp_path: Path, environ: dict[str, str], files: dict[str, str], variables: dict[str, str], expected: str
) -> None:
    """Folders and pages are places beside an index as other indexes are."""
    write(tmp_path, files)

    assert further_places({**environ, **variables}) == expected


def option(name: str, value: str) -> Option:
    """Give what a file says."""
    return Option(name, value, value, "reqs.in", 1)


@pytest.mark.parametrize(
    ("tool", "variables"),
    [
        ("pip", ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")),
        ("uv", ("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")),
    ],
)
def test_places_with_credentials(environ: dict[str, str], tool: str, variables: tuple[str, ...]) -> None:
    """A place with credentials is named by a variable, though the user has none set; others stand on the command line."""
    names = ("--index-url", "--extra-index-url", "--find-links")
    for name, variable in zip(names, variables, strict=True):
        asked = [option(name, GUARDED), option("--pre", "")]
        plain = [option(name, "https://index.example/simple")]

        assert variables_of(asked, tool, (), environ) == {variable: GUARDED}
        assert "s3cretpw" not in " ".join(words_of(asked, tool, (), environ))
        assert words_of(asked, tool, (), environ)  # What else is asked.
        assert variables_of(plain, tool, (), environ) == {}
        assert words_of(plain, tool, (), environ)[1:] == ("https://index.example/simple",)


def test_places_beside_those_of_pip(tmp_path: Path, environ: dict[str, str]) -> None:
    """Pip leaves what its files say for what a variable says: that goes along."""
    write(tmp_path, {USER: "[global]\nextra-index-url =\n    https://b.example/simple\n    https://c.example/simple\n"})
    asked = [option("--extra-index-url", GUARDED)]

    found = variables_of(asked, "pip", (), environ)
    set_ = variables_of(asked, "pip", (), {**environ, "PIP_EXTRA_INDEX_URL": "https://d.example/simple"})

    assert found == {"PIP_EXTRA_INDEX_URL": f"{GUARDED} https://b.example/simple https://c.example/simple"}
    assert set_ == {"PIP_EXTRA_INDEX_URL": f"{GUARDED} https://d.example/simple"}


def test_index_of_the_settings(environ: dict[str, str]) -> None:
    """Where the settings name the index themselves, that of a file counts neither as a word nor by a variable."""
    asked = [option("--index-url", GUARDED)]

    for tool, own in (("pip", ("--index-url", "https://b.example")), ("uv", ("--default-index", "https://b.example"))):
        assert variables_of(asked, tool, own, environ) == {}
        assert words_of(asked, tool, own, environ) == ()
