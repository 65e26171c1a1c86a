"""Building: an environment of the Python that was meant, of what was chosen, and of nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from workbench import EVERY, Bench, another, ask, packages, proof, python_of

from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.building import build

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.requires_integration("compilers"),
    pytest.mark.requires_packages("virtualenv"),
    pytest.mark.skipif(os.name == "nt", reason="is written for POSIX"),
]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a folder of wheels."""
    bench = Bench(tmp_path)
    bench.wheel("alpha", "1.0", ("beta",), scripts=("alphas",))
    bench.wheel("beta", "1.0")
    return bench


@pytest.mark.parametrize("version", EVERY)
def test_empty(bench: Bench, version: str) -> None:
    """An environment of nothing has nothing: no pip, no setuptools; and it is one of the Python that was meant."""
    python = python_of(version)

    folder = bench.build(bench.resolve(python=python), python=python)

    assert packages(folder, python) == {}
    code = "import sys; print(sys.version.split()[0], sys.base_prefix, sys.prefix)"
    assert ask(folder, code, python) == f"{python.interpreter.version} {python.base_prefix} {folder}"
    code = "import importlib.util as u; print([name for name in ('pip', 'setuptools', 'wheel', 'pytest') if u.find_spec(name)])"
    assert ask(folder, code, python) == "[]"


def test_facts(bench: Bench) -> None:
    """What is known of it is told in plain JSON types, with the lock that it was made of; and what is done is said."""
    said: list[str] = []
    resolved = bench.resolve("alpha")
    ready = bench.installer("uv")

    facts = build(
        bench.folder(),
        python_of(),
        resolved,
        ready,
        prove=proof(python_of()),
        environ=bench.environ,
        workspace=bench.folder(),
        tell=said.append,
    )

    assert json.loads(json.dumps(facts)) == facts
    secret = resolved._replace(
        text="x @ https://joe:s3cret@host/x.whl\n"
    )  # Others of the machine may read what is kept.
    kept = build(
        bench.folder(),
        python_of(),
        secret,
        ready,
        prove=proof(python_of()),
        environ=bench.environ,
        workspace=bench.folder(),
    )
    assert kept["lock"] == "x @ https://****@host/x.whl\n"
    assert facts == {
        "python": python_of().interpreter.version,
        "executable": python_of().executable,
        "lock": resolved.text,
        "tool": resolved.tool,
        "installer": ready.label,
        "weak": [],
        "unpinned": True,
    }
    assert said == [
        f"making a virtualenv of Python {python_of().interpreter.version}",
        f"installing 2 packages with {ready.label}",
    ]


def test_settings_do_not_count(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtualenv's own settings, of the user's file and variables, change nothing."""
    home = bench.path / "home"
    for folder in (home / ".config" / "virtualenv", home / ".local" / "share" / "virtualenv"):
        folder.mkdir(parents=True)
        (folder / "virtualenv.ini").write_text("[virtualenv]\nsystem-site-packages = true\nprompt = mine\n")
    bench.variables = {"VIRTUALENV_SYSTEM_SITE_PACKAGES": "1", "VIRTUALENV_PIP": "bundle", "VIRTUALENV_COPIES": "1"}
    for name, value in bench.variables.items():
        monkeypatch.setenv(name, value)

    config = (bench.build(bench.resolve()) / "pyvenv.cfg").read_text()

    assert "include-system-site-packages = false" in config
    assert "prompt" not in config


def test_equal_twice(bench: Bench) -> None:
    """Two environments of the same differ in no file but for the paths that are written into them."""
    resolved = bench.resolve("alpha")

    one, other = (bench.build(resolved) for _ in range(2))

    def files(folder: Path) -> dict[str, bytes]:
        old, new = os.fsencode(folder), b"HERE"
        found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        left_out = ("RECORD", ".lock", "uv_cache.json")
        return {
            path.relative_to(folder).as_posix(): path.read_bytes().replace(old, new)
            for path in found
            if path.name not in left_out
        }

    assert files(one) == files(other)
    assert os.fsencode(one) not in (one / "pyvenv.cfg").read_bytes()


def test_what_cannot_be_compiled(bench: Bench) -> None:
    """A file that is no Python of this version is installed as it is."""
    path = bench.wheel("odd", "1.0")
    text = path.read_bytes().replace(b"version = '1.0'", b"version = = 1.0")
    path.write_bytes(text)
    subprocess.run([sys.executable, "-c", REPACK, str(path), "odd.py", "print 'as of old'\n"], check=True)

    folder = bench.build(bench.resolve("odd"))

    assert packages(folder) == {"odd": "1.0"}


REPACK = """
import sys, zipfile, base64, hashlib
path, name, text = sys.argv[1:]
members = {}
with zipfile.ZipFile(path) as archive:
    for member in archive.namelist():
        members[member] = archive.read(member) if member != name else text.encode()
with zipfile.ZipFile(path, "w") as archive:
    for member, data in members.items():
        if member.endswith("RECORD"):
            data = b"".join(f"{each},,\\n".encode() for each in members)
        archive.writestr(member, data)
"""


def test_files(bench: Bench) -> None:
    """Files of the settings lie where they say, folders made, and the compiled are compiled."""
    source = bench.path / "settings.ini"
    source.write_text("a = 1\n")
    module = bench.path / "own.py"
    module.write_text("answer = 42\n")
    site = python_of().layout.purelib

    folder = bench.build(bench.resolve(), files={"etc/tool/settings.ini": source, f"{site}/own.py": module})

    assert (folder / "etc" / "tool" / "settings.ini").read_text() == "a = 1\n"
    assert ask(folder, "import own; print(own.answer)") == "42"
    assert list((folder / site / "__pycache__").glob("own.*.pyc"))


@pytest.mark.parametrize("place", ["/etc/x", "../x", "a/../../x", "", "C:/x"])
def test_files_elsewhere(bench: Bench, place: str) -> None:
    """A file that would lie outside is refused."""
    source = bench.path / "x"
    source.write_text("")

    with pytest.raises(BuildError, match=f"files: '{place}' is no path within the environment"):
        bench.build(bench.resolve(), files={place: source})


def test_files_by_link(bench: Bench) -> None:
    """What lies behind a link is never written: a file takes the link's place, and a folder out of here is refused."""
    source, original = bench.path / "x", bench.path / "original"
    source.write_text("new")
    original.write_text("old")
    folder = bench.folder()
    (folder / "link").symlink_to(original)
    (folder / "out").symlink_to(bench.folder())
    ready, environ = bench.installer("uv"), bench.environ

    def put(place: str) -> None:
        files = {place: source}
        prove = proof(python_of())
        build(
            folder,
            python_of(),
            bench.resolve(),
            ready,
            prove=prove,
            files=files,
            environ=environ,
            workspace=bench.folder(),
        )

    put("link")
    assert (original.read_text(), (folder / "link").read_text()) == ("old", "new")
    with pytest.raises(BuildError, match="files: 'out/x' leads out of the environment"):
        put("out/x")


def test_files_that_are_not_there(bench: Bench) -> None:
    """A file that cannot be read is told."""
    message = f"files: {bench.path}/none cannot be put at 'etc/x': No such file or directory"

    with pytest.raises(BuildError, match=message):
        bench.build(bench.resolve(), files={"etc/x": bench.path / "none"})


def test_wrong_python(bench: Bench) -> None:
    """An environment that is not of the Python that was meant is refused, however well it was built."""
    meant = python_of()
    wrong = replace(meant, executable=another().executable)

    with pytest.raises(BuildError, match=r"the environment in .* is not one of Python"):
        bench.build(bench.resolve(), python=wrong)


def test_no_environment(bench: Bench) -> None:
    """Where virtualenv fails, its command and its last words are shown."""
    broken = bench.path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)

    with pytest.raises(BuildError) as caught:
        bench.build(bench.resolve(), python=replace(python_of(), executable=str(broken)))

    lines = str(caught.value).splitlines()
    assert lines[0] == f"no virtualenv can be made of {broken}"
    assert lines[1].startswith(f"  the command: {sys.executable} -m virtualenv ")
    assert len(lines) > 3


def test_no_stray_process(bench: Bench) -> None:
    """Virtualenv starts nothing that would look for newer wheels afterwards, and writes only where it is told."""
    app_data = bench.path / "app-data"
    before = set((bench.path / "home").rglob("*"))

    bench.build(bench.resolve("alpha"), app_data=app_data)

    assert app_data.is_dir()
    assert not list(app_data.rglob("*.whl"))
    assert set((bench.path / "home").rglob("*")) == before


def test_spaces(bench: Bench) -> None:
    """A folder's name may hold spaces, quotes and letters of any language."""
    inside = Bench(bench.path / "it's a plâce")
    inside.path.mkdir()
    inside.wheel("alpha", "1.0", scripts=("alphas",))

    for installer in ("uv", "pip"):
        folder = inside.build(inside.resolve("alpha"), installer)
        assert ask(folder, "import alpha; print(alpha.version)") == "1.0"
