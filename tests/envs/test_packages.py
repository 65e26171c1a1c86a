"""What is installed in an environment: read from outside, found by any spelling, and compared by meaning."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import making
import pytest
from envs.handling import every_target, put, site_of

from pytest_envrepro.envs.packages import Package, Packages
from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.inventory import Source

if TYPE_CHECKING:
    from pathlib import Path

    from envs.handling import Maker


def packages(title: str = "client", **versions: str) -> Packages:
    """Give packages of an index, by name and version."""
    return Packages(title, {name: Package(name=name, version=version) for name, version in versions.items()})


def tree(folder: Path) -> dict[str, tuple[int, ...]]:
    """Give all that there is to see of a folder's files and folders, but for the times of reading."""
    found: dict[str, tuple[int, ...]] = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files, os.curdir):
            path = os.path.join(place, name)
            status = os.lstat(path)
            found[path] = (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


class TestReading:
    """`inventory()`."""

    @every_target
    def test_target(self, maker: Maker, target: Path) -> None:
        """Names, versions and sources in an environment of any Python, and nothing of the one that reads."""
        environment = maker.virtualenv(target=target)
        put(environment, "Zope.Interface", "1.0")
        vcs = {"url": "https://e.org/a", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}}
        put(environment, "app", "2.0+local.1", direct_url=vcs)

        inventory = environment.inventory()

        assert {name: str(package) for name, package in inventory.items()} == {
            "app": "2.0+local.1 from git+https://e.org/a@cccccccccccc",
            "zope-interface": "1.0",
        }
        assert inventory["app"].source == Source(url="git+https://e.org/a", commit="c" * 40)

    def test_nothing_is_started_or_changed(self, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
        """No program runs for it, and no file or folder of the environment is another one afterwards."""
        environment = maker.virtualenv()
        for number in range(5):
            put(environment, f"app-{number}", "1.0")
        before = tree(environment.prefix)
        monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a program was started"))

        inventory = environment.inventory()

        assert sum(len(package.files) for package in inventory.values()) == 30
        assert environment.inventory() == inventory
        assert not environment.diff(environment, depth="system")
        assert tree(environment.prefix) == before

    def test_stays_as_it_was(self, maker: Maker) -> None:
        """What was read before a change tells what there was before it."""
        environment = maker.virtualenv(is_private=True)
        folder = put(environment, "app", "1.0")

        before = environment.inventory()
        shutil.rmtree(folder)
        put(environment, "app", "2.0")

        assert (before["app"].version, environment.inventory()["app"].version) == ("1.0", "2.0")

    def test_editable(self, maker: Maker) -> None:
        """What a `.pth` file adds is installed too; that a folder lies beside is no matter."""
        environment = maker.virtualenv()
        making.install(maker.folder / "src", "app", "1.0")
        making.install(maker.folder / "other", "no", "1.0")
        (site_of(environment) / "dev.pth").write_text(f"import sys\n{maker.folder / 'src'}\n")

        assert list(environment.inventory()) == ["app"]

    def test_files(self, maker: Maker) -> None:
        """By RECORD, without bytecode: of site-packages, of the environment, and from elsewhere."""
        environment = maker.virtualenv()
        folder = put(environment, "app", "1.0")
        with (folder / "RECORD").open("a") as record:
            record.write("__pycache__/app.cpython-311.pyc,,\n/etc/app.conf,sha256=x,3\n")

        files = environment.inventory()["app"].files

        assert [file.path for file in files] == [
            "/etc/app.conf",
            *(f"app-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
            "app.py",
            "bin/app",
        ]
        module = next(file for file in files if file.path == "app.py")
        place = site_of(environment) / "app.py"
        text = place.read_text()
        assert module == ("app.py", str(place), making.digest(text), len(text))

    def test_no_record(self, maker: Maker) -> None:
        """Without a RECORD there are no files; one that is none is an error, where the files are asked for."""
        environment = maker.virtualenv()
        (put(environment, "app", "1.0") / "RECORD").unlink()
        broken = put(environment, "broken", "1.0")
        (broken / "RECORD").write_text("one,two\n")
        inventory = environment.inventory()

        assert inventory["app"].files == ()
        with pytest.raises(EnvReproError) as caught:
            assert inventory["broken"].files
        assert str(caught.value) == f"{broken}: its RECORD is not valid in line 1: one,two"

    def test_broken_metadata(self, maker: Maker) -> None:
        """A version that is none is given as it is written."""
        environment = maker.virtualenv()
        making.install(site_of(environment), "app", "one.two")

        assert environment.inventory()["app"].version == "one.two"


class TestMapping:
    """A mapping by canonical names."""

    def test_names(self) -> None:
        """Any spelling of a name finds it; what is not there says where it is not."""
        found = Packages("client", {"zope-interface": Package(name="zope-interface", version="1")})

        assert found["Zope.Interface"].version == "1"
        assert "zope_interface" in found
        assert "zope" not in found
        assert list(found) == ["zope-interface"]
        assert found.get("zope") is None
        with pytest.raises(KeyError, match="zope is not in client"):
            found["zope"]

    def test_shown(self) -> None:
        """In a message it is short."""
        assert repr(packages(a="1", b="2")) == "<packages of client: a 1, b 2>"
        assert repr(packages()) == "<packages of client: nothing>"
        assert repr(packages(**dict.fromkeys("hgfedcba", "1"))) == (
            "<packages of client: a 1, b 1, c 1, d 1, e 1, and 3 more>"
        )


class TestEquality:
    """Name, version and source."""

    @pytest.mark.parametrize(
        ("left", "right", "is_same"),
        [
            pytest.param({"a": "1"}, {"a": "1"}, True, id="the same"),
            pytest.param({"a": "1.0"}, {"a": "1.0.0"}, True, id="one version in two forms"),
            pytest.param({"a": "1"}, {"a": "2"}, False, id="another version"),
            pytest.param({"a": "1"}, {"a": "1+local"}, False, id="a local version"),
            pytest.param({"a": "1"}, {"a": "1", "b": "1"}, False, id="one more"),
            pytest.param(
                {"a": "1", "pip": "1"}, {"a": "1", "pip": "2", "wheel": "3"}, True, id="what makes virtualenvs"
            ),
        ],
    )
    def test_versions(self, left: dict[str, str], right: dict[str, str], is_same: bool) -> None:  # noqa: FBT001
        """Both ways round."""
        one, other = packages(**left), packages(**right)

        assert ((one == other), (other == one), (one != other)) == (is_same, is_same, not is_same)
        assert bool(one.explain(other)) != is_same

    def test_seeds_that_a_lock_names(self) -> None:
        """pip, setuptools and wheel count where either lock names them."""
        plain = packages(a="1", pip="1")
        locked = Packages("server", packages(a="1", pip="2"), named=frozenset({"pip"}))

        assert plain != locked
        assert locked != plain
        assert packages(a="1") != locked
        assert plain == packages(a="1", pip="2", wheel="3")

    def test_others(self) -> None:
        """Nothing else is equal to it, and it is no key."""
        assert packages() != {}
        assert Package(name="a", version="1") != "1"
        assert {Package(name="a", version="1"), Package(name="a", version="1.0")} == {Package(name="a", version="1")}
        with pytest.raises(TypeError, match="unhashable"):
            hash(packages())

    git = Source(url="git+https://e.org/a.git", commit="c" * 40, revision="main")
    archive = Source(url="https://e.org/a-1.whl", hashes=frozenset({"sha256:a"}))
    local = Source(url="file:///wheels/a-1.whl", hashes=frozenset({"sha256:a"}))
    folder = Source(url="file:///src/a", directory=True)

    @pytest.mark.parametrize(
        ("left", "right", "is_same"),
        [
            pytest.param(git, Source(url="git+https://joe:x@e.org/a", commit="c" * 40), True, id="the same commit"),
            pytest.param(git, Source(url=git.url, commit="d" * 40), False, id="another commit"),
            pytest.param(git, Source(url=git.url, revision="main"), True, id="its branch"),
            pytest.param(git, Source(url=git.url, revision="dev"), False, id="another branch"),
            pytest.param(git, Source(url="git+https://e.org/b", commit="c" * 40), False, id="another repository"),
            pytest.param(git, None, False, id="a checkout and an index"),
            pytest.param(archive, Source(url=archive.url), True, id="a hash that is not known"),
            pytest.param(archive, Source(url=archive.url, hashes=frozenset({"sha256:b"})), False, id="another hash"),
            pytest.param(
                archive, Source(url=archive.url, hashes=frozenset({"md5:b"})), True, id="hashes of two algorithms"
            ),
            pytest.param(archive, None, False, id="an archive elsewhere and an index"),
            pytest.param(local, None, True, id="an archive here and an index"),
            pytest.param(
                local, Source(url="file:///other/a-1.whl", hashes=frozenset({"sha256:a"})), True, id="two folders"
            ),
            pytest.param(local, Source(url=local.url, hashes=frozenset({"sha256:b"})), False, id="two archives"),
            pytest.param(folder, None, False, id="a folder and an index"),
            pytest.param(folder, Source(url="file:///src/a/", directory=True), True, id="the same folder"),
            pytest.param(folder, Source(url="file:///src/a", directory=True, editable=True), False, id="editable"),
        ],
    )
    def test_sources(self, left: Source | None, right: Source | None, is_same: bool) -> None:  # noqa: FBT001
        """Where a package comes from, as far as it is known; both ways round."""
        one, other = (Package(name="a", version="1", source=source) for source in (left, right))

        assert ((one == other), (other == one)) == (is_same, is_same)


class TestExplanation:
    """What `assert a.inventory() == b.inventory()` tells."""

    def test_columns(self) -> None:
        """Package by package, with what each has."""
        one = packages("client", flask="3.0.0", click="8.1.7", lib="1.0", pip="1")
        other = packages("server", flask="2.3.1", click="8.1.7", torch="2.3", pip="2")

        assert one.explain(other) == [
            "packages of client == packages of server",
            "package  client  server",
            "flask    3.0.0   2.3.1",
            "lib      1.0     -",
            "torch    -       2.3",
            "3 of 4 packages differ",
        ]

    def test_sources(self) -> None:
        """The same version from other places says so, without a credential."""
        left = Source(url="https://joe:secret@e.org/a.zip", hashes=frozenset({"sha256:" + "a" * 64}))
        one, other = (
            Packages(title, {"a": Package(name="a", version="1", source=source)})
            for title, source in (("client", left), ("server", Source(url="file:///a", directory=True, editable=True)))
        )

        assert one.explain(other)[2:] == [
            "a        1 from https://****@e.org/a.zip sha256:aaaaaaaaaaaa  1 from file:///a (editable)",
            "1 of 1 package differs",
        ]

    def test_same_titles(self) -> None:
        """Two that are called the same are told apart."""
        assert packages(a="1").explain(packages(a="2"))[1] == "package  client (left)  client (right)"

    def test_many(self) -> None:
        """Of many the first are told."""
        many: dict[str, Any] = {f"a{number:03}": "1" for number in range(60)}

        lines = packages(**many).explain(packages())

        assert len(lines) == 54
        assert lines[-2:] == ["and 10 more", "60 of 60 packages differ"]

    def test_nothing(self) -> None:
        """Where nothing differs there is nothing to tell."""
        assert packages(a="1").explain(packages("server", a="1.0")) == []
