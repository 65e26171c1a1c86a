"""The installed distributions agree with each other, with this Python and with this platform."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from judging import Case
from making import pip_compiled, wheel

from pytest_envrepro.checks.conflicts import ConflictsCheck

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core


def findings(case: Case) -> list[tuple[str | None, ...]]:
    """Give what the check finds, as (code, package, expected, actual, message)."""
    return [(*each[:4], each[5]) for each in case.findings("conflicts")]


class TestRequirements:
    """What a distribution requires is installed."""

    def test_clean(self, tmp_path: Path) -> None:
        """All is there; a marker for another platform and an extra nobody asks for need nothing."""
        case = Case(tmp_path)
        case.install("app", "1", ("lib>=1", "never; sys_platform == 'never'", "dev; extra == 'dev'"), extras=("dev",))
        case.install("lib", "1.0")

        outcome = case.judge("conflicts")

        assert (outcome.status, outcome.findings, outcome.detail) == ("clean", (), "2 distributions")

    def test_conflict(self, tmp_path: Path) -> None:
        """Another version is installed than is asked for."""
        case = Case(tmp_path)
        case.install("awscli", "1", ("docutils<0.16",))
        case.install("docutils", "0.20")

        outcome = case.judge("conflicts")

        assert findings(case) == [
            ("conflict", "awscli", "docutils<0.16", "0.20", "awscli 1 asks for it, docutils 0.20 is installed")
        ]
        assert [finding.fix for finding in outcome.findings] == ["pip install 'docutils<0.16'"]
        assert outcome.status == "broken"

    def test_missing(self, tmp_path: Path) -> None:
        """What is asked for is not installed; all requirements are told, extras in them too."""
        case = Case(tmp_path)
        case.install("app", "1", ("one[x]>=2", "two"))

        assert findings(case) == [
            ("missing-dependency", "app", "one[x]>=2", None, "app 1 asks for it, not installed"),
            ("missing-dependency", "app", "two", None, "app 1 asks for it, not installed"),
        ]

    @pytest.mark.parametrize(
        ("asked", "installed"),
        [
            ("lib>=1", "2.0rc1"),
            ("lib==2.3", "2.3+cpu"),
            ("lib===1.0", "1.0"),
            ("lib @ https://e.org/lib.zip", "0.1"),
            ("Lib", "0.0.dev1"),
            ("lib!=1.0", "1.0.post1"),
        ],
    )
    def test_met(self, tmp_path: Path, asked: str, installed: str) -> None:
        """Pre-releases count; a URL admits any version."""
        case = Case(tmp_path)
        case.install("app", "1", (asked,))
        case.install("lib", installed)

        assert findings(case) == []

    def test_bad_requirement(self, tmp_path: Path) -> None:
        """A requirement that is none is told, and the others of the same distribution too."""
        case = Case(tmp_path)
        case.install("app", "1", ("not a requirement", "two"))

        assert [(code, package, expected) for code, package, expected, *_ in findings(case)] == [
            ("missing-dependency", "app", "two"),
            ("unreadable-metadata", "app", None),
        ]

    def test_bad_requirement_of_an_extra(self, tmp_path: Path) -> None:
        """Also where it stands behind an extra that nobody asks for, as with pip."""
        case = Case(tmp_path)
        case.install("app", "1", ("lib>=1.*; extra == 'dev'", "lib (>=1,<2) ; extra == 'dev'"))

        assert [each[0] for each in findings(case)] == ["unreadable-metadata"]


class TestExtras:
    """Extras that somebody asks for are followed, which `pip check` does not do."""

    def test_of_a_dependency(self, tmp_path: Path) -> None:
        """A distribution asks for an extra of another, and that for one of a third."""
        case = Case(tmp_path)
        case.install("app", "1", ("server[fast]",))
        case.install("server", "1", ("loop[all]>=2; extra == 'fast'",), extras=("fast",))
        case.install("loop", "2", ("last; extra == 'all'",), extras=("all",))

        assert findings(case) == [("missing-dependency", "loop", "last", None, "loop 2 asks for it, not installed")]

    def test_in_a_circle(self, tmp_path: Path) -> None:
        """Distributions that ask for each other's extras end."""
        case = Case(tmp_path)
        case.install("one", "1", ("two[x]", "three; extra == 'x'"), extras=("x",))
        case.install("two", "1", ("one[x]; extra == 'x'",), extras=("x",))

        assert [each[:3] for each in findings(case)] == [("missing-dependency", "one", "three")]

    def test_of_the_lock(self, tmp_path: Path) -> None:
        """A lock or its input asks for an extra."""
        lock = pip_compiled("app==1\n")
        case = Case(tmp_path, {"requirements.in": "app[dev]\n", "requirements.txt": lock})
        case.install("app", "1", ("tool; extra == 'Dev'",), extras=("Dev",))

        assert [each[:3] for each in findings(case)] == [("missing-dependency", "app", "tool")]

    def test_of_one_of_several_locks(self, tmp_path: Path) -> None:
        """Which of several locks is installed is not known: none of them asks, unless the table names it."""
        files = {"a.in": "app[dev]\n", "a.txt": pip_compiled("app[dev]==1\n"), "b.in": "", "b.txt": pip_compiled("")}
        case = Case(tmp_path, files)
        case.install("app", "1", ("tool; extra == 'dev'",), extras=("dev",))

        assert findings(case) == []

        case.write({"envrepro.toml": 'installed = ["a.txt"]\n'})

        assert [each[:3] for each in findings(case)] == [("missing-dependency", "app", "tool")]

    def test_marker(self, tmp_path: Path) -> None:
        """An extra that is asked for on another platform alone is not followed."""
        files = {"requirements.in": "app[dev] ; os_name == 'never'\n", "requirements.txt": pip_compiled("app==1\n")}
        case = Case(tmp_path, files)
        case.install("app", "1", ("tool; extra == 'dev'",), extras=("dev",))

        assert findings(case) == []

    def test_undeclared(self, tmp_path: Path) -> None:
        """An extra that a distribution does not have brings nothing."""
        case = Case(tmp_path)
        case.install("app", "1", ("lib[gone]",))
        case.install("lib", "1")

        assert findings(case) == []


class TestPythonAndPlatform:
    """A distribution is for this Python and this platform."""

    def test_wrong_python(self, tmp_path: Path) -> None:
        """Requires-Python excludes this one, which `pip check` does not look at."""
        case = Case(tmp_path)
        case.run_on("3.11.7")
        case.install("old", "1", python="<3.10")
        case.install("fine", "1", python=">=3.8, !=3.9.*")

        assert findings(case) == [
            ("wrong-python", "old", "<3.10", "3.11.7", "1 supports only Python <3.10, this is 3.11.7")
        ]

    def test_pre_release_of_python(self, tmp_path: Path) -> None:
        """A pre-release of a Python counts as that Python, as it does for pip."""
        case = Case(tmp_path)
        case.run_on("3.15.0a1")
        case.install("new", "1", python=">=3.15")

        assert findings(case) == []

    def test_requires_python_is_none(self, tmp_path: Path) -> None:
        """A Requires-Python that is no specifier."""
        case = Case(tmp_path)
        case.install("old", "1", python="three")

        message = "old-1.dist-info: its Requires-Python 'three' is not valid"
        assert findings(case) == [("unreadable-metadata", "old", None, "old-1.dist-info", message)]

    def test_wrong_platform(self, tmp_path: Path) -> None:
        """The wheel was built for another."""
        case = Case(tmp_path)
        case.install("bin", "1", tags=("cp27-cp27m-win32", "cp27-cp27m-win_amd64"))

        message = "1 was built for cp27-cp27m-win32, cp27-cp27m-win_amd64, not for this one"
        actual = "cp27-cp27m-win32, cp27-cp27m-win_amd64"
        assert findings(case) == [("wrong-platform", "bin", None, actual, message)]

    @pytest.mark.parametrize(
        "tags", [("py3-none-any",), ("py2.py3-none-any",), ("cp27-cp27m-win32", "py3-none-any"), ("py3.py2-none-any",)]
    )
    def test_platform(self, tmp_path: Path, tags: tuple[str, ...]) -> None:
        """One tag that fits is enough."""
        case = Case(tmp_path)
        case.install("bin", "1", tags=tags)

        assert findings(case) == []

    def test_without_wheel(self, tmp_path: Path) -> None:
        """What was not installed from a wheel was built here."""
        case = Case(tmp_path)
        (case.install("bin", "1") / "WHEEL").unlink()

        assert findings(case) == []


class TestDuplicates:
    """A name lies once in a folder."""

    def test_twice(self, tmp_path: Path) -> None:
        """Two metadata folders of one name."""
        case = Case(tmp_path)
        case.install("lib", "1")
        case.install("Lib", "2")

        labels = "Lib-2.dist-info and lib-1.dist-info"
        outcome = case.judge("conflicts")
        assert findings(case) == [
            (
                "duplicate",
                "lib",
                None,
                labels,
                f"installed twice in one folder: {labels}",
            )
        ]
        assert outcome.findings[0].fix == "pip uninstall --yes lib && pip uninstall --yes lib && pip install lib"


class TestKey:
    """The verdict is remembered by all that it depends on."""

    @staticmethod
    def key(case: Case) -> str | None:
        """Give the key, with all files long settled."""
        return ConflictsCheck().key(case.facts, "requirements.txt")

    @pytest.fixture
    def case(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
        """Give an environment that was installed an hour ago."""
        case = Case(tmp_path, {"requirements.in": "app\n", "requirements.txt": pip_compiled("app==1\n")})
        case.install("app", "1")
        later = time.time() + 3600
        monkeypatch.setattr("pytest_envrepro.envs.inventory.time.time", lambda: later)
        return case

    def test_same(self, case: Case) -> None:
        """Nothing changed."""
        key = self.key(case)

        assert key is not None
        assert self.key(case) == key

    def test_just_changed(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was written a moment ago could be written again within the clock's tick: not remembered."""
        monkeypatch.undo()

        assert self.key(case) is None

    def test_edit_that_hides_its_time(self, case: Case) -> None:
        """An edit in place that puts size and time back is seen."""
        key = self.key(case)
        path = case.site / "app-1.dist-info" / "METADATA"
        status = path.stat()
        text = path.read_bytes()
        path.write_bytes(text.replace(b"Name: app", b"Name: bpp"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        assert path.stat().st_size == status.st_size
        assert path.stat().st_mtime_ns == status.st_mtime_ns
        assert self.key(case) != key

    def test_every_part(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each thing that a verdict depends on changes the key."""
        keys = [self.key(case)]
        (case.site / "app-1.dist-info" / "WHEEL").write_text("Tag: cp27-cp27m-win32\n")
        keys.append(self.key(case))
        case.install("lib", "1")
        keys.append(self.key(case))
        (case.site / "~ib-1.dist-info").mkdir()
        keys.append(self.key(case))
        case.install("Lib", "2")
        keys.append(self.key(case))
        (case.site / "Lib-2.dist-info" / "METADATA").unlink()
        keys.append(self.key(case))
        case.write({"requirements.in": "app[dev]\n"})
        keys.append(self.key(case))
        case.run_on("3.99.0")
        keys.append(self.key(case))
        monkeypatch.setattr("pytest_envrepro.checks.conflicts._PACKAGING", "1.0")
        keys.append(self.key(case))

        assert None not in keys
        assert len(set(keys)) == len(keys)

    def test_egg_info(self, case: Case) -> None:
        """What the standard library reads is not remembered."""
        (case.site / "old.egg-info").write_text("Metadata-Version: 1.0\nName: old\nVersion: 1\n")

        assert self.key(case) is None


def test_real_pip_check(tmp_path: Path) -> None:
    """In a real virtualenv we report what the command `pip check` reports, and no more."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python")]
    wheels = tmp_path / "wheels"
    wheel(wheels, "app", "1.0", ("lib>=2", "gone[x]>1"))
    wheel(wheels, "lib", "1.0")
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", *wheels.iterdir()], check=True)

    said = subprocess.run([*pip, "check"], capture_output=True, text=True, check=False)

    case = Case(tmp_path)
    case.site = next((venv / "lib").glob("python*/site-packages"))
    assert said.returncode == 1
    assert said.stdout.splitlines() == [
        "app 1.0 requires gone, which is not installed.",
        "app 1.0 has requirement lib>=2, but you have lib 1.0.",
    ]
    assert [each[:4] for each in findings(case)] == [
        ("conflict", "app", "lib>=2", "1.0"),
        ("missing-dependency", "app", "gone[x]>1", None),
    ]
