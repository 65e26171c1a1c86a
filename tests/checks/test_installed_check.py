"""This environment is the lock: each code of the check, and the near miss that stays clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from judging import Case
from making import pip_compiled

from pytest_envrepro.checks.installed import InstalledCheck

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core

HASH = "a" * 64


def lock_of(body: str, **files: str) -> dict[str, str]:
    """Give the files of a project with one lock."""
    return {"requirements.txt": pip_compiled(body), **files}


class TestVersions:
    """What is pinned is installed, at that version."""

    def test_not_installed(self, tmp_path: Path) -> None:
        """A pin that is not installed, with the command."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))

        outcome = case.judge("installed")

        assert case.findings("installed") == [
            ("not-installed", "flask", "==3.0", None, "requirements.txt:7", "not installed")
        ]
        assert [finding.fix for finding in outcome.findings] == ["pip install -r requirements.txt"]

    def test_for_another_platform(self, tmp_path: Path) -> None:
        """Markers decide first: a pin for another platform need not be installed."""
        case = Case(tmp_path, lock_of("flask==3.0 ; sys_platform == 'never'\n"))

        outcome = case.judge("installed")

        assert (outcome.status, outcome.detail) == ("clean", "0 pins")

    def test_wrong_version(self, tmp_path: Path) -> None:
        """Another version than the pinned one."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        case.install("Flask", "2.3.1")

        assert case.findings("installed") == [
            ("wrong-version", "flask", "==3.0", "2.3.1", "requirements.txt:7", "2.3.1 is installed")
        ]

    @pytest.mark.parametrize(
        ("pinned", "installed"),
        [
            pytest.param("==2.3", "2.3+cpu", id="a local version"),
            pytest.param("==2.3+cpu", "2.3+cpu", id="the same local version"),
            pytest.param("==1.0+ubuntu.1", "1.0+ubuntu_1", id="a local version, escaped in the folder's name"),
            pytest.param("==1.0", "1.0.0", id="trailing zeros"),
            pytest.param("==3.0rc1", "3.0rc1", id="a pre-release"),
            pytest.param("==1.0.post1", "1.0.post1", id="a post-release"),
            pytest.param("==1!1.0", "1!1.0", id="an epoch"),
            pytest.param("===1.0", "1.0", id="arbitrary equality"),
        ],
    )
    def test_same_version(self, tmp_path: Path, pinned: str, installed: str) -> None:
        """Versions are compared as PEP 440 says."""
        case = Case(tmp_path, lock_of(f"torch{pinned}\n"))
        case.install("torch", installed)

        assert case.findings("installed") == []

    @pytest.mark.parametrize(
        ("pinned", "installed"),
        [
            pytest.param("==2.3+cpu", "2.3", id="without the local version"),
            pytest.param("==2.3+cpu", "2.3+cu121", id="another local version"),
            pytest.param("===1.0", "1.0.0", id="arbitrary equality is of text"),
            pytest.param("==3.0", "3.0rc1", id="a pre-release of it"),
        ],
    )
    def test_other_version(self, tmp_path: Path, pinned: str, installed: str) -> None:
        """And these are others."""
        case = Case(tmp_path, lock_of(f"torch{pinned}\n"))
        case.install("torch", installed)

        assert [finding[0] for finding in case.findings("installed")] == ["wrong-version"]

    def test_version_is_not_valid(self, tmp_path: Path) -> None:
        """A version that is none is never the pinned one."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        case.install("flask", "3.0_final.x")

        assert [finding[:4] for finding in case.findings("installed")] == [
            ("wrong-version", "flask", "==3.0", "3.0_final.x")
        ]

    def test_metadata_is_believed(self, tmp_path: Path) -> None:
        """The version stands in METADATA; the folder's name only repeats it."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        folder = case.install("flask", "3.0")
        text = (folder / "METADATA").read_text().replace("Version: 3.0", "Version: 2.0")
        (folder / "METADATA").write_text(text)

        assert [finding[:4] for finding in case.findings("installed")] == [("wrong-version", "flask", "==3.0", "2.0")]


class TestSource:
    """What is installed comes from where the pin says (PEP 610)."""

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param({"url": "file:///src/flask", "dir_info": {"editable": True}}, id="editable"),
            pytest.param({"url": "file:///src/flask", "dir_info": {}}, id="folder"),
            pytest.param({"url": "https://e.org/f", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}}, id="vcs"),
            pytest.param({"url": "https://e.org/flask-3.0.zip", "archive_info": {}}, id="url"),
        ],
    )
    def test_not_from_an_index(self, tmp_path: Path, source: dict[str, Any]) -> None:
        """A version alone does not make a checkout the release."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        case.install("flask", "3.0", direct_url=source)

        assert [finding[:3] for finding in case.findings("installed")] == [("wrong-source", "flask", "==3.0")]

    def test_message(self, tmp_path: Path) -> None:
        """The place is told, without a credential, and the command that mends it."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        source = {"url": "https://joe:secret@e.org/f", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}}
        case.install("flask", "3.0", direct_url=source)

        outcome = case.judge("installed")

        place = f"git+https://e.org/f@{'c' * 40}"
        assert [(finding.actual, finding.message, finding.fix) for finding in outcome.findings] == [
            (place, f"installed from {place}", "pip install --force-reinstall --no-deps 'flask==3.0'")
        ]

    def test_local_wheel(self, tmp_path: Path) -> None:
        """`pip install wheels/*.whl`, as images are built, installs the release."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        case.install(
            "flask", "3.0", direct_url={"url": "file:///wheels/flask-3.0-py3-none-any.whl", "archive_info": {}}
        )

        assert case.findings("installed") == []

    @pytest.mark.parametrize(("digit", "codes"), [("a", []), ("b", ["wrong-source"])])
    def test_hash_of_an_archive(self, tmp_path: Path, digit: str, codes: list[str]) -> None:
        """Where both hashes are known they decide."""
        case = Case(tmp_path, lock_of(f"flask==3.0 \\\n    --hash=sha256:{HASH}\n"))
        info = {"hashes": {"sha256": digit * 64}, "hash": f"sha256={digit * 64}"}
        case.install("flask", "3.0", direct_url={"url": "file:///wheels/flask-3.0.whl", "archive_info": info})

        assert [finding[0] for finding in case.findings("installed")] == codes

    def test_conda(self, tmp_path: Path) -> None:
        """Conda's packages tell the folder in which they were built: that is no source."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        source = {"url": "file:///home/conda/feedstock_root/flask", "dir_info": {}}
        case.install("flask", "3.0", direct_url=source, installer="conda")

        assert case.findings("installed") == []

    @pytest.mark.parametrize(
        ("pinned", "source"),
        [
            pytest.param(
                f"demo @ git+https://e.org/demo.git@{'c' * 40}",
                {"url": "https://e.org/demo", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}},
                id="commit",
            ),
            pytest.param(
                "demo @ git+ssh://git@e.org/demo@v1",
                {
                    "url": "ssh://git@e.org/demo",
                    "vcs_info": {"vcs": "git", "commit_id": "c" * 40, "requested_revision": "v1"},
                },
                id="tag",
            ),
            pytest.param(
                f"-e git+https://e.org/demo.git@{'c' * 40}#egg=demo",
                {"url": "file:///venv/src/demo", "dir_info": {"editable": True}},
                id="editable checkout: pip records its folder alone",
            ),
            pytest.param(
                f"demo @ https://e.org/demo.zip#sha256={HASH}",
                {"url": "https://e.org/demo.zip", "archive_info": {"hashes": {"sha256": HASH}}},
                id="archive",
            ),
            pytest.param(
                "demo @ https://${TOKEN}@e.org/demo.zip",
                {"url": "https://e.org/demo.zip", "archive_info": {}},
                id="a credential",
            ),
            pytest.param(
                "demo @ file:///build/lib", {"url": "file:///build/lib", "dir_info": {}}, id="absolute folder"
            ),
        ],
    )
    def test_from_the_pinned_place(self, tmp_path: Path, pinned: str, source: dict[str, Any]) -> None:
        """A URL, a checkout, an archive or a folder that is the pinned one."""
        case = Case(tmp_path, lock_of(f"{pinned}\n"))
        case.install("demo", "1", direct_url=source)

        assert case.findings("installed") == []

    @pytest.mark.parametrize(
        ("pinned", "source"),
        [
            pytest.param(
                f"demo @ git+https://e.org/demo.git@{'c' * 40}",
                {"url": "https://e.org/demo", "vcs_info": {"vcs": "git", "commit_id": "d" * 40}},
                id="another commit",
            ),
            pytest.param(
                "demo @ git+https://e.org/demo@v1",
                {
                    "url": "https://e.org/demo",
                    "vcs_info": {"vcs": "git", "commit_id": "c" * 40, "requested_revision": "v2"},
                },
                id="another tag",
            ),
            pytest.param(
                f"demo @ https://e.org/demo.zip#sha256={HASH}",
                {"url": "https://e.org/demo.zip", "archive_info": {"hashes": {"sha256": "b" * 64}}},
                id="another archive",
            ),
            pytest.param("demo @ https://e.org/demo.zip", None, id="an index"),
            pytest.param("-e ./demo#egg=demo", {"url": "file:///elsewhere", "dir_info": {}}, id="another folder"),
            pytest.param(
                "-e ../demo#egg=demo", {"url": "file:///elsewhere", "dir_info": {"editable": True}}, id="a folder above"
            ),
        ],
    )
    def test_from_another_place(self, tmp_path: Path, pinned: str, source: dict[str, Any] | None) -> None:
        """And these are others."""
        case = Case(tmp_path, lock_of(f"{pinned}\n"))
        case.install("demo", "1", direct_url=source)

        assert [finding[0] for finding in case.findings("installed")] == ["wrong-source"]

    def test_editable_of_this_project(self, tmp_path: Path) -> None:
        """A relative path is found from the root; another project's folder of the same depth is another."""
        case = Case(tmp_path, lock_of("-e ./lib\n"))
        source = {"url": (case.root / "lib").as_uri(), "dir_info": {"editable": True}}
        case.install("lib", "1", direct_url=source)

        assert case.findings("installed") == []

    def test_editable_and_not(self, tmp_path: Path) -> None:
        """`pip install ./lib` is not what `-e ./lib` pins: later edits do not reach it."""
        case = Case(tmp_path, lock_of("-e ./lib#egg=lib\n"))
        case.install("lib", "1", direct_url={"url": (case.root / "lib").as_uri(), "dir_info": {}})

        outcome = case.judge("installed")
        assert [(finding.code, finding.message, finding.fix) for finding in outcome.findings] == [
            (
                "wrong-source",
                f"installed from {(case.root / 'lib').as_uri()} (not editable)",
                "pip install --force-reinstall --no-deps -e './lib#egg=lib'",
            )
        ]

    def test_project_itself(self, tmp_path: Path) -> None:
        """`-e .` is the project, whatever its folder is called."""
        case = Case(tmp_path, lock_of("-e .\n", **{"pyproject.toml": '[project]\nname = "demo"\n'}))
        case.install("demo", "1", direct_url={"url": case.root.as_uri(), "dir_info": {"editable": True}})

        assert case.findings("installed") == []

    def test_folder_above_is_not_the_project(self, tmp_path: Path) -> None:
        """`-e ../other` is not taken for the project itself."""
        case = Case(tmp_path, lock_of("-e ../other\n", **{"pyproject.toml": '[project]\nname = "demo"\n'}))
        case.install("demo", "1", direct_url={"url": case.root.as_uri(), "dir_info": {"editable": True}})

        assert [finding[:3] for finding in case.findings("installed")] == [("not-installed", None, "../other")]

    def test_url_that_is_none(self, tmp_path: Path) -> None:
        """An address that cannot be parsed is another place, and no traceback."""
        case = Case(tmp_path, lock_of("demo @ https://[x/demo.zip\n"))
        case.install("demo", "1", direct_url={"url": "https://e.org/demo.zip", "archive_info": {}})

        assert {finding[0] for finding in case.findings("installed")} <= {"wrong-source"}


class TestExtraneous:
    """What is installed is in the lock; where it is not, that is a warning."""

    def test_extraneous(self, tmp_path: Path) -> None:
        """A distribution that is in no lock is a warning."""
        case = Case(tmp_path, lock_of("flask==3.0\n"))
        case.install("flask", "3.0")
        case.install("left-pad", "1.0")

        outcome = case.judge("installed")

        assert case.findings("installed") == [
            ("extraneous", "left-pad", None, "1.0", "requirements.txt", "not in requirements.txt")
        ]
        assert (outcome.status, outcome.findings[0].severity) == ("clean", "warn")

    def test_never(self, tmp_path: Path) -> None:
        """pytest, this plugin, what only they need, pip, setuptools, wheel and the project itself are expected."""
        case = Case(tmp_path, lock_of("", **{"pyproject.toml": '[project]\nname = "Demo.App"\n'}))
        case.install("pytest", "9", ("pluggy", "never; sys_platform == 'never'"))
        case.install("pytest-envrepro", "1", ("packaging", "uv>=0.5; extra == 'uv'"))
        for name in ("pluggy", "packaging", "uv", "pip", "setuptools", "wheel", "demo-app"):
            case.install(name, "1")
        case.install("never", "1")

        assert [finding[1] for finding in case.findings("installed")] == ["never"]

    def test_workspace(self, tmp_path: Path) -> None:
        """A folder of the project that is installed is the project's own."""
        case = Case(tmp_path, lock_of(""))
        source = {"url": (case.root / "packages" / "one").as_uri(), "dir_info": {"editable": True}}
        case.install("one", "1", direct_url=source)

        assert case.findings("installed") == []

    def test_pytest_in_broken_metadata(self, tmp_path: Path) -> None:
        """What pytest needs is followed as far as its metadata can be read."""
        case = Case(tmp_path, lock_of(""))
        case.install("pytest", "9", ("not a requirement", "pluggy"))
        case.install("pluggy", "1")

        assert case.findings("installed") == []


class TestDuplicates:
    """A pinned name that lies twice in one folder."""

    def test_pinned(self, tmp_path: Path) -> None:
        """It is told at the pin."""
        case = Case(tmp_path, lock_of("flask==2.0\n"))
        case.install("flask", "2.0")
        case.install("Flask", "3.0")

        labels = "Flask-3.0.dist-info and flask-2.0.dist-info"
        message = f"installed twice in one folder: {labels}"
        assert ("duplicate", "flask", None, labels, "requirements.txt:7", message) in case.findings("installed")

    def test_not_pinned(self, tmp_path: Path) -> None:
        """Of others the check of conflicts tells."""
        case = Case(tmp_path, lock_of("flask==2.0\n"))
        case.install("flask", "2.0")
        case.install("pip", "2.0")
        case.install("pip", "3.0")

        assert case.findings("installed") == []


class TestSeveralLocks:
    """Which lock an environment is installed from, the table says; or not."""

    LOCKS = {  # noqa: RUF012  # Is only read.
        "one.in": "",
        "one.txt": pip_compiled("flask==3.0\n"),
        "two.in": "",
        "two.txt": pip_compiled("flask==2.0\nclick==8\n"),
    }
    SEVERAL = (
        "several locks, and the table does not say which is installed: what is missing or extraneous is not judged"
    )

    def test_agrees_with_one(self, tmp_path: Path) -> None:
        """Without the table a package must agree with one of the locks that pin it; the report says what is left out."""
        case = Case(tmp_path, self.LOCKS)
        case.install("flask", "2.0")
        case.install("left-pad", "1.0")

        one, two = case.judge("installed", "one.txt"), case.judge("installed", "two.txt")

        assert (one.status, one.findings, one.reason, one.detail) == ("clean", (), self.SEVERAL, "1 pin")
        assert (two.status, two.findings, two.reason) == ("clean", (), self.SEVERAL)
        assert two.detail == "2 pins, 1 not installed"

    def test_agrees_with_none(self, tmp_path: Path) -> None:
        """A version that no lock pins is told with each."""
        case = Case(tmp_path, self.LOCKS)
        case.install("flask", "1.0")

        assert [finding[:4] for finding in case.findings("installed", "one.txt")] == [
            ("wrong-version", "flask", "==3.0", "1.0")
        ]

    def test_one_is_named(self, tmp_path: Path) -> None:
        """The named lock is judged in full, and no other."""
        case = Case(tmp_path, {**self.LOCKS, "envrepro.toml": 'installed = ["two.txt"]\n'})
        case.install("flask", "2.0")
        case.install("left-pad", "1.0")

        assert [finding[:2] for finding in case.findings("installed", "two.txt")] == [
            ("extraneous", "left-pad"),
            ("not-installed", "click"),
        ]
        assert InstalledCheck().subjects(case.facts) == ("two.txt",)

    def test_two_are_named(self, tmp_path: Path) -> None:
        """Both have to be there; what is in neither is told once, with the first."""
        files = {
            **self.LOCKS,
            "two.txt": pip_compiled("click==8\n"),
            "envrepro.toml": 'installed = ["two.txt", "one.txt"]\n',
        }
        case = Case(tmp_path, files)
        case.install("click", "8")
        case.install("left-pad", "1.0")

        message = "not in two.txt or one.txt"
        assert case.findings("installed", "two.txt") == [("extraneous", "left-pad", None, "1.0", "two.txt", message)]
        assert [finding[:2] for finding in case.findings("installed", "one.txt")] == [("not-installed", "flask")]

    def test_two_that_contradict(self, tmp_path: Path) -> None:
        """An environment cannot be both."""
        case = Case(tmp_path, {**self.LOCKS, "envrepro.toml": 'installed = ["one.txt", "two.txt"]\n'})
        case.install("flask", "3.0")
        case.install("click", "8")

        assert case.findings("installed", "one.txt") == []
        assert [finding[:2] for finding in case.findings("installed", "two.txt")] == [("wrong-version", "flask")]


class TestUnchecked:
    """What cannot be compared is unchecked, with the reason."""

    def test_another_platform(self, tmp_path: Path) -> None:
        """A lock for another platform says nothing of this environment."""
        header = "# This file was autogenerated by uv via the following command:\n"
        command = "#    uv pip compile --python-platform windows -o requirements.txt requirements.in\n"
        case = Case(tmp_path, {"requirements.in": "flask\n", "requirements.txt": f"{header}{command}flask==3\n"})
        case.run_on("3.11.7", sys_platform="linux", os_name="posix", platform_system="Linux")

        outcome = case.judge("installed")

        assert (outcome.status, outcome.reason) == ("unchecked", "requirements.txt was compiled for windows")

    def test_lock_that_cannot_be_read(self, tmp_path: Path) -> None:
        """Of a lock that cannot be read in full, pins may be missing."""
        outcome = Case(tmp_path, lock_of("<<<<<<< ours\nflask==3\n")).judge("installed")

        assert (outcome.status, outcome.reason) == (
            "unchecked",
            "requirements.txt cannot be read in full: see its lock check",
        )

    def test_format_that_cannot_be_read(self, tmp_path: Path) -> None:
        """A lock of a schema that is not known is unchecked, and never clean."""
        outcome = Case(tmp_path, {"uv.lock": "version = 99\n"}).judge("installed", "uv.lock")

        assert outcome.status == "unchecked"
