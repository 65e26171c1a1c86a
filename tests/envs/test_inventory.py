"""What is installed is read as it is; what is broken becomes a fault, and never a traceback."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest
from making import install, metadata

from pytest_envrepro.checks import Facts
from pytest_envrepro.checks.conflicts import ConflictsCheck
from pytest_envrepro.envs.host import host_interpreter, host_inventory, host_paths
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.envs.metadata import parse_direct_url
from pytest_envrepro.inventory import Source
from pytest_envrepro.model import Project
from pytest_envrepro.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_envrepro.inventory import Inventory

pytestmark = pytest.mark.core


def read(*folders: Path) -> Inventory:
    """Read folders as a search path."""
    return read_inventory(map(str, folders), host_interpreter())


def faults(*folders: Path) -> list[tuple[str, str | None, str]]:
    """Give what the check of conflicts tells of folders, as (code, package, message)."""
    facts = Facts(
        locks={}, installed=None, inventory=read(*folders), project=Project(anchor="a"), offline=lambda _: Outcome()
    )
    return [(each.code, each.package, each.message) for each in ConflictsCheck().judge(facts, "a").findings]


def test_distribution(tmp_path: Path) -> None:
    """All that the checks ask of a distribution."""
    source = {"url": "https://joe:secret@e.org/a", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}}
    install(tmp_path, "Zope.Interface", "1.0", ("a>=1", "b"), python=">=3.8", direct_url=source)

    inventory = read(tmp_path)
    found = inventory.distributions["zope-interface"]

    assert list(inventory.distributions) == ["zope-interface"]
    assert inventory.versions == {"zope-interface": "1.0"}
    assert (found.name, str(found.version), found.requires) == ("zope-interface", "1.0", ("a>=1", "b"))
    assert (found.requires_python, found.tags, found.fault) == (">=3.8", ("py3-none-any",), None)
    assert found.source == Source(url="git+https://e.org/a", commit="c" * 40)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_header_over_several_lines(tmp_path: Path, line_end: str) -> None:
    """A long header goes on in the next lines; the description is no header."""
    folder = install(tmp_path, "app", "1")
    text = "Metadata-Version: 2.1\nNAME: app\nVersion: 1\nrequires-dist: lib\n  >=2 ;\n\tos_name == 'x'\n\nRequires-Dist: no\n"
    (folder / "METADATA").write_bytes(text.replace("\n", line_end).encode())

    assert read(tmp_path).distributions["app"].requires == ("lib >=2 ; os_name == 'x'",)


def damage(folder: Path, old: str = "", new: str = "") -> None:
    """Replace a text in a METADATA."""
    path = folder / "METADATA"
    path.write_text(path.read_text().replace(old, new))


def _as_folder(folder: Path) -> None:
    (folder / "METADATA").unlink()
    (folder / "METADATA").mkdir()


def _as_fifo(folder: Path) -> None:
    (folder / "METADATA").unlink()
    os.mkfifo(folder / "METADATA")


DAMAGES = [
    pytest.param(
        lambda folder: (folder / "METADATA").unlink(),
        "has no METADATA: a removal or an installation did not finish",
        id="missing",
    ),
    pytest.param(
        lambda folder: (folder / "METADATA").write_text(""), "its METADATA has no Name and no Version", id="empty"
    ),
    pytest.param(lambda folder: damage(folder, "Name: app\n"), "its METADATA has no Name", id="no name"),
    pytest.param(lambda folder: damage(folder, "Version: 1.0\n"), "its METADATA has no Version", id="no version"),
    pytest.param(
        lambda folder: damage(folder, "Version: 1.0\n", "Version: one\n"),
        "its version 'one' is not valid (PEP 440)",
        id="bad version",
    ),
    pytest.param(
        lambda folder: damage(folder, "Version: 1.0\n", "Version: 2.0\n"),
        "its METADATA tells another version: 2.0",
        id="another version",
    ),
    pytest.param(
        lambda folder: damage(folder, "Name: app\n", "Name: lib\n"),
        "its METADATA names another project: lib",
        id="another name",
    ),
    pytest.param(
        lambda folder: (folder / "METADATA").write_bytes(b"Name: app\nVersion: 1.0\nRequires-Dist: \xff\n"),
        "its METADATA is not UTF-8",
        id="not UTF-8",
    ),
    pytest.param(
        lambda folder: (folder / "METADATA").write_bytes(b"Name: app\nVersion: 1.0\n" + b"x" * 2**23),
        "its METADATA has more than 4 MiB of headers",
        id="huge",
    ),
    pytest.param(_as_folder, "its METADATA cannot be read: it is not a regular file", id="a folder"),
    pytest.param(_as_fifo, "its METADATA cannot be read: it is not a regular file", id="a FIFO"),
]


@pytest.mark.parametrize(("do", "fault"), DAMAGES)
def test_damage(tmp_path: Path, do: Callable[[Path], object], fault: str) -> None:
    """Each damage is told in the words of the user, and the distribution stays known."""
    do(install(tmp_path, "app", "1.0"))

    assert faults(tmp_path) == [("unreadable-metadata", "app", f"app-1.0.dist-info: {fault}")]
    assert list(read(tmp_path).distributions) == ["app"]


def test_spelling_of_versions(tmp_path: Path) -> None:
    """The folder's name may spell the same version otherwise."""
    damage(install(tmp_path, "app", "1.0"), "Version: 1.0\n", "Version: 1.0.0\n")

    assert faults(tmp_path) == []


def test_encoding_of_what_does_not_matter(tmp_path: Path) -> None:
    """An author in another encoding does not matter here."""
    folder = install(tmp_path, "app", "1.0")
    (folder / "METADATA").write_bytes(b"Name: app\nVersion: 1.0\nAuthor: J\xf6rg\n\n\xff")

    assert faults(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(tmp_path: Path) -> None:
    """A METADATA that this user may not read."""
    (install(tmp_path, "app", "1.0") / "METADATA").chmod(0)

    message = "app-1.0.dist-info: its METADATA cannot be read: Permission denied"
    assert faults(tmp_path) == [("unreadable-metadata", "app", message)]


def test_file_as_folder(tmp_path: Path) -> None:
    """A `.dist-info` that is a file."""
    (tmp_path / "app-1.0.dist-info").write_text("")

    message = "app-1.0.dist-info: its METADATA cannot be read: Not a directory"
    assert faults(tmp_path) == [("unreadable-metadata", "app", message)]


def test_record_missing(tmp_path: Path) -> None:
    """RECORD is nothing that these checks need."""
    (install(tmp_path, "app", "1.0") / "RECORD").unlink()

    assert faults(tmp_path) == []


def test_leftover(tmp_path: Path) -> None:
    """What pip leaves behind when it is interrupted is told, and counts as no distribution."""
    install(tmp_path, "app", "1.0").rename(tmp_path / "~pp-1.0.dist-info")

    message = "~pp-1.0.dist-info was left behind by an installation that pip did not finish: delete it"
    assert faults(tmp_path) == [("unreadable-metadata", None, message)]
    assert list(read(tmp_path).distributions) == []


def test_unusual_folder_name(tmp_path: Path) -> None:
    """A folder whose name is not escaped, or without a version, is known by its METADATA."""
    install(tmp_path, "my-app", "1.0").rename(tmp_path / "my-app-1.0.dist-info")
    install(tmp_path, "lib", "2.0").rename(tmp_path / "lib.dist-info")
    (tmp_path / "nothing.dist-info").mkdir()

    assert read(tmp_path).versions == {"lib": "2.0", "my-app": "1.0"}
    assert faults(tmp_path) == [
        (
            "unreadable-metadata",
            None,
            (
                "nothing.dist-info is not called NAME-VERSION.dist-info, and has no METADATA: a removal or an"
                " installation did not finish: delete it"
            ),
        )
    ]


def test_shadowing(tmp_path: Path) -> None:
    """The first folder of the search path counts; a name in two folders is no duplicate."""
    install(tmp_path / "one", "app", "1.0")
    install(tmp_path / "two", "app", "2.0", ("gone",))

    inventory = read(tmp_path / "one", tmp_path / "two", tmp_path / "one")

    assert (inventory.versions, inventory.duplicates) == ({"app": "1.0"}, {})
    assert faults(tmp_path / "one", tmp_path / "two") == []


def test_duplicates(tmp_path: Path) -> None:
    """Two in one folder are, also where one is an `.egg-info`."""
    install(tmp_path, "app", "1.0")
    (tmp_path / "App.egg-info").mkdir()
    (tmp_path / "App.egg-info" / "PKG-INFO").write_text(metadata("App", "2.0"))

    assert read(tmp_path).duplicates == {"app": ("app-1.0.dist-info", "App.egg-info")}


class TestEggInfo:
    """`.egg-info`, which setuptools wrote before wheels."""

    def test_folder(self, tmp_path: Path) -> None:
        """With its requirements, extras as markers."""
        folder = tmp_path / "site-packages" / "app-1.0-py3.11.egg-info"
        folder.mkdir(parents=True)
        (folder / "PKG-INFO").write_text("Metadata-Version: 1.2\nName: app\nVersion: 1.0\nRequires-Python: >=3\n")
        (folder / "requires.txt").write_text("lib>=1\n\n[dev]\ntool\n")

        found = read(tmp_path / "site-packages").distributions["app"]

        assert (str(found.version), found.requires_python, found.fault) == ("1.0", ">=3", None)
        assert found.requires == ("lib>=1", 'tool; extra == "dev"')
        assert (found.source, found.changed > 0) == (None, True)

    def test_develop(self, tmp_path: Path) -> None:
        """Beside the sources it is an editable installation of them."""
        (tmp_path / "app.egg-info").mkdir()
        (tmp_path / "app.egg-info" / "PKG-INFO").write_text(metadata("app", "1.0"))

        found = read(tmp_path).distributions["app"]

        assert found.source == Source(url=tmp_path.as_uri(), editable=True, directory=True)

    def test_file(self, tmp_path: Path) -> None:
        """One file alone."""
        (tmp_path / "app-1.0.egg-info").write_text("Metadata-Version: 1.0\nName: app\nVersion: 1.0\n")

        assert read(tmp_path).versions == {"app": "1.0"}

    @pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"])
    def test_broken(self, tmp_path: Path, content: bytes | None) -> None:
        """Empty, or not UTF-8."""
        (tmp_path / "app-1.0.egg-info").mkdir()
        if content is not None:
            (tmp_path / "app-1.0.egg-info" / "PKG-INFO").write_bytes(content)

        found = faults(tmp_path)

        assert [(code, package) for code, package, _ in found] == [("unreadable-metadata", "app")]

    def test_archive(self, tmp_path: Path) -> None:
        """An egg that is an archive on the search path; and one that is none."""
        with zipfile.ZipFile(tmp_path / "app.egg", "w") as archive:
            archive.writestr("EGG-INFO/PKG-INFO", metadata("app", "1.0"))
        (tmp_path / "no.egg").write_text("")

        assert read(tmp_path / "app.egg", tmp_path / "no.egg").versions == {"app": "1.0"}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"url": 3},
        {"url": "no scheme"},
        {"url": "https://[e.org/a"},
    ],
)
def test_direct_url_that_is_none(data: object) -> None:
    """Something else than PEP 610 describes is no source."""
    assert parse_direct_url(data) is None


@pytest.mark.parametrize(
    "data",
    [
        {"url": "https://e.org/a.zip", "archive_info": {"hashes": ["no"], "hash": 3}},
        {"url": "https://e.org/a.zip", "archive_info": None, "vcs_info": "git", "dir_info": None},
    ],
)
def test_direct_url_of_wrong_types(data: object) -> None:
    """A value of a wrong type is left aside."""
    source = parse_direct_url(data)

    assert source is not None
    assert (source.url, source.commit, source.hashes) == ("https://e.org/a.zip", None, frozenset())


@pytest.mark.parametrize("text", ["", "no JSON", "\ufeff{}", "[" * 100_000])
def test_direct_url_file(tmp_path: Path, text: str) -> None:
    """A file that is no JSON is no source."""
    (install(tmp_path, "app", "1.0") / "direct_url.json").write_text(text)

    assert read(tmp_path).distributions["app"].source is None


def test_direct_url_with_both_hashes(tmp_path: Path) -> None:
    """The old and the new form of an archive's hash (PEP 610)."""
    info = {"hash": f"sha256={'a' * 64}", "hashes": {"sha512": "b"}}
    install(tmp_path, "app", "1.0", direct_url={"url": "https://e.org/a.zip", "archive_info": info})

    source = read(tmp_path).distributions["app"].source

    assert source is not None
    assert source.hashes == {f"sha256:{'a' * 64}", "sha512:b"}


class TestHost:
    """The environment that runs the session."""

    def test_own_folders_count(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What lies on the search path is read."""
        install(tmp_path / "site", "app-of-the-test", "1.0")
        (tmp_path / "root").mkdir()
        monkeypatch.syspath_prepend(str(tmp_path / "site"))

        inventory = host_inventory(tmp_path / "root")

        assert "app-of-the-test" in inventory.distributions
        assert "pytest" in inventory.distributions

    def test_project_is_not_installed_by_being_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What pytest puts on the search path from within the project is no installation; PYTHONPATH is."""
        install(tmp_path / "src", "stray", "1.0")
        monkeypatch.syspath_prepend(str(tmp_path / "src"))

        assert "stray" not in host_inventory(tmp_path).distributions

        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))

        assert "stray" in host_inventory(tmp_path).distributions

    def test_current_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`python -m pytest` puts the current folder first: it is left out, wherever it is."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend("")

        assert str(tmp_path) not in host_paths(tmp_path / "elsewhere")

    def test_path_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A folder that a `.pth` file of site-packages adds is installed, also within the project."""
        site = tmp_path / "site"
        site.mkdir()
        (site / "a.pth").write_text(f"# a comment\nimport sys\n\n{tmp_path / 'src'}\nbad\0path\n")
        (site / "folder.pth").mkdir()
        monkeypatch.setattr("site.getsitepackages", lambda: [str(site), str(tmp_path / "gone")])
        monkeypatch.syspath_prepend(str(tmp_path / "src"))

        assert str(tmp_path / "src") in host_paths(tmp_path)
