"""`poetry.lock` as Poetry 1.1, 1.8 and 2.5 write it: found clean, and after each change found what it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from judging import Case
from locks.documents import Documents, changed, line_of, pin_of, without
from locks.poetry_goldens import (
    LOCK,
    LOCK_1_1,
    LOCK_2_0,
    OLD_PROJECT,
    PROJECT,
    STANDARD_LOCK,
    STANDARD_PROJECT,
)
from locks.reading import faults, tree

from pytest_envrepro.locks.base import Declaration
from pytest_envrepro.locks.poetry import parse
from pytest_envrepro.locks.poetry_stamp import content_hashes
from pytest_envrepro.provenance import Recipe
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core

GOLDEN = {
    "1.1": (OLD_PROJECT, LOCK_1_1),
    "2.0": (OLD_PROJECT, LOCK_2_0),
    "2.1": (PROJECT, LOCK),
    "standard": (STANDARD_PROJECT, STANDARD_LOCK),
}
POETRY = Documents(path="poetry.lock", lock=LOCK, project=PROJECT, parse=parse)
STALE, HOLDS = POETRY.stale, POETRY.holds
case_of, read, start_of = POETRY.case_of, POETRY.read, POETRY.start_of
judged, codes, stamp = POETRY.judged, POETRY.codes, POETRY.stamp


class TestUnchanged:
    """A lock that its tool has just written."""

    @pytest.mark.parametrize("golden", GOLDEN)
    @pytest.mark.parametrize("platform", ["linux", "win32"])
    @pytest.mark.parametrize("python", ["3.9.2", "3.12.1"])
    def test_clean(self, tmp_path: Path, golden: str, python: str, platform: str) -> None:
        """Nothing is wrong with it, on no platform and with no Python."""
        case = case_of(tmp_path, *GOLDEN[golden], python=python, sys_platform=platform)

        outcome = case.judge("lock", "poetry.lock")

        assert (outcome.status, outcome.findings, outcome.reason) == ("clean", (), None)

    def test_told(self, tmp_path: Path) -> None:
        """Nothing is installed here that proves it, and its own lists are told of."""
        outcome = case_of(tmp_path).judge("lock", "poetry.lock")

        assert outcome.detail == "0 of 16 pins proven, 13 by its own lists alone, 3 for other environments"

    def test_lock(self) -> None:
        """What it says of itself."""
        lock = read()

        assert (lock.tool, lock.fix, lock.install) == ("poetry", "poetry lock", "poetry sync")
        assert (lock.inputs, lock.rests_on) == (("pyproject.toml",), frozenset({"pyproject.toml"}))
        assert (lock.target.python, lock.target.universal) == ("3.9", True)
        assert lock.target.line == line_of(LOCK, 'python-versions = "^3.9"')
        assert (lock.parts, lock.usual) == (frozenset({"dev", "docs", "[pg]"}), frozenset({"dev"}))
        assert lock.recipe == Recipe("poetry", ("poetry", "lock"))
        assert lock.excluded == {"shop"}

    def test_in_a_folder(self) -> None:
        """A lock below the root is mended where it lies."""
        files = {"api/pyproject.toml": PROJECT, "api/poetry.lock": LOCK}
        lock = parse("api/poetry.lock", tree(files), None)

        assert (lock.fix, lock.install) == ("cd api && poetry lock", "cd api && poetry sync")
        assert lock.inputs == ("api/pyproject.toml",)

    def test_pin(self) -> None:
        """A pin has its version, its line, its hashes, and what it needs as metadata would write it."""
        pin = pin_of(read(), "flask")

        assert (str(pin.version), pin.requirement.written, pin.line) == (
            "3.1",
            "==3.1",
            start_of("flask"),
        )
        assert pin.hashes == ("sha256:77dc5f01394f4f62",)
        assert pin.requires == (
            'asgiref>=3 ; extra == "async"',
            "click>=8",
            'colorama>=0.4 ; sys_platform == "win32"',
            "jinja2>=3.1,!=3.1.1",
            'tomli>=2 ; python_version < "3.11" and extra == "async"',
            "werkzeug>=3",
        )

    def test_gap_in_what_is_needed(self) -> None:
        """Poetry 1.1 writes what is left out as two ranges."""
        assert 'jinja2 = ">=3.1,<3.1.1 || >3.1.1"' in LOCK_1_1
        assert "jinja2>=3.1,!=3.1.1" in (pin_of(read(OLD_PROJECT, LOCK_1_1), "flask").requires or ())

    def test_files_of_two_versions(self) -> None:
        """The schema 1.1 lists the files of a name together: each pin has its own."""
        lock = read(OLD_PROJECT, LOCK_1_1)

        assert {str(pin.version): pin.hashes for pin in lock.pins if pin.name == "numpy"} == {
            "1.26": ("sha256:e5a92612cd508592",),
            "2.1": ("sha256:2f4ac16ee062165b",),
        }

    def test_editable(self) -> None:
        """A folder that is locked with `develop` is to be installed so."""
        pin = pin_of(read(STANDARD_PROJECT, STANDARD_LOCK), "lib")

        assert (pin.version, pin.requirement.url, pin.editable) == (None, "../lib", True)

    def test_markers_of_groups(self) -> None:
        """Where each group has a marker of its own, the pin is for what any of them is for."""
        lock = read(
            PROJECT,
            changed(LOCK, r'{main = "extra == \"pg\""}', r'{main = "os_name == \"a\"", dev = "os_name == \"b\""}'),
        )

        pin = pin_of(lock, "psycopg")

        assert pin.requirement.marker == '(os_name == "a") or (os_name == "b")'
        assert pin.markers == (("", 'os_name == "a"'), ("dev", 'os_name == "b"'))

    def test_roots(self) -> None:
        """Each requirement stands at its own line, once for each part that asks for it."""
        lines = PROJECT.splitlines()
        found = [(root.part, str(root.requirement), root.requirement.marker, root.line) for root in read().roots]

        assert found == [
            ("", "flask[async]^3.0", None, lines.index('flask = { version = "^3.0", extras = ["async"] }') + 1),
            ("", "numpy<2", 'python_version < "3.11"', lines.index('    { version = "<2", python = "<3.11" },') + 1),
            (
                "",
                "numpy~2.1",
                'python_version >= "3.11"',
                lines.index('    { version = "~2.1", python = ">=3.11" },') + 1,
            ),
            ("[pg]", "psycopg", None, lines.index('psycopg = { version = "*", optional = true }') + 1),
            ("dev", "pytest>=7 <9".replace(" ", ""), None, lines.index('pytest = ">=7 <9"') + 1),
            ("dev", "psycopg", None, lines.index('psycopg = "*"') + 1),
            ("docs", "sphinx", None, lines.index('sphinx = "*"') + 1),
        ]

    def test_roots_of_both_tables(self) -> None:
        """The standard's requirements, each with what Poetry's table says besides; groups with what they include."""
        found = [
            (root.part, str(root.requirement), root.requirement.url, root.editable)
            for root in read(STANDARD_PROJECT, STANDARD_LOCK).roots
        ]

        assert found == [
            ("", "jinja2>=3.1", None, False),
            ("", "lib", None, False),
            ("", "lib @ ../lib", "../lib", True),
            ("", "colorama>=0.4", None, False),
            ("[pg]", "psycopg[c]>=3", None, False),
            ("[cpu]", "numpy==1.26", None, False),
            ("[cpu]", "numpy1.26", None, False),
            ("[cpu]", "numpy2.1", None, False),
            ("[gpu]", "numpy==2.1", None, False),
            ("[gpu]", "numpy1.26", None, False),
            ("[gpu]", "numpy2.1", None, False),
            ("test", "pytest>=7", None, False),
            ("test", "coverage", None, False),
            ("cov", "coverage", None, False),
            ("docs", "docutils<1||>=2,<3", None, False),
            ("docs", "psycopg", None, False),
            ("docs", "coverage", None, False),
        ]


class TestInputs:
    """What people change in `pyproject.toml`."""

    def test_added(self, tmp_path: Path) -> None:
        """A requirement that is not locked."""
        project = changed(PROJECT, 'python = "^3.9"\n', 'python = "^3.9"\nrequests = ">=2.3, <3"\n')
        case = case_of(tmp_path, project)

        assert judged(case) == [
            ("missing-direct", "requests", ">=2.3,<3", None, "pyproject.toml:9", "not pinned in poetry.lock")
        ]
        assert stamp(case) == STALE
        assert {finding.fix for finding in case.judge("lock", "poetry.lock").findings} == {"poetry lock"}

    def test_added_to_a_group(self, tmp_path: Path) -> None:
        """An optional group's requirements are locked too."""
        case = case_of(tmp_path, changed(PROJECT, 'sphinx = "*"', 'sphinx = "*"\nfuro = "*"'))

        assert codes(case) == [("stale-stamp", "content-hash"), ("missing-direct", "furo")]

    def test_removed(self, tmp_path: Path) -> None:
        """What only the removed requirement needed is there for nothing."""
        case = case_of(tmp_path, changed(PROJECT, 'sphinx = "*"\n', ""))

        assert judged(case) == [
            (
                "orphan",
                "docutils",
                None,
                "0.21",
                f"poetry.lock:{start_of('docutils')}",
                "only sphinx needs it, which nothing needs",
            ),
            (
                "orphan",
                "sphinx",
                None,
                "7.0",
                f"poetry.lock:{start_of('sphinx')}",
                "nothing needs it",
            ),
        ]
        assert stamp(case) == STALE

    @pytest.mark.parametrize(("project", "lock"), [(OLD_PROJECT, LOCK_1_1), (OLD_PROJECT, LOCK_2_0)])
    def test_removed_from_an_old_one(self, tmp_path: Path, project: str, lock: str) -> None:
        """Where no pin has a marker, what is for another platform alone is no orphan."""
        case = case_of(tmp_path, changed(project, 'jinja2 = "^3.1"\n', ""), lock)

        assert codes(case) == [("stale-stamp", "content-hash")]

        case.write({"pyproject.toml": changed(project, 'pytest = ">=7 <9"\n', "")})

        assert [found[:2] for found in judged(case)] == [("orphan", "pluggy"), ("orphan", "pytest")]

    def test_tightened(self, tmp_path: Path) -> None:
        """A requirement that the pin does not satisfy any more is told in the words of the project."""
        case = case_of(tmp_path, changed(PROJECT, 'version = "^3.0"', 'version = "^3.2"'))

        line = start_of("flask")
        assert judged(case) == [
            ("violated-direct", "flask", "^3.2", "3.1", "pyproject.toml:9", f"poetry.lock:{line} pins 3.1")
        ]

    @pytest.mark.parametrize("golden", ["1.1", "2.0", "2.1"])
    def test_tightened_for_one_python(self, tmp_path: Path, golden: str) -> None:
        """Of two pins of a name each is judged by what asks for it."""
        project, lock = GOLDEN[golden]
        case = case_of(tmp_path, changed(project, '"~2.1", python', '"~2.2", python'), lock)

        assert {found[:4] for found in judged(case)} >= {("violated-direct", "numpy", "~2.2", "2.1")}

    @pytest.mark.parametrize("asked", ["^3", "*", ">=2 <4", "^2 || ^3", "3.*"])
    def test_loosened(self, tmp_path: Path, asked: str) -> None:
        """The pins hold; only the stamp is old."""
        case = case_of(tmp_path, changed(PROJECT, 'version = "^3.0"', f'version = "{asked}"'))

        assert judged(case) == []
        assert stamp(case) == HOLDS

    @pytest.mark.parametrize("asked", ["^1 || ^2", "~1.2 || ^4", "3.0.*", "<3.1", "!=3.1", "3.1.1"])
    def test_violated_by_other_words(self, tmp_path: Path, asked: str) -> None:
        """What Poetry would not admit is violated, alternatives included."""
        case = case_of(tmp_path, changed(PROJECT, 'version = "^3.0"', f'version = "{asked}"'))

        assert [found[:2] for found in judged(case)] == [("violated-direct", "flask")]

    def test_reordered(self, tmp_path: Path) -> None:
        """The order of a table does not matter to Poetry; that of the standard's list does, and the pins hold."""
        text = 'psycopg = { version = "*", optional = true }\n'
        first = changed(changed(PROJECT, text, ""), 'python = "^3.9"\n', f'{text}python = "^3.9"\n')

        assert codes(case_of(tmp_path, first)) == []

    def test_reordered_list(self, tmp_path: Path) -> None:
        """The order of the standard's list matters to Poetry: the pins hold."""
        text = '    "jinja2>=3.1",\n'
        last = changed(changed(STANDARD_PROJECT, text, ""), '    "lib",\n', f'    "lib",\n{text}')
        case = case_of(tmp_path, last, STANDARD_LOCK)

        assert (judged(case), stamp(case)) == ([], HOLDS)

    def test_re_spelled(self, tmp_path: Path) -> None:
        """Another spelling asks for the same."""
        case = case_of(tmp_path, changed(STANDARD_PROJECT, '"jinja2>=3.1"', '"Jinja2 >= 3.1"'), STANDARD_LOCK)

        assert (judged(case), stamp(case)) == ([], HOLDS)

    def test_extra_asked_for(self, tmp_path: Path) -> None:
        """An extra that was not locked is missing what it needs, by the list of that extra."""
        case = case_of(tmp_path, changed(PROJECT, 'extras = ["async"]', 'extras = ["async", "watch"]'))

        line = start_of("flask")
        assert judged(case) == [
            ("missing-transitive", "watch", ">=1", None, f"poetry.lock:{line}", "flask 3.1 needs watch>=1")
        ]

    def test_python(self, tmp_path: Path) -> None:
        """Where the Pythons are others now, that is said."""
        case = case_of(tmp_path, changed(PROJECT, 'python = "^3.9"', 'python = "^3.10"'))

        message = "pyproject.toml asks for Python ^3.10, the lock was made for ^3.9"
        assert stamp(case) == f"{message}: the pins still hold, only the stamp is old"

    def test_unreadable(self) -> None:
        """All that Poetry does not read is told, each at its line."""
        project = changed(PROJECT, 'version = "^3.0"', 'version = "^^3"')
        project = changed(project, 'sphinx = "*"', 'sphinx = 7\nfuro = { version = "*", markers = "nonsense" }')
        lock = read(project)

        assert [(fault.code, fault.file, fault.line) for fault in lock.faults] == [
            ("unreadable", "pyproject.toml", 9),
            ("unreadable", "pyproject.toml", 28),
            ("unreadable", "pyproject.toml", 29),
        ]
        assert [fault.message for fault in lock.faults][:2] == [
            "flask: '^^3' is no constraint that Poetry reads",
            "sphinx: 7 is no constraint that Poetry reads",
        ]


class TestLock:
    """What is changed in the lock itself, by hand or by a merge."""

    @pytest.mark.parametrize("golden", ["1.1", "2.0", "2.1"])
    def test_transitive_deleted(self, tmp_path: Path, golden: str) -> None:
        """What still needs it says so, with nothing installed."""
        project, lock = GOLDEN[golden]
        case = case_of(tmp_path, project, without(lock, "markupsafe"))

        found = judged(case)

        assert [each[:4] for each in found] == [("missing-transitive", "markupsafe", each[2], None) for each in found]
        assert {each[-1] for each in found} == {
            "jinja2 3.1.2 needs markupsafe>=2",
            "werkzeug 3.0 needs markupsafe>=2.1",
        }
        assert stamp(case) is None

    def test_transitive_deleted_with_its_edges(self, tmp_path: Path) -> None:
        """Who takes out the lists too is told by what is installed at the pinned version."""
        lock = without(LOCK, "markupsafe").replace('\n[package.dependencies]\nMarkupSafe = ">=2"\n', "")
        lock = lock.replace('\n[package.dependencies]\nMarkupSafe = ">=2.1"\n', "")
        case = case_of(tmp_path, PROJECT, lock)

        assert "MarkupSafe" not in lock
        assert codes(case) == []

        case.install("jinja2", "3.1.2", ("MarkupSafe>=2",))

        line = start_of("jinja2", lock)
        assert judged(case) == [
            ("missing-transitive", "markupsafe", ">=2", None, f"poetry.lock:{line}", "jinja2 3.1.2 needs markupsafe>=2")
        ]

    def test_root_deleted(self, tmp_path: Path) -> None:
        """The wrong side of a merge, with the right stamp."""
        assert codes(case_of(tmp_path, PROJECT, without(LOCK, "psycopg"))) == [
            ("missing-direct", "psycopg"),
            ("missing-direct", "psycopg"),
        ]

    def test_transitive_violated(self, tmp_path: Path) -> None:
        """A pin beyond what its parent admits is told at the pin."""
        lock = changed(LOCK, 'name = "markupsafe"\nversion = "3.0"', 'name = "markupsafe"\nversion = "1.1"')
        lock = changed(lock, "markupsafe-3.0-py3", "markupsafe-1.1-py3")
        case = case_of(tmp_path, PROJECT, lock)

        place = f"poetry.lock:{start_of('markupsafe', lock)}"
        assert judged(case) == [
            ("violated-transitive", "markupsafe", ">=2", "1.1", place, "jinja2 3.1.2 needs markupsafe>=2"),
            ("violated-transitive", "markupsafe", ">=2.1", "1.1", place, "werkzeug 3.0 needs markupsafe>=2.1"),
        ]

    def test_one_of_two_pins(self, tmp_path: Path) -> None:
        """Of two pins of a name, what a package needs means the one that it admits; where it admits none, both are wrong."""
        lock = changed(LOCK_2_0, 'Werkzeug = ">=3"\n', 'Werkzeug = ">=3"\nnumpy = "<2"\n')
        case = case_of(tmp_path, OLD_PROJECT, lock)
        assert codes(case) == []

        case.write({"poetry.lock": lock.replace('numpy = "<2"', 'numpy = ">=3"')})

        assert codes(case) == [("violated-transitive", "numpy"), ("violated-transitive", "numpy")]

    def test_pin_edited(self, tmp_path: Path) -> None:
        """A version that was changed by hand has no file among those of the other version."""
        lock = changed(LOCK, 'name = "pytest"\nversion = "8.0"', 'name = "pytest"\nversion = "8.1"')
        case = case_of(tmp_path, PROJECT, lock)

        message = "no hash, though other pins have one: what is installed may be any file"
        assert judged(case) == [
            ("partial-hashes", "pytest", None, "8.1", f"poetry.lock:{start_of('pytest', lock)}", message)
        ]

    @pytest.mark.parametrize(
        ("version", "file"),
        [
            ("2023.3.7", "demo-2023.03.07.tar.gz"),
            ("1.0+cpu", "demo-1.0_cpu-cp311-cp311-linux_x86_64.whl"),
            ("1.0rc1", "demo-1.0-rc1.zip"),
            ("1.0", "a file with no version"),
        ],
    )
    def test_names_of_files(self, version: str, file: str) -> None:
        """A version is not always written in the one way, and a name that tells none proves nothing."""
        lock = changed(LOCK, "pytest-8.0-py3-none-any.whl", file)
        lock = changed(lock, 'name = "pytest"\nversion = "8.0"', f'name = "pytest"\nversion = "{version}"')

        assert pin_of(read(PROJECT, lock), "pytest").hashes == ("sha256:1c67244e27c91615",)

    @pytest.mark.parametrize("golden", ["1.1", "2.0", "2.1"])
    def test_hash_removed(self, tmp_path: Path, golden: str) -> None:
        """One pin without a hash among others."""
        project, lock = GOLDEN[golden]
        lock = re.sub(r'\n    \{file = "click-.*\},', "", lock)

        assert [found[:4] for found in judged(case_of(tmp_path, project, lock))] == [
            ("partial-hashes", "click", None, "8.1")
        ]

    def test_stamp_edited(self, tmp_path: Path) -> None:
        """The stamp of the other side of a merge."""
        lock = re.sub('content-hash = ".*"', f'content-hash = "{"0" * 64}"', LOCK)
        case = case_of(tmp_path, PROJECT, lock)

        assert case.findings("lock", "poetry.lock") == [
            ("stale-stamp", "content-hash", None, None, f"poetry.lock:{line_of(lock, 'content-hash')}", HOLDS)
        ]

    def test_merge_conflict(self, tmp_path: Path) -> None:
        """Markers of a merge that is not finished."""
        lock = changed(LOCK, 'content-hash = "', '<<<<<<< ours\ncontent-hash = "') + "=======\n>>>>>>> theirs\n"

        assert [(found[0], found[4]) for found in judged(case_of(tmp_path, PROJECT, lock))] == [
            ("merge-conflict", f"poetry.lock:{line_of(lock, '<<<<<<<')}")
        ]

    @pytest.mark.parametrize("project", [PROJECT, STANDARD_PROJECT])
    def test_other_python(self, tmp_path: Path, project: str) -> None:
        """A Python that the project is not for is told by the check of Python, by either table."""
        case = case_of(tmp_path, project, python="3.8.10")

        found = [finding for finding in case.findings("python", "pyproject.toml") if finding[4] != "poetry.lock"]

        assert [each[0] for each in found if each[4] and each[4].startswith("pyproject.toml")] == ["python-mismatch"]

    def test_other_platform(self, tmp_path: Path) -> None:
        """What is pinned for another platform is not missing on this one, and on that one it has to be there."""
        lock = without(LOCK, "colorama")

        (tmp_path / "here").mkdir()
        (tmp_path / "there").mkdir()
        assert codes(case_of(tmp_path / "here", PROJECT, lock)) == []
        assert [found[1] for found in judged(case_of(tmp_path / "there", PROJECT, lock, sys_platform="win32"))] == [
            "colorama",
            "colorama",
        ]

    def test_plugin_of_the_project(self, tmp_path: Path) -> None:
        """As poetry's own: a plugin that is locked needs the project, which no lock of its own pins."""
        lock = changed(LOCK, 'Werkzeug = ">=3"\n', 'Werkzeug = ">=3"\nshop = ">=0.1"\n')

        assert codes(case_of(tmp_path, PROJECT, lock)) == []

    def test_conflicting_extras(self, tmp_path: Path) -> None:
        """Two pins for extras that exclude each other are not two for one environment; the same without that are."""
        case = case_of(tmp_path, STANDARD_PROJECT, STANDARD_LOCK)
        assert codes(case) == []

        both = STANDARD_LOCK.replace(r"extra == \"gpu\" and extra != \"cpu\"", r"extra == \"cpu\"")
        case.write({"poetry.lock": both.replace(r"extra == \"cpu\" and extra != \"gpu\"", r"extra == \"cpu\"")})

        assert ("ambiguous-pin", "numpy") in codes(case)

    @pytest.mark.parametrize("url", ["http://localhost:3141/simple", "https://me:secret@index.example/simple"])
    def test_host_leak(self, tmp_path: Path, url: str) -> None:
        """An index of this machine alone, or a credential, once for all packages from there."""
        source = f'\n[package.source]\ntype = "legacy"\nurl = "{url}"\nreference = "ours"\n\n[[package]]'
        first, *rest = LOCK.split("\n[[package]]")
        case = case_of(tmp_path, PROJECT, "\n[[package]]".join([first, rest[0] + source[:-12], *rest[1:]]))

        assert [found[0] for found in judged(case)] == ["host-leak"]
        assert "secret" not in str(judged(case))


class TestInstalled:
    """What of the lock an environment has."""

    ALWAYS = (("flask", "3.1"), ("werkzeug", "3.0"), ("jinja2", "3.1.2"), ("markupsafe", "3.0"), ("click", "8.1"))
    MORE = (("asgiref", "3.7"), ("numpy", "2.1"), ("numlib", "2.0"))
    DEV = (("pytest", "8.0"), ("pluggy", "1.5"), ("psycopg", "3.1"))

    def case(self, folder: Path, installed: tuple[tuple[str, str], ...], table: str = "", golden: str = "2.1") -> Case:
        """Give a project with what is installed, and a table of ours."""
        project, lock = GOLDEN[golden]
        case = case_of(folder, f"{project}\n{table}", lock)
        for name, version in installed:
            case.install(name, version)
        return case

    def missing(self, case: Case) -> list[str | None]:
        """Give the packages that are not installed."""
        found = case.findings("installed", "poetry.lock")
        assert {each[0] for each in found} <= {"not-installed"}
        return [each[1] for each in found]

    def test_usual(self, tmp_path: Path) -> None:
        """`poetry sync` installs the groups that are not optional, no extra, and what is for this Python."""
        assert self.missing(self.case(tmp_path, (*self.ALWAYS, *self.MORE, *self.DEV))) == []

    @pytest.mark.parametrize("golden", ["1.1", "2.0"])
    def test_by_need(self, tmp_path: Path, golden: str) -> None:
        """Of an old lock what is needed is what the project's requirements lead to."""
        dev = self.DEV[:-1]  # There the group does not ask for psycopg, and the extra is not installed.

        assert self.missing(self.case(tmp_path, (*self.ALWAYS, *self.MORE, *dev), golden=golden)) == []

    def test_not_installed(self, tmp_path: Path) -> None:
        """What is missing is told with the command that installs it."""
        case = self.case(tmp_path, (*self.ALWAYS, *self.MORE, *self.DEV[1:]))

        assert self.missing(case) == ["pytest"]
        assert [finding.fix for finding in case.judge("installed", "poetry.lock").findings] == ["poetry sync"]

    def test_main_alone(self, tmp_path: Path) -> None:
        """A pin that a group needs, and an extra, is not there without both."""
        table = '[tool.envrepro]\ninstalled = [{ lock = "poetry.lock", groups = ["main"] }]\n'

        assert self.missing(self.case(tmp_path, (*self.ALWAYS, *self.MORE), table)) == []

    def test_extra(self, tmp_path: Path) -> None:
        """With the extra it is."""
        table = '[tool.envrepro]\ninstalled = [{ lock = "poetry.lock", groups = [], extras = ["pg"] }]\n'

        assert self.missing(self.case(tmp_path, (*self.ALWAYS, *self.MORE), table)) == ["psycopg"]

    def test_optional_group(self, tmp_path: Path) -> None:
        """An optional group that the table names."""
        table = '[tool.envrepro]\ninstalled = [{ lock = "poetry.lock", groups = ["docs"] }]\n'

        assert self.missing(self.case(tmp_path, (*self.ALWAYS, *self.MORE), table)) == ["docutils", "sphinx"]

    @pytest.mark.parametrize(("extra", "version"), [("cpu", "1.26"), ("gpu", "2.1")])
    def test_conflicting_extras(self, tmp_path: Path, extra: str, version: str) -> None:
        """Of two extras that exclude each other, the pin of the one that is installed."""
        table = f'[tool.envrepro]\ninstalled = [{{ lock = "poetry.lock", groups = [], extras = ["{extra}"] }}]\n'
        case = case_of(tmp_path, f"{STANDARD_PROJECT}\n{table}", STANDARD_LOCK)
        for name, pinned in (("jinja2", "3.1.2"), ("markupsafe", "3.0"), ("click", "8.1"), ("numpy", "0.1")):
            case.install(name, pinned)
        case.install("numlib", "2.0")

        assert [found[:4] for found in case.findings("installed", "poetry.lock")] == [
            ("not-installed", "lib", "../lib", None),
            ("wrong-version", "numpy", f"=={version}", "0.1"),
        ]

    def test_the_project_itself(self, tmp_path: Path) -> None:
        """It is not in its own lock, and not extraneous."""
        case = self.case(tmp_path, (*self.ALWAYS, *self.MORE, *self.DEV))
        case.install("shop", "0.1.0")

        assert case.findings("installed", "poetry.lock") == []


class TestSources:
    """What comes from no index."""

    PROJECT = """\
[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
one = { git = "https://example.org/one.git", branch = "main" }
two = { git = "git@example.org:team/two.git", tag = "v2", subdirectory = "lib" }
three = { url = "https://example.org/three-3.0-py3-none-any.whl" }
four = { path = "dist/four-4.0.tar.gz" }
"""
    COMMIT = "c" * 40

    def lock(self) -> str:
        """Give a lock as Poetry writes it."""

        def package(name: str, version: str, source: str) -> str:
            return (
                f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\npython-versions = "*"\n'
                f'groups = ["main"]\nfiles = []\n\n[package.source]\n{source}\n\n'
            )

        return (
            package(
                "one",
                "1.0",
                'type = "git"\nurl = "https://example.org/one.git"\nreference = "main"\n'
                f'resolved_reference = "{self.COMMIT}"',
            )
            + package(
                "two",
                "2.0",
                'type = "git"\nurl = "git@example.org:team/two.git"\nreference = "v2"\n'
                f'resolved_reference = "{self.COMMIT}"\nsubdirectory = "lib"',
            )
            + package("three", "3.0", 'type = "url"\nurl = "https://example.org/three-3.0-py3-none-any.whl"')
            + package("four", "4.0", 'type = "file"\nurl = "dist/four-4.0.tar.gz"')
            + f'[metadata]\nlock-version = "2.1"\npython-versions = "*"\ncontent-hash = "{self.stamp(self.PROJECT)}"\n'
        )

    def stamp(self, project: str) -> str:
        """Give the hash of a project."""
        return content_hashes(load_toml("pyproject.toml", project))[0]

    def test_urls(self) -> None:
        """Each is written as pip would, a checkout with its commit."""
        lock = read(self.PROJECT, self.lock())

        assert [(pin.name, pin.version, pin.requirement.url) for pin in lock.pins] == [
            ("one", None, f"git+https://example.org/one.git@{self.COMMIT}"),
            ("two", None, f"git+ssh://git@example.org/team/two.git@{self.COMMIT}#subdirectory=lib"),
            ("three", None, "https://example.org/three-3.0-py3-none-any.whl"),
            ("four", None, "dist/four-4.0.tar.gz"),
        ]

    def test_clean(self, tmp_path: Path) -> None:
        """A commit may stand for a branch or a tag."""
        assert codes(case_of(tmp_path, self.PROJECT, self.lock())) == []

    def test_roots(self) -> None:
        """What the project asks for is written in the same way, with its branch or tag."""
        assert [root.requirement.url for root in read(self.PROJECT, self.lock()).roots] == [
            "git+https://example.org/one.git@main",
            "git+ssh://git@example.org/team/two.git@v2#subdirectory=lib",
            "https://example.org/three-3.0-py3-none-any.whl",
            "dist/four-4.0.tar.gz",
        ]

    def test_elsewhere(self, tmp_path: Path) -> None:
        """Another repository, or a release in the place of a checkout, is violated."""
        project = changed(self.PROJECT, "https://example.org/one.git", "https://example.org/fork.git")
        project = changed(project, "dist/four-4.0.tar.gz", "dist/four-4.1.tar.gz")

        assert [found[:2] for found in judged(case_of(tmp_path, project, self.lock()))] == [
            ("violated-direct", "one"),
            ("violated-direct", "four"),
        ]


class TestStamps:
    """Poetry's content hash, by the values that it has written."""

    @pytest.mark.parametrize("golden", GOLDEN)
    def test_golden(self, golden: str) -> None:
        """Those of Poetry 1.1, 1.8 and 2.5."""
        project, lock = GOLDEN[golden]

        assert read(project, lock).stamp is not None
        assert f'content-hash = "{content_hashes(load_toml("pyproject.toml", project))[0]}"' in lock

    @pytest.mark.parametrize(
        ("project", "expected"),
        [
            pytest.param(
                """\
[tool.poetry.dependencies]
python = ">=3.11,<4"
mkdocs-material = "9.5.24"
""",
                "ebe89e20ffdf94239ee792b1600208e21aff4ee4e0f3f8c354dd19b7ad37049f",
                id="Portugapt/workspace, by Poetry 1.8.3",
            ),
            pytest.param(
                """\
[tool.poetry.dependencies]
python = "^3.7"
beautifulsoup4 = "^4.10.0"
requests = "^2.27.1"
python-mpd2 = ">=1.1"
PyGObject = "^3.42.0"
[tool.poetry.dev-dependencies]
PyGObject-stubs = "^0.0.7"
pylint = "^2.12.2"
""",
                "ef885152f3dd766193b8cbc1e20448150c60f3708257bf23a50b8e4c5581d4cc",
                id="Popkornium18/mpdevil, by Poetry 1.1",
            ),
            pytest.param(
                """\
[project]
requires-python = ">=3.11,<4.0"
dependencies = [
    "vosk (==0.3.44)",
    "sounddevice (>=0.5.3,<0.6.0)",
    "textual (>=6.6.0,<7.0.0)",
    "pillow-heif (>=1.1.1,<2.0.0)",
]
[tool.poetry.group.dev.dependencies]
pytest = "^9.0.1"
pytest-playwright = "^0.7.0"
pyright = "^1.1.407"
ruff = "^0.14.6"
pillow = "^12.0.0"
""",
                "f1ea1e1efef905d9b91d0a70594c2ab8a71f9fab33d60fc71fe44e8fa89ca2a4",
                id="Ported/flashy, by Poetry 2.1.3",
            ),
            pytest.param(
                """\
[project]
requires-python = ">=3.10,<4.0"
dependencies = ["poetry (>=2.1.0,<3.0.0)", "poetry-core (>=2.1.0,<3.0.0)", "tomlkit (>=0.11.4,<1.0.0)"]
[tool.poetry.group.dev.dependencies]
pre-commit = ">=2.18"
pytest = ">=8.0"
pytest-cov = ">=4.0"
pytest-mock = ">=3.9"
pytest-randomly = ">=3.12"
pytest-xdist = { version = ">=3.1", extras = ["psutil"] }
mypy = ">=1.18.1"
[tool.poetry.group.github-actions]
optional = true
[tool.poetry.group.github-actions.dependencies]
pytest-github-actions-annotate-failures = "^0.1.7"
""",
                "6ec57b1e3957342a212f3f02a5fdbc7055564c8d03a411f6784c4d2503e3953f",
                id="python-poetry/poetry-plugin-export, by Poetry 2.3.0",
            ),
        ],
    )
    def test_public(self, project: str, expected: str) -> None:
        """Those in the locks of public projects."""
        assert content_hashes(load_toml("pyproject.toml", project))[0] == expected

    @pytest.mark.parametrize(("version", "is_fresh"), [("2.2.1", True), ("2.3.0", False), ("2.5.1", False)])
    def test_groups_of_the_standard(self, tmp_path: Path, version: str, *, is_fresh: bool) -> None:
        """Before 2.3 the standard's groups were not in it: a lock by such a version may have the hash without them."""
        without_groups = content_hashes(load_toml("pyproject.toml", STANDARD_PROJECT))[1]
        lock = re.sub('content-hash = ".*"', f'content-hash = "{without_groups}"', STANDARD_LOCK)
        case = case_of(tmp_path, STANDARD_PROJECT, changed(lock, "Poetry 2.5.1", f"Poetry {version}"))

        assert (stamp(case) is None) is is_fresh

    def test_a_date(self) -> None:
        """What JSON cannot hold makes no hash, and no fault."""
        lock = read(
            changed(PROJECT, 'python = "^3.9"\n', 'python = "^3.9"\n[tool.poetry.group.x]\nsince = 2026-01-01\n')
        )

        assert lock.stamp is None


class TestBroken:
    """What is no lock of Poetry's is told, and nothing is raised."""

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('name = "click"\n', "", "a package has no name"),
            ('name = "click"', 'name = "no name"', "'no name' is no name of a package"),
            ('name = "click"\nversion = "8.1"', 'name = "click"', "the package 'click' has no version"),
            ('version = "8.1"', 'version = "latest"', "Invalid version: 'latest'"),
            ('version = "8.1"', "version = 8", "'version' of the package 'click' has to be a string, not int"),
        ],
    )
    def test_package(self, old: str, new: str, message: str) -> None:
        """A package that is none is told at the line that it begins on; the others are read."""
        lock = read(PROJECT, changed(LOCK, old, new))

        assert faults(lock) == [f"unreadable poetry.lock:{start_of('click')} {message}"]
        assert len(lock.pins) == 15
        assert lock.partial is not None

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('pluggy = ">=1"', 'pluggy = ">>1"', "'>>1' is no constraint that Poetry reads"),
            ('pluggy = ">=1"', f'pluggy = ">={"9" * 700}"', "a number in it has more than 640 digits"),
            (
                'pluggy = ">=1"',
                "pluggy = [1]",
                "'version' of 'pluggy', which 'pytest' needs has to be a string, not int",
            ),
            (
                'pluggy = ">=1"',
                'pluggy = {version = ">=1", extras = ["a b"]}',
                "Expected comma between extra names",
            ),
        ],
    )
    def test_dependency(self, old: str, new: str, message: str) -> None:
        """So is what a package needs."""
        assert faults(read(PROJECT, changed(LOCK, old, new))) == [
            f"unreadable poetry.lock:{start_of('pytest')} {message}"
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "package = 1\n[metadata]\nlock-version = '2.1'\n",
            "package = [1]\n[metadata]\nlock-version = '2.1'\n",
            "[[package]]\n",
            "[metadata]\nlock-version = 2.1\n",
            "[metadata]\nlock-version = 'two'\n",
            "[metadata]\nlock-version = '2.1'\nfiles = 1\n",
            "metadata = 1\n",
            LOCK[: len(LOCK) // 2],
            LOCK.replace("\n", "\r"),
            LOCK.replace('groups = ["main"]', "groups = 1"),
            LOCK.replace("files = [", "files = [1,"),
            LOCK.replace('markers = "sys', 'markers = "nonsense'),
            LOCK.replace('markers = {main = "extra == \\"pg\\""}', "markers = {main = 1}"),
            LOCK.replace("[extras]", "[package.source]\ntype = 1\n[extras]"),
            LOCK.replace("[package.dependencies]", "[[package.dependencies]]"),
        ],
    )
    def test_anything(self, text: str) -> None:
        """Wrong types, truncated text: a fault of the lock."""
        lock = read(PROJECT, text)

        assert [fault.file for fault in lock.faults if fault.code == "unreadable"] != []

    @pytest.mark.parametrize(
        "project",
        [
            "",
            "[project]\ndependencies = 1\n",
            "[tool]\npoetry = 1\n",
            "[tool.poetry]\ndependencies = []\n",
            "[tool.poetry.group]\ndev = 1\n",
            "[tool.poetry.group.dev]\noptional = 'yes'\n",
            "[tool.poetry.dependencies]\na = [[1]]\nb = { git = 1 }\nc = { extras = 'x' }\n'd e' = '*'\n",
            "[tool.poetry.extras]\npg = 'psycopg'\n",
            "[dependency-groups]\na = [1, { include-group = 'b' }, { include-group = 'a' }]\n",
            "[tool.poetry.group.a]\ninclude-groups = ['b']\n[tool.poetry.group.b]\ninclude-groups = ['a', 'none']\n",
            "[tool.poetry.dependencies]\npython = '^^3'\n",
            "[tool.poetry.dependencies]\npython = 3\na = '" + "9" * 9000 + "'\n",
        ],
    )
    def test_any_project(self, project: str) -> None:
        """The same of the project: a fault there, or nothing to compare with."""
        lock = read(project)

        assert lock.unread is not None or {fault.file for fault in lock.faults} <= {"pyproject.toml"}
        assert len(lock.pins) == 16

    def test_newer(self, tmp_path: Path) -> None:
        """A schema that is not known is unchecked."""
        outcome = case_of(tmp_path, PROJECT, changed(LOCK, '"2.1"\npython', '"2.2"\npython')).judge(
            "lock", "poetry.lock"
        )

        assert (outcome.status, outcome.findings) == ("unchecked", ())
        assert outcome.reason == "poetry.lock has schema 2.2, and the latest that is known here is 2.1"

    def test_older(self, tmp_path: Path) -> None:
        """So is one of Poetry 1.0, which had no number."""
        lock = changed(LOCK, 'lock-version = "2.1"\n', "")
        outcome = case_of(tmp_path, PROJECT, lock).judge("lock", "poetry.lock")

        assert outcome.status == "unchecked"
        assert outcome.reason == "poetry.lock was written by Poetry 1.0 or older: lock again with a later one"

    def test_no_project(self, tmp_path: Path) -> None:
        """Without a `pyproject.toml` there is nothing to compare with."""
        outcome = Case(tmp_path, {"poetry.lock": LOCK}).judge("lock", "poetry.lock")

        assert outcome.status == "unchecked"
        assert (
            outcome.reason
            == "none of its pins is installed at the locked version, and it has no inputs to compare with"
        )

    def test_not_the_project(self, tmp_path: Path) -> None:
        """A `pyproject.toml` that declares no project is not what the lock was made from."""
        outcome = case_of(tmp_path, "[tool.ruff]\n").judge("lock", "poetry.lock")

        assert outcome.reason == (
            "pyproject.toml has no [project] and no [tool.poetry]: it is not what the lock was made from"
        )

    def test_named_inputs(self) -> None:
        """The table may name the project, and nothing else."""
        files = {"poetry.lock": LOCK, "sub/pyproject.toml": PROJECT, "a.in": ""}

        lock = parse("poetry.lock", tree(files), Declaration(inputs=("sub/pyproject.toml",)))
        assert (faults(lock), lock.roots[0].file) == ([], "sub/pyproject.toml")

        lock = parse("poetry.lock", tree(files), Declaration(inputs=("a.in", "gone/pyproject.toml")))
        assert faults(lock) == [
            "unreadable a.in:None is no input of poetry.lock: Poetry reads one pyproject.toml",
            "input-missing poetry.lock:None gone/pyproject.toml does not exist",
        ]

    def test_many(self, tmp_path: Path) -> None:
        """Ten thousand packages in a chain, all of them asked for, are read and followed."""
        count = 10_000
        names = [f"package-{number}" for number in range(count)]
        packages = "".join(
            f'[[package]]\nname = "{name}"\nversion = "1.0"\ngroups = ["main"]\nfiles = []\n'
            f'[package.dependencies]\n{after} = ">=1"\n'
            for name, after in zip(names, [*names[1:], names[0]], strict=True)
        )
        project = "[tool.poetry.dependencies]\n" + "".join(f'{name} = "^1"\n' for name in names)
        digest = content_hashes(load_toml("pyproject.toml", project))[0]
        lock = f'{packages}[metadata]\nlock-version = "2.1"\ncontent-hash = "{digest}"\n'

        outcome = case_of(tmp_path, project, lock).judge("lock", "poetry.lock")

        assert (outcome.status, outcome.total) == ("clean", count)
