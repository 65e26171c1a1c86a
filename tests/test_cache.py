"""Verdicts are remembered between sessions, and whatever goes wrong there costs nothing but time."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

from pytest_envrepro.cache import VerdictCache, cache_folder

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core


def files_of(folder: Path) -> list[Path]:
    """Give the files of remembered verdicts."""
    return sorted((folder / "verdicts").iterdir())


def test_remembers(tmp_path: Path) -> None:
    """What was put is given, under its own key alone."""
    cache = VerdictCache(tmp_path)

    cache.put("one", {"a": [1, "ü", None]})

    assert cache.get("one") == {"a": [1, "ü", None]}
    assert cache.get("two") is None


def test_nowhere() -> None:
    """Without a folder nothing is remembered."""
    cache = VerdictCache(None)

    cache.put("one", {})

    assert cache.get("one") is None


@pytest.mark.parametrize("damage", [b"", b"{}", b"null", b"\xff\xfe", None])
def test_damaged_file(tmp_path: Path, damage: bytes | None) -> None:
    """A file that is empty, cut short or something else is not believed."""
    cache = VerdictCache(tmp_path)
    cache.put("one", {"a": 1})
    (file,) = files_of(tmp_path)
    file.write_bytes(file.read_bytes()[:-2] if damage is None else damage)

    assert cache.get("one") is None


def test_folder_cannot_be_made(tmp_path: Path) -> None:
    """Where a file lies in the way, nothing is remembered."""
    (tmp_path / "file").write_text("")
    cache = VerdictCache(tmp_path / "file")

    cache.put("one", {"a": 1})

    assert cache.get("one") is None


def test_bounded(tmp_path: Path) -> None:
    """The oldest are forgotten, and no temporary file stays."""
    cache = VerdictCache(tmp_path)
    for number in range(70):
        cache.put(str(number), {"number": number})
        os.utime(max(files_of(tmp_path), key=lambda file: file.stat().st_mtime_ns), (number, number))

    assert len(files_of(tmp_path)) <= 64
    assert {file.suffix for file in files_of(tmp_path)} == {".json"}


class TestFolder:
    """Where verdicts are kept."""

    def test_chosen(self, tmp_path: Path) -> None:
        """The variable says where."""
        assert cache_folder({"PYTEST_ENVREPRO_CACHE": str(tmp_path)}) == tmp_path

    def test_of_the_user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else the user's cache folder."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

        assert cache_folder({}) == tmp_path / "pytest-envrepro"

    def test_without_platformdirs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A dependency that is missing (`pip install --no-deps`) costs the cache alone."""
        monkeypatch.setitem(sys.modules, "platformdirs", None)

        assert cache_folder({}) is None

    def test_without_a_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A user without a home has no cache folder: none is made in the project."""
        monkeypatch.setattr("platformdirs.user_cache_path", lambda _: Path("~/.cache/pytest-envrepro"))

        assert cache_folder({}) is None


class TestSession:
    """A session believes a verdict while nothing changed."""

    @pytest.fixture
    def settled(self, project: Project, site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Give the cache folder of a project whose environment changed an hour ago."""
        site.add("demo", "1.0")
        project.write({"requirements.in": "demo\n", "requirements.txt": pip_compiled("demo==1.0\n")})
        later = time.time() + 3600
        monkeypatch.setattr("pytest_envrepro.envs.inventory.time.time", lambda: later)
        return project.path / ".cache"

    def verdict(self, project: Project) -> list[tuple[str, str | None]]:
        """Run, and give what the check of conflicts tells of the test's own distributions."""
        found = project.judge("conflicts")["findings"]
        return [(each["code"], each["package"]) for each in found if each["package"] in {"demo", "other"}]

    def test_remembered(self, project: Project, settled: Path) -> None:
        """The second session takes the verdict of the first."""
        assert self.verdict(project) == []
        (file,) = files_of(settled)
        before = file.stat().st_mtime_ns

        assert self.verdict(project) == []
        assert files_of(settled) == [file]
        assert file.stat().st_mtime_ns == before

    def test_hidden_edit(self, project: Project, site: Site, settled: Path) -> None:
        """An edit of METADATA that puts its time back is seen."""
        assert self.verdict(project) == []
        path = site.path / "demo-1.0.dist-info" / "METADATA"
        status = path.stat()
        path.write_bytes(path.read_bytes().replace(b"Version: 1.0\n", b"Version: 1.0\nRequires-Dist: gone\n"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        assert self.verdict(project) == [("missing-dependency", "demo")]
        assert len(files_of(settled)) == 2

    def test_added_and_removed(self, project: Project, site: Site, settled: Path) -> None:
        """What was installed since is seen."""
        assert self.verdict(project) == []

        site.add("other", "1.0", ("gone",))

        assert self.verdict(project) == [("missing-dependency", "other")]
        assert settled.is_dir()

    def test_damaged(self, project: Project, settled: Path) -> None:
        """A damaged file is judged anew."""
        assert self.verdict(project) == []
        (file,) = files_of(settled)
        file.write_text("{}")

        assert self.verdict(project) == []

    def test_without_platformdirs(
        self, project: Project, site: Site, settled: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without the library the checks work as well."""
        (site.path / "platformdirs.py").write_text("raise ImportError('is not here')\n")
        monkeypatch.delitem(sys.modules, "platformdirs", raising=False)
        monkeypatch.delenv("PYTEST_ENVREPRO_CACHE")

        assert self.verdict(project) == []
        assert not settled.exists()
