"""Two environments, compared package by package, file by file, and below."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import making
import pytest
from envs.handling import TARGETS, put, site_of

from pytest_envrepro.envs.hosting import HostEnvironment
from pytest_envrepro.envs.reproducing import assert_same
from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envs.handling import Maker

    from pytest_envrepro.envs.virtualenv import VirtualEnvironment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")


@pytest.fixture
def pair(maker: Maker) -> tuple[VirtualEnvironment, VirtualEnvironment]:
    """Give two environments with the same two packages, as two folders."""
    both = maker.virtualenv("client"), maker.virtualenv("server")
    for environment in both:
        put(environment, "app", "1.0")
        put(environment, "lib", "2.0")
    return both


Pair = tuple["VirtualEnvironment", "VirtualEnvironment"]


@pytest.mark.parametrize("depth", ["packages", "files", "system"])
def test_same(pair: Pair, depth: str) -> None:
    """Two that came out the same: their folders, their scripts' first lines and RECORDs are no difference."""
    one, other = pair

    diff = one.diff(other, depth=depth)  # type: ignore[arg-type]  # Is one of them.

    assert not diff
    looked = "2 packages" if depth == "packages" else "2 packages, 12 files"
    told = "" if depth == "packages" else "\n  not counted: RECORD of app, lib"
    assert str(diff) == f"environment 'client' and environment 'server' do not differ: {looked}{told}"
    assert repr(diff) == "<client / server: no difference>"


def test_packages(pair: Pair) -> None:
    """Other versions, and packages that only one has; the files of these are not compared."""
    one, other = pair
    put(one, "flask", "3.0.0")
    put(other, "flask", "2.3.1")
    put(other, "torch", "2.3")

    diff = one.diff(other)

    assert diff
    assert [change.name for change in diff.packages] == ["flask", "torch"]
    assert str(diff) == (
        "environment 'client' and environment 'server' differ: 2 packages\n"
        "  package  client  server\n  flask    3.0.0   2.3.1\n  torch    -       2.3"
    )
    assert repr(diff) == "<client / server: flask 3.0.0 / 2.3.1, torch - / 2.3>"
    assert one.diff(other, depth="files").files == ()


def test_files(pair: Pair) -> None:
    """Changed, of the same length too, missing, one more; in a package and in none."""
    one, other = pair
    (site_of(one) / "app.py").write_text("changed\n")
    lib = site_of(other) / "lib.py"
    lib.write_text(lib.read_text().replace("this", "that"))
    (other.scripts / "lib").unlink()
    (site_of(other) / "notes.txt").write_text("")
    (one.prefix / "data").mkdir()
    (one.prefix / "data" / "x").write_text("1")

    diff = one.diff(other, depth="files")

    assert str(diff) == (
        "environment 'client' and environment 'server' differ: 5 files\n"
        "  app 1.0\n    app.py  8 bytes in client, 41 bytes in server\n"
        "  lib 2.0\n    bin/lib  missing in server, though its RECORD lists it\n"
        "    lib.py   another content, of the same 41 bytes\n"
        "  in no package\n    data/x     only in client\n    notes.txt  only in server\n"
        "  not counted: RECORD of app, lib"
    )
    assert {each.path for each in diff.files} == {"app.py", "lib.py", "bin/lib", "data/x", "notes.txt"}
    assert not one.diff(other)


def test_many_files(pair: Pair) -> None:
    """Of many the first are told."""
    one, other = pair
    for number in range(70):
        (site_of(one) / f"x{number}").write_text("")

    lines = str(one.diff(other, depth="files")).splitlines()

    assert lines[0].endswith("differ: 70 files")
    assert lines[-2] == "    and 20 more files"
    assert repr(one.diff(other, depth="files")) == (
        "<client / server: x0 only in client, x1 only in client, x10 only in client, and 67 more>"
    )


class TestNoise:
    """What differs and says nothing is told apart, and does not make a difference."""

    def test_installers(self, maker: Maker) -> None:
        """Two installers: their names, what was asked for, the folder of the wheel, their launchers."""
        one, other = maker.virtualenv("client"), maker.virtualenv("server")
        points = {"app-1.0.dist-info/entry_points.txt": "[console_scripts]\napp = app:main\n"}
        for environment, installer, launch in ((one, "pip", "re.sub"), (other, "uv", "removesuffix")):
            files = {**points, "../../../bin/app": f"#!{environment.scripts}/python\n# {launch}\n"}
            url = {"url": f"file:///{installer}/app.whl", "archive_info": {"hashes": {"sha256": "a"}}}
            making.install(site_of(environment), "app", "1.0", installer=installer, files=files, direct_url=url)
        (site_of(one) / "app-1.0.dist-info" / "REQUESTED").write_text("")
        with (site_of(one) / "app-1.0.dist-info" / "RECORD").open("a") as record:
            record.write("app-1.0.dist-info/REQUESTED,,\n")

        diff = one.diff(other, depth="files")

        assert not diff
        assert diff.noise == tuple(
            f"{kind} of app" for kind in ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "launchers")
        )

    def test_launcher_that_was_changed(self, pair: Pair) -> None:
        """A launcher that is not what its installer wrote is a difference, as is one that starts another's Python."""
        one, other = pair
        for environment in pair:
            folder = site_of(environment) / "app-1.0.dist-info"
            (folder / "entry_points.txt").write_text("[console_scripts]\napp = app:main\n[other]\nlib = x\n")
            with (folder / "RECORD").open("a") as record:
                record.write(f"{folder.name}/entry_points.txt,,\n")
        (one.scripts / "app").write_text((other.scripts / "app").read_text())

        assert [(each.package, each.path) for each in one.diff(other, depth="files").files] == [("app 1.0", "bin/app")]

    def test_script_that_is_no_launcher(self, maker: Maker) -> None:
        """A program that a package brings, and no installer wrote, is compared."""
        one, other = maker.virtualenv("client"), maker.virtualenv("server")
        for environment in (one, other):
            files = {"../../../bin/tool": f"#!{environment.scripts}/python\n# for {environment.name}\n"}
            making.install(site_of(environment), "app", "1.0", files=files)

        assert [each.path for each in one.diff(other, depth="files").files] == ["bin/tool"]

    def test_bytecode(self, pair: Pair) -> None:
        """Bytecode of the same modules is noise; the modules tell."""
        one, other = pair
        for environment in pair:
            environment.run_python("-m", "compileall", "-q", site_of(environment), env={"PYTHONDONTWRITEBYTECODE": ""})
        tag = one.python.interpreter.version.rpartition(".")[0].replace(".", "")
        (site_of(one) / "__pycache__" / f"app.cpython-{tag}.pyc").write_bytes(b"other")

        diff = one.diff(other, depth="files")

        assert not diff
        assert "bytecode of app, lib" in diff.noise

    def test_seeds(self, pair: Pair) -> None:
        """pip, setuptools and wheel, which no lock names."""
        one, other = pair
        put(one, "pip", "24.0")
        put(other, "wheel", "0.40")

        diff = one.diff(other, depth="files")

        assert not diff
        assert diff.noise[:2] == ("pip (24.0 / -)", "wheel (- / 0.40)")


def test_two_archives(maker: Maker) -> None:
    """The same version of two archives differs, and its files are compared."""
    one, other = maker.virtualenv("client"), maker.virtualenv("server")
    for environment in (one, other):
        info = {"hashes": {"sha256": environment.name}}
        put(environment, "app", "1.0", direct_url={"url": "file:///app.whl", "archive_info": info})

    diff = one.diff(other, depth="files")

    assert [str(each) for change in diff.packages for each in change[1:]] == [
        "1.0 from file:///app.whl sha256:client",
        "1.0 from file:///app.whl sha256:server",
    ]
    assert diff.files == ()
    assert diff.counts == (1, 7)


@pytest.mark.skipif(len(TARGETS) < 2, reason="there is one Python here")
def test_system(maker: Maker) -> None:
    """Two Pythons: the same packages, in other folders, are the same; the system is not."""
    one, other = maker.virtualenv("old", target=TARGETS[0]), maker.virtualenv("new", target=TARGETS[-1])
    for environment in (one, other):
        put(environment, "app", "1.0")

    assert not one.diff(other, depth="files")
    diff = one.diff(other, depth="system")
    versions = [each.python.interpreter.version for each in (one, other)]
    assert diff.system == (("python", *versions),)
    lines = str(diff).splitlines()
    assert lines[0] == "environment 'old' and environment 'new' differ: the system"
    assert lines[1].split() == ["system", "old", "new"]


def test_host(maker: Maker) -> None:
    """The environment that runs pytest is compared by its packages and their files."""
    host = HostEnvironment(root=maker.root, scratch=maker.folder / "scratch", judge=maker.judge)

    assert not host.diff(host, depth="system")
    diff = host.diff(maker.virtualenv(), depth="files")
    assert "pytest" in {change.name for change in diff.packages}
    assert diff.labels == ("the environment that runs pytest", "environment 'client'")
    assert host.diff(maker.virtualenv("same"), depth="system").system == ()


def test_variables(maker: Maker) -> None:
    """Declared variables belong to the system: they are compared by their values, also those that are not shown."""
    made = [
        maker.virtualenv(name, settings=Settings(environment={"TOKEN": value, "LEVEL": "debug", name: "1"}))
        for name, value in (("a", "s3cret"), ("b", "s3cret"), ("b", "other"))  # Two of them in one folder.
    ]

    assert made[0].diff(made[1], depth="system").system == (("variable a", "1", "-"), ("variable b", "-", "1"))
    assert made[1].diff(made[2], depth="system").system == (("variable TOKEN", "****", "**** (another)"),)
    assert not made[1].diff(made[2], depth="files")


def test_a_variable_of_several_lines(maker: Maker) -> None:
    """A value with a line break stands on one line of the table."""
    origins = {"environment": "tool.envrepro.environments.x in pyproject.toml"}
    one, other = (
        maker.virtualenv(name, settings=Settings.told(origins, environment={"A": value}))
        for name, value in (("a", 'it\'s "b" \\ ü\nb'), ("b", "ä"))
    )

    assert one.diff(other, depth="system").system == (("variable A", 'it\'s "b" \\ ü\\nb', "ä"),)


def test_depth(pair: Pair) -> None:
    """Another depth is an error."""
    with pytest.raises(EnvReproError) as caught:
        pair[0].diff(pair[1], depth="file")  # type: ignore[arg-type]  # This is what is tested.

    assert str(caught.value) == "there is no depth 'file' (did you mean 'files'?)"


class TestReproducible:
    """Builds of the same settings."""

    def test_same(self, pair: Pair) -> None:
        """Nothing that counts differs."""
        assert_same([*pair, pair[0]])

    def test_one_after_the_other(self, pair: Pair) -> None:
        """They are compared while they are there: what makes them may take them away at the end."""
        (site_of(pair[1]) / "app.py").write_text("")

        def make() -> Iterator[VirtualEnvironment]:
            yield from pair
            shutil.rmtree(pair[0].prefix)

        with pytest.raises(AssertionError, match=r"app.py  41 bytes in build 1, 0 bytes in build 2"):
            assert_same(make())

    def test_different(self, pair: Pair) -> None:
        """What differs is named, by the number of the build, with the noise beside."""
        one, other = pair
        put(other, "torch", "2.3")
        (site_of(other) / "app.py").write_text("import time\n")

        with pytest.raises(AssertionError) as caught:
            assert_same([one, one, other])

        assert str(caught.value) == (
            "environment 'client' was built 3 times from the same settings, and is not the same\n"
            "build 1 and build 3 differ: 1 package, 1 file\n"
            "  package  build 1  build 3\n  torch    -        2.3\n"
            "  app 1.0\n    app.py  41 bytes in build 1, 12 bytes in build 3\n"
            "  not counted: RECORD of app, lib"
        )
