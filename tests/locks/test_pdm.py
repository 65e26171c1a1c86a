"""`pdm.lock` as pdm 2.12 and 2.29 write it: found clean, and after each change found what it is."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, ClassVar

import pytest
from judging import Case
from locks.documents import LINUX, Documents, changed, first_line_of, line_of, pin_of, without
from locks.pdm_golden import (
    COPY_LOCK,
    COPY_PROJECT,
    LOCK,
    OLD_LOCK,
    OLD_PROJECT,
    ONE,
    PLACES_LOCK,
    PLACES_PROJECT,
    PROJECT,
    TWO,
    WORKSPACE,
    WORKSPACE_LOCK,
)
from locks.reading import faults, tree
from packaging.version import Version

from pytest_envrepro.errors import LockError
from pytest_envrepro.lockpins import pins_of
from pytest_envrepro.locks.base import Declaration
from pytest_envrepro.locks.pdm import parse
from pytest_envrepro.locks.pdm_stamp import content_hashes
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core

GOLDEN = {
    "targets": (PROJECT, LOCK),
    "old": (OLD_PROJECT, OLD_LOCK),
    "copy": (COPY_PROJECT, COPY_LOCK),
    "places": (PLACES_PROJECT, PLACES_LOCK),
}
EXTRA_OF_PSYCOPG = r'\[\[package\]\]\nname = "psycopg"\nversion = "3.1"\nextras'
WINDOWS = {"sys_platform": "win32", "platform_system": "Windows"}
PDM = Documents(path="pdm.lock", lock=LOCK, project=PROJECT, parse=parse)
STALE, HOLDS = PDM.stale, PDM.holds
case_of, read, start_of = PDM.case_of, PDM.read, PDM.start_of
judged, codes, stamp = PDM.judged, PDM.codes, PDM.stamp


class TestUnchanged:
    """A lock that its tool has just written."""

    @pytest.mark.parametrize("golden", GOLDEN)
    @pytest.mark.parametrize("platform", [LINUX, WINDOWS], ids=["linux", "windows"])
    @pytest.mark.parametrize("python", ["3.9.2", "3.12.1"])
    def test_clean(self, tmp_path: Path, golden: str, python: str, platform: dict[str, str]) -> None:
        """Nothing is wrong with it, on no platform and with no Python."""
        case = case_of(tmp_path, *GOLDEN[golden], python=python, **platform)

        outcome = case.judge("lock", "pdm.lock")

        assert (outcome.status, outcome.findings, outcome.reason) == ("clean", (), None)

    def test_told(self, tmp_path: Path) -> None:
        """Nothing is installed here that proves it, and its own lists are told of."""
        outcome = case_of(tmp_path).judge("lock", "pdm.lock")

        assert outcome.detail == "0 of 22 pins proven, 17 by its own lists alone, 5 for other environments"

    def test_lock(self) -> None:
        """What it says of itself."""
        lock = read()

        assert (lock.tool, lock.fix, lock.install) == ("pdm", "pdm lock --update-reuse", "pdm sync")
        assert (lock.inputs, lock.rests_on) == (("pyproject.toml",), frozenset({"pyproject.toml"}))
        assert (lock.target.python, lock.target.universal) == ("3.9", True)
        assert lock.target.line == line_of(LOCK, 'requires_python = ">=3.9,<3.11"')
        assert lock.parts == lock.usual == {"[all]", "[pg]", "cov", "docs", "lint", "test"}
        assert lock.excluded == {"shop"}
        assert lock.by_need is False

    def test_in_a_folder(self) -> None:
        """A lock below the root is mended where it lies."""
        files = {"api/pyproject.toml": PROJECT, "api/pdm.lock": LOCK}
        lock = parse("api/pdm.lock", tree(files), None)

        assert (lock.fix, lock.install) == ("pdm lock --update-reuse -p api", "pdm sync -p api")
        assert lock.inputs == ("api/pyproject.toml",)

    def test_pin(self) -> None:
        """A package with what it needs for an extra is one pin, in the words of metadata."""
        pin = pin_of(read(), "flask")

        assert (str(pin.version), pin.requirement.written, pin.line) == ("3.1", "==3.1", start_of("flask"))
        assert pin.hashes == ("sha256:5205dce69d06317c",)
        assert pin.parts == {""}
        assert pin.requires == (
            "click>=8",
            'colorama>=0.4; sys_platform == "win32"',
            "jinja2!=3.1.1,>=3.1",
            "werkzeug>=3",
            'asgiref>=3 ; extra == "async"',
            'tomli>=2 ; (python_version < "3.11") and extra == "async"',
        )

    def test_parts(self) -> None:
        """Groups and extras stand in one list: the project tells which is which."""
        lock = read()

        assert pin_of(lock, "psycopg").parts == {"[all]", "[pg]", "docs"}
        assert pin_of(lock, "sphinx").parts == {"docs", "lint"}
        assert pin_of(lock, "requests").parts == {"[all]"}

    def test_roots(self) -> None:
        """Each requirement stands at its own line, once for each part that asks for it, included ones too."""
        found = [(root.part, str(root.requirement), root.requirement.marker, root.line) for root in read().roots]

        def line(words: str) -> int:
            return line_of(PROJECT, words)

        assert found == [
            ("", "flask[async]>=3.0", None, line('"flask[async]')),
            ("", "jinja2>=3.1", None, line('"jinja2')),
            ("", "numpy<2", "python_version < '3.11'", line('"numpy<2')),
            ("", "numpy~=2.1", "python_version >= '3.11'", line('"numpy~=2.1')),
            ("[pg]", "psycopg[c]>=3", None, line("pg = ")),
            ("[all]", "requests", None, line("all = ")),
            ("[all]", "psycopg[c]>=3", None, line("pg = ")),
            ("test", "pytest>=7,<9", None, line("test = ")),
            ("docs", "sphinx", None, line("docs = ")),
            ("docs", "psycopg", None, line("docs = ")),
            ("docs", "coverage", None, line("cov = ")),
            ("cov", "coverage", None, line("cov = ")),
            ("lint", "furo", None, line("lint = ")),
        ]

    def test_two_extras(self) -> None:
        """What two extras need together is for either, but for what one of them has in an entry of its own."""
        one = '[[package]]\nname = "a"\nversion = "1"\n'
        lock = (
            '[metadata]\nlock_version = "4.5.0"\nstrategy = ["inherit_metadata"]\n'
            f"{one}"
            f'{one}extras = ["x", "y"]\ndependencies = ["a==1", "b", "c; os_name == \'nt\'"]\n'
            f'{one}extras = ["x"]\ndependencies = ["a==1", "b"]\n'
        )

        assert pin_of(read(lock=lock), "a").requires == (
            'b ; extra == "x"',
            'c ; (os_name == \'nt\') and (extra == "x" or extra == "y")',
        )


class TestInputs:
    """What people change in `pyproject.toml`."""

    @pytest.mark.parametrize(
        ("after", "parts"),
        [
            ("dependencies = [\n", {""}),
            ("pg = [", {"[pg]", "[all]"}),
            ("docs = [", {"docs"}),
            ("cov = [", {"cov", "docs"}),
            ("lint = [", {"lint"}),
        ],
    )
    def test_added(self, tmp_path: Path, after: str, parts: set[str]) -> None:
        """A requirement that is not locked, of the project, an extra or a group of either table."""
        project = PROJECT.replace(after, f'{after}"httpx>=2.3, <3",', 1)
        case = case_of(tmp_path, project)
        line = line_of(project, '"httpx')

        assert judged(case) == [
            ("missing-direct", "httpx", ">=2.3,<3", None, f"pyproject.toml:{line}", "not pinned in pdm.lock")
        ]
        assert {root.part for root in read(project).roots if root.requirement.name == "httpx"} == parts
        assert stamp(case) == STALE
        assert {finding.fix for finding in case.judge("lock", "pdm.lock").findings} == {"pdm lock --update-reuse"}

    def test_removed(self, tmp_path: Path) -> None:
        """What only the removed requirement needed is there for nothing."""
        case = case_of(tmp_path, changed(PROJECT, 'test = ["pytest>=7,<9"]', "test = []"))

        assert judged(case) == [
            (
                "orphan",
                "pluggy",
                None,
                "1.5",
                f"pdm.lock:{start_of('pluggy')}",
                "only pytest needs it, which nothing needs",
            ),
            ("orphan", "pytest", None, "8.0", f"pdm.lock:{start_of('pytest')}", "nothing needs it"),
        ]
        assert stamp(case) == STALE

    def test_removed_from_an_old_one(self, tmp_path: Path) -> None:
        """The same where the packages tell of no groups: what is for another platform alone is no orphan."""
        project = changed(OLD_PROJECT, 'test = ["pytest>=7,<9"]', "test = []")

        assert [found[:2] for found in judged(case_of(tmp_path, project, OLD_LOCK))] == [
            ("orphan", "pluggy"),
            ("orphan", "pytest"),
        ]

    def test_tightened(self, tmp_path: Path) -> None:
        """A requirement that the pin does not satisfy any more."""
        project = changed(PROJECT, "flask[async]>=3.0", "flask[async] >= 3.2")
        case = case_of(tmp_path, project)

        line = first_line_of(project, '"flask')
        place = f"pdm.lock:{start_of('flask')} pins 3.1"
        assert judged(case) == [("violated-direct", "flask", ">=3.2", "3.1", f"pyproject.toml:{line}", place)]
        assert stamp(case) == STALE

    @pytest.mark.parametrize("python", ["3.9.2", "3.12.1"])
    def test_tightened_for_one_python(self, tmp_path: Path, python: str) -> None:
        """Of two pins of a name each is judged by what asks for it."""
        project = changed(PROJECT, "numpy~=2.1", "numpy~=2.2")

        expected = [("violated-direct", "numpy", "~=2.2", "2.1")] if python == "3.12.1" else []
        assert [found[:4] for found in judged(case_of(tmp_path, project, python=python))] == expected

    @pytest.mark.parametrize("asked", ["flask[async]", "flask[async]>=2,<4", "Flask [async] >= 3", "flask[async]~=3.0"])
    def test_loosened(self, tmp_path: Path, asked: str) -> None:
        """The pins hold, however it is spelled; only the stamp is old."""
        case = case_of(tmp_path, changed(PROJECT, "flask[async]>=3.0", asked))

        assert (judged(case), stamp(case)) == ([], HOLDS)

    def test_reordered(self, tmp_path: Path) -> None:
        """The order of a list matters to pdm: the pins hold. That of tables does not."""
        text = '    "jinja2>=3.1",\n'
        first = changed(changed(PROJECT, text, ""), "dependencies = [\n", f"dependencies = [\n{text}")
        case = case_of(tmp_path, first)
        assert (judged(case), stamp(case)) == ([], HOLDS)

        group = 'cov = ["coverage"]\n'
        case.write(
            {
                "pyproject.toml": changed(
                    changed(PROJECT, group, ""), "[dependency-groups]\n", f"[dependency-groups]\n{group}"
                )
            }
        )
        assert codes(case) == []

    def test_extra_asked_for(self, tmp_path: Path) -> None:
        """An extra that was not locked is known by what is installed alone."""
        case = case_of(tmp_path, changed(PROJECT, "flask[async]", "flask[async,watch]"))
        assert (judged(case), stamp(case)) == ([], HOLDS)

        case.install("flask", "3.1", ("click>=8", "jinja2>=3.1", "werkzeug>=3", 'watch>=1 ; extra == "watch"'))

        place = f"pdm.lock:{start_of('flask')}"
        assert judged(case) == [("missing-transitive", "watch", ">=1", None, place, "flask 3.1 needs watch>=1")]

    def test_python(self, tmp_path: Path) -> None:
        """Where the Pythons are others now, and the lock tells for which it was made, that is said."""
        project = changed(PROJECT, 'requires-python = ">=3.9"', 'requires-python = ">=3.10"')
        lock = changed(LOCK, TestTargets.ONE, '[[metadata.targets]]\nrequires_python = ">=3.9"\n')
        case = case_of(tmp_path, project, lock)

        assert stamp(case) == "pyproject.toml asks for Python >=3.10, the lock was made for >=3.9" + HOLDS[len(STALE) :]

    def test_part_that_is_not_locked(self, tmp_path: Path) -> None:
        """`pdm lock` leaves out extras where nobody asks for them: what they need is not missing."""
        lock = without(without(LOCK, "requests"), "psycopg-c").replace('"all", ', "").replace(', "pg"', "")
        lock = re.sub(rf"(?ms)^{EXTRA_OF_PSYCOPG}.*?(?=^\[\[package\]\])", "", lock)

        assert codes(case_of(tmp_path, PROJECT, lock)) == []
        assert read(PROJECT, lock).parts == {"cov", "docs", "lint", "test"}

    def test_included_through_what_is_not_locked(self, tmp_path: Path) -> None:
        """As in the project of pdm itself: what is included in a part that is not locked is not locked for one that is."""
        project = changed(
            PROJECT, 'all = ["shop[pg]", "requests"]', 'all = ["shop[more]", "requests"]\nmore = ["shop[pg]"]'
        )
        lock = without(LOCK, "psycopg-c").replace('"all", "docs", "pg"', '"docs"').replace('"pg", ', "")
        lock = re.sub(rf"(?ms)^{EXTRA_OF_PSYCOPG}.*?(?=^\[\[package\]\])", "", lock)
        assert [found[:2] for found in judged(case_of(tmp_path, project, lock))] == []

        assert self.asking(project, lock, "psycopg") == ["docs"]
        assert self.asking(project, LOCK, "psycopg") == ["[all]", "[pg]", "docs"]

    def asking(self, project: str, lock: str, name: str) -> list[str]:
        """Give the parts that ask for a package."""
        return sorted({root.part for root in read(project, lock).roots if root.requirement.name == name})

    def test_group_named_as_an_extra(self) -> None:
        """To pdm a group may name another one as if that were an extra of the project; an extra may not."""
        project = changed(PROJECT, '{ include-group = "cov" }', '"shop[cov]"')
        assert self.asking(project, LOCK, "coverage") == ["cov", "docs"]

        project = changed(project, '"shop[pg]", "requests"', '"shop[cov]"')

        assert [fault.message for fault in read(project).faults] == [
            "all includes 'cov', which is none of its groups and extras"
        ]

    def test_editable_of_the_project(self) -> None:
        """The standard's tables may have none that is editable: pdm leaves it out."""
        lock = read(changed(PROJECT, '"jinja2>=3.1"', '"-e ./jinja2"'))

        assert (lock.faults, [root for root in lock.roots if root.editable]) == ((), [])

    def test_group_that_is_gone(self) -> None:
        """Of the groups that are locked, those that the project has are installed."""
        lock = read(changed(PROJECT, 'lint = ["furo"]', ""))

        assert lock.parts - lock.usual == {"lint"}

    def test_no_groups(self) -> None:
        """A lock that does not name its groups is of all of them; extras are not installed unless somebody says so."""
        lock = read(OLD_PROJECT, re.sub("groups = .*\n", "", OLD_LOCK))

        assert lock.parts == {"[all]", "[pg]", "docs", "lint", "test"}
        assert lock.usual == {"docs", "lint", "test"}

    def test_unreadable(self) -> None:
        """All that pdm does not read is told, each at its line."""
        project = changed(PROJECT, '"jinja2>=3.1"', '"jinja2>=>3"')
        project = changed(project, '{ include-group = "cov" }', '{ include-group = "none" }, { a = 1 }, 7')
        project = changed(project, '"shop[pg]"', '"shop[nothing]"')
        lines = [line_of(project, words) for words in ('"jinja2', "all = ", "docs = ")]

        assert sorted(
            (fault.line, re.sub("requirement: .*", "requirement", fault.message)) for fault in read(project).faults
        ) == [
            (lines[0], "'jinja2>=>3' is not a requirement"),
            (lines[1], "all includes 'nothing', which is none of its groups and extras"),
            (lines[2], "docs holds a number, which is no requirement"),
            (lines[2], "docs holds a table with 'a', which is no requirement"),
            (lines[2], "docs includes 'none', which is none of its groups and extras"),
        ]

    @pytest.mark.parametrize(
        ("item", "kind"),
        [
            ('{ url = "https://user:secret@host/x" }', "a table with 'url'"),
            ('["https://user:secret@host/x"]', "a list"),
            ("{}", "an empty table"),
            ("true", "true or false"),
            ("2026-01-01", "a date"),
        ],
    )
    def test_what_stands_there_is_not_shown(self, item: str, kind: str) -> None:
        """Of what is no requirement the kind is told: it may hold a credential."""
        project = changed(PROJECT, '{ include-group = "cov" }', item)

        messages = [fault.message for fault in read(project).faults]
        assert messages == [f"docs holds {kind}, which is no requirement"]

    def test_long_requirement(self) -> None:
        """It is refused for its length, and does not take the square of that."""
        project = changed(PROJECT, '"jinja2>=3.1"', f'"jinja2>=3.1", "a{" " * 60_000}!"')
        began = time.process_time()

        (fault,) = read(project).faults

        assert fault.message == f"'a{' ' * 56}...' is not a requirement: it is longer than 8192 characters"
        assert time.process_time() - began < 5

    def test_source_that_is_no_url(self, tmp_path: Path) -> None:
        """It is told at its line, and no host is trusted for it."""
        project = f'{PROJECT}\n[[tool.pdm.source]]\nurl = "http://me:secret@[bad"\nverify_ssl = false\n'
        case = case_of(tmp_path, project)

        assert [found[4:] for found in case.findings("lock", "pdm.lock") if found[0] == "unreadable"] == [
            (
                f"pyproject.toml:{line_of(project, 'url = ')}",
                "'http://****@[bad' is no URL: what its brackets hold is no address",
            )
        ]
        assert [option.name for option in read(project).options] == ["--extra-index-url"]

    def test_a_cycle(self) -> None:
        """Groups that include each other end somewhere."""
        project = changed(PROJECT, 'cov = ["coverage"]', 'cov = ["coverage", { include-group = "docs" }]')

        assert [root.part for root in read(project).roots if root.requirement.name == "sphinx"] == ["docs", "cov"]


class TestLock:
    """What is changed in the lock itself, by hand or by a merge."""

    @pytest.mark.parametrize("golden", ["targets", "old"])
    def test_transitive_deleted(self, tmp_path: Path, golden: str) -> None:
        """What still needs it says so, with nothing installed."""
        project, lock = GOLDEN[golden]
        case = case_of(tmp_path, project, without(lock, "markupsafe"))

        found = judged(case)

        assert {each[:2] for each in found} == {("missing-transitive", "markupsafe")}
        assert {each[-1] for each in found} == {
            "jinja2 3.1.2 needs markupsafe>=2",
            "werkzeug 3.0 needs markupsafe>=2.1",
        }
        assert stamp(case) is None

    def test_transitive_deleted_with_its_edges(self, tmp_path: Path) -> None:
        """Who takes out the lists too is told by what is installed at the pinned version."""
        lock = re.sub(r'    "MarkupSafe.*",\n', "", without(LOCK, "markupsafe"))
        case = case_of(tmp_path, PROJECT, lock)
        assert codes(case) == []

        case.install("jinja2", "3.1.2", ("MarkupSafe>=2",))

        place = f"pdm.lock:{start_of('jinja2', lock)}"
        assert judged(case) == [
            ("missing-transitive", "markupsafe", ">=2", None, place, "jinja2 3.1.2 needs markupsafe>=2")
        ]

    def test_needed_for_an_extra_deleted(self, tmp_path: Path) -> None:
        """What an extra needs that the project asks for is followed."""
        assert [found[:2] + found[-1:] for found in judged(case_of(tmp_path, PROJECT, without(LOCK, "asgiref")))] == [
            ("missing-transitive", "asgiref", "flask 3.1 needs asgiref>=3")
        ]

    def test_root_deleted(self, tmp_path: Path) -> None:
        """The wrong side of a merge, with the right stamp: told for each part that asks for it."""
        assert codes(case_of(tmp_path, PROJECT, without(LOCK, "pytest"))) == [
            ("orphan", "pluggy"),
            ("missing-direct", "pytest"),
        ]

    def test_package_of_an_extra_alone(self, tmp_path: Path) -> None:
        """Where only the entry with extras is left, the package itself is not pinned."""
        entry = '[[package]]\nname = "flask"\nversion = "3.1"\ngroups'
        end = LOCK.index("[[package]]", LOCK.index(entry) + 1)
        lock = LOCK[: LOCK.index(entry)] + LOCK[end:]

        assert ("missing-direct", "flask") in codes(case_of(tmp_path, PROJECT, lock))

    def test_two_versions_of_one_package(self, tmp_path: Path) -> None:
        """A merge that took the package from one side and what it needs for an extra from the other."""
        lock = LOCK.replace('"flask==3.1"', '"flask==3.0"')

        assert [found[:4] + found[-1:] for found in judged(case_of(tmp_path, PROJECT, lock))] == [
            ("violated-transitive", "flask", "==3.0", "3.1", "flask 3.1 needs flask==3.0")
        ]

    def test_package_twice(self, tmp_path: Path) -> None:
        """A merge that left a package there from both sides, as in 0-8-4/miui-auto-tasks: it need not have the hashes."""
        twice = '[[package]]\nname = "werkzeug"\nversion = "{}"\ndependencies = [\n    "MarkupSafe>=2.1",\n]\n'
        case = case_of(tmp_path, PROJECT, f"{LOCK}\n{twice.format('3.0')}")
        assert [found[:4] for found in judged(case)] == [("partial-hashes", "werkzeug", None, "3.0")]

        case.write({"pdm.lock": f"{LOCK}\n{twice.format('3.1')}"})

        assert ("ambiguous-pin", "werkzeug", "==3.0", "3.1") in [found[:4] for found in judged(case)]

    @pytest.mark.parametrize("golden", ["targets", "old"])
    def test_transitive_violated(self, tmp_path: Path, golden: str) -> None:
        """A pin beyond what its parent admits is told at the pin."""
        project, lock = GOLDEN[golden]
        lock = changed(lock, 'name = "markupsafe"\nversion = "3.0"', 'name = "markupsafe"\nversion = "1.1"')
        lock = changed(lock, "markupsafe-3.0-py3", "markupsafe-1.1-py3")
        case = case_of(tmp_path, project, lock)

        place = f"pdm.lock:{start_of('markupsafe', lock)}"
        assert judged(case) == [
            ("violated-transitive", "markupsafe", ">=2", "1.1", place, "jinja2 3.1.2 needs markupsafe>=2"),
            ("violated-transitive", "markupsafe", ">=2.1", "1.1", place, "werkzeug 3.0 needs markupsafe>=2.1"),
        ]

    def test_pin_edited(self, tmp_path: Path) -> None:
        """A version that was changed by hand has no file among those of the other version."""
        lock = changed(LOCK, 'name = "pytest"\nversion = "8.0"', 'name = "pytest"\nversion = "8.1"')
        case = case_of(tmp_path, PROJECT, lock)

        message = "no hash, though other pins have one: what is installed may be any file"
        assert judged(case) == [
            ("partial-hashes", "pytest", None, "8.1", f"pdm.lock:{start_of('pytest', lock)}", message)
        ]

    @pytest.mark.parametrize("golden", ["targets", "old"])
    def test_hash_removed(self, tmp_path: Path, golden: str) -> None:
        """One pin without a hash among others."""
        project, lock = GOLDEN[golden]
        lock = re.sub(r'\n    \{file = "click-.*\},', "", lock)

        assert [found[:4] for found in judged(case_of(tmp_path, project, lock))] == [
            ("partial-hashes", "click", None, "8.1")
        ]

    def test_stamp_edited(self, tmp_path: Path) -> None:
        """The stamp of the other side of a merge."""
        lock = re.sub('content_hash = ".*"', f'content_hash = "sha256:{"0" * 64}"', LOCK)
        case = case_of(tmp_path, PROJECT, lock)

        assert case.findings("lock", "pdm.lock") == [
            ("stale-stamp", "content_hash", None, None, f"pdm.lock:{line_of(lock, 'content_hash')}", HOLDS)
        ]

    def test_stamp_removed(self, tmp_path: Path) -> None:
        """To pdm a lock without one is not fresh."""
        case = case_of(tmp_path, PROJECT, re.sub("content_hash = .*\n", "", LOCK))

        assert stamp(case) == "pdm.lock has no content_hash: the pins still hold, only the stamp is old"

    def test_merge_conflict(self, tmp_path: Path) -> None:
        """Markers of a merge that is not finished."""
        lock = changed(LOCK, 'content_hash = "', '<<<<<<< ours\ncontent_hash = "') + "=======\n>>>>>>> theirs\n"

        assert [(found[0], found[4]) for found in judged(case_of(tmp_path, PROJECT, lock))] == [
            ("merge-conflict", f"pdm.lock:{line_of(lock, '<<<<<<<')}")
        ]

    def test_other_python(self, tmp_path: Path) -> None:
        """A Python that the project is not for is told by the check of Python."""
        case = case_of(tmp_path, python="3.8.10")

        found = case.findings("python", "pyproject.toml")

        assert [(each[0], each[2], each[4]) for each in found] == [
            ("python-mismatch", "3.9", f"pdm.lock:{first_line_of(LOCK, 'requires_python')}"),
            ("python-mismatch", ">=3.9", f"pyproject.toml:{line_of(PROJECT, 'requires-python')}"),
        ]

    def test_other_platform(self, tmp_path: Path) -> None:
        """What is pinned for another platform is not missing on this one, and on that one it has to be there."""
        lock = without(LOCK, "colorama")

        (tmp_path / "here").mkdir()
        (tmp_path / "there").mkdir()
        assert codes(case_of(tmp_path / "here", PROJECT, lock)) == []
        there = judged(case_of(tmp_path / "there", PROJECT, lock, **WINDOWS))
        assert {found[:2] for found in there} == {("missing-transitive", "colorama")}

    @pytest.mark.parametrize(
        ("place", "is_leak"),
        [
            ("http://localhost:3141/files", True),
            ("https://me:secret@index.example/files", True),
            ("https://index.example/files", False),
        ],
    )
    def test_host_leak(self, tmp_path: Path, place: str, *, is_leak: bool) -> None:
        """With `static_urls` the host of the files stands there: of this machine alone, or with a credential."""
        case = case_of(tmp_path, PROJECT, LOCK.replace('{file = "', f'{{url = "{place}/'))

        assert {found[0] for found in judged(case)} == ({"host-leak"} if is_leak else set())
        assert "secret" not in str(judged(case))


class TestInstalled:
    """What of the lock an environment has."""

    MAIN = (
        *(("flask", "3.1"), ("werkzeug", "3.0"), ("jinja2", "3.1.2"), ("markupsafe", "3.0"), ("click", "8.1")),
        *(("asgiref", "3.7"), ("numpy", "2.1"), ("numlib", "2.0")),
    )
    GROUPS = (
        *(("pytest", "8.0"), ("pluggy", "1.5"), ("sphinx", "7.0"), ("docutils", "0.21"), ("furo", "1.0")),
        *(("psycopg", "3.1"), ("coverage", "7.0")),
    )
    EXTRAS = (("psycopg-c", "3.1"), ("requests", "2.31"))

    def case(self, folder: Path, installed: tuple[tuple[str, str], ...], table: str = "") -> Case:
        """Give a project with what is installed, and a table of ours."""
        case = case_of(folder, f"{PROJECT}\n{table}")
        for name, version in installed:
            case.install(name, version)
        return case

    def missing(self, case: Case) -> list[str | None]:
        """Give the packages that are not installed."""
        found = case.findings("installed", "pdm.lock")
        assert {each[0] for each in found} <= {"not-installed"}
        return [each[1] for each in found]

    def test_usual(self, tmp_path: Path) -> None:
        """`pdm sync` installs all groups and extras that are locked, for this Python."""
        assert self.missing(self.case(tmp_path, (*self.MAIN, *self.GROUPS, *self.EXTRAS))) == []

    def test_not_installed(self, tmp_path: Path) -> None:
        """What is missing is told with the command that installs it."""
        case = self.case(tmp_path, (*self.MAIN, *self.GROUPS[1:], *self.EXTRAS[1:]))

        assert self.missing(case) == ["psycopg-c", "pytest"]
        assert {finding.fix for finding in case.judge("installed", "pdm.lock").findings} == {"pdm sync"}

    @pytest.mark.parametrize(
        ("table", "expected"),
        [
            ("groups = []", []),
            ('groups = ["lint"]', ["docutils", "furo", "sphinx"]),
            ('groups = ["test"], extras = ["pg"]', ["pluggy", "psycopg", "psycopg-c", "pytest"]),
            ('groups = [], extras = ["all"]', ["psycopg", "psycopg-c", "requests"]),
        ],
    )
    def test_named(self, tmp_path: Path, table: str, expected: list[str]) -> None:
        """The groups and extras that the table names, and no other."""
        case = self.case(tmp_path, self.MAIN, f'[tool.envrepro]\ninstalled = [{{ lock = "pdm.lock", {table} }}]\n')

        assert self.missing(case) == expected

    def test_by_need(self, tmp_path: Path) -> None:
        """Where the packages tell of no groups, what is needed is what the requirements lead to."""
        table = '[tool.envrepro]\ninstalled = [{ lock = "pdm.lock", groups = ["test"] }]\n'
        case = case_of(tmp_path, f"{OLD_PROJECT}\n{table}", OLD_LOCK)
        for name, version in self.MAIN[:5]:
            case.install(name, version)

        assert self.missing(case) == ["asgiref", "pluggy", "pytest"]

    def test_the_project_itself(self, tmp_path: Path) -> None:
        """It is not in its own lock, and not extraneous."""
        case = self.case(tmp_path, (*self.MAIN, *self.GROUPS, *self.EXTRAS))
        case.install("shop", "0.1.0")

        assert case.findings("installed", "pdm.lock") == []


class TestPlaces:
    """What comes from no index, what is replaced, and what is left out."""

    COMMIT = "c" * 40

    def test_pins(self) -> None:
        """A folder, an archive, and a folder that is to be installed as editable."""
        lock = read(PLACES_PROJECT, PLACES_LOCK)

        assert [(pin.name, pin.requirement.url, pin.editable) for pin in lock.pins if pin.version is None] == [
            ("lib", "./lib", False),
            ("tool", "./tool", True),
            ("whl", "./whl-1.0-py3-none-any.whl", False),
        ]

    def test_roots(self) -> None:
        """`${PROJECT_ROOT}` is the folder of the project."""
        found = [(root.requirement.url, root.editable, root.part) for root in read(PLACES_PROJECT, PLACES_LOCK).roots]

        assert found[1:] == [
            ("./lib", False, ""),
            ("./whl-1.0-py3-none-any.whl", False, ""),
            ("./tool#egg=tool", True, "dev"),
        ]

    def test_elsewhere(self, tmp_path: Path) -> None:
        """Another folder is violated."""
        project = changed(PLACES_PROJECT, "${PROJECT_ROOT}/lib", "${PROJECT_ROOT}/libs/lib")

        assert [found[:4] for found in judged(case_of(tmp_path, project, PLACES_LOCK))] == [
            ("violated-direct", "lib", "./libs/lib", "./lib")
        ]

    @pytest.mark.parametrize(
        ("written", "url"),
        [
            (
                'git = "https://example.org/one.git"\nref = "main"\nrevision = "{0}"',
                "git+https://example.org/one.git@{0}",
            ),
            ('git = "ssh://git@example.org/one.git"\nref = "main"', "git+ssh://git@example.org/one.git@main"),
            (
                'hg = "https://example.org/one"\nrevision = "{0}"\nsubdirectory = "lib"',
                "hg+https://example.org/one@{0}#subdirectory=lib",
            ),
            (
                'url = "https://example.org/one-1.zip"\nsubdirectory = "lib"',
                "https://example.org/one-1.zip#subdirectory=lib",
            ),
            ('url = "https://example.org/one-1.zip#sha256=0"', "https://example.org/one-1.zip#sha256=0"),
            ('path = "./one"\nsubdirectory = "lib"', "./one/lib"),
            ('url = "file:///${{PROJECT_ROOT}}/one"', "./one"),
        ],
    )
    def test_urls(self, written: str, url: str) -> None:
        """Each is written as pip would, a checkout with its commit."""
        package = f'[[package]]\nname = "one"\nversion = "1.0"\n{written.format(self.COMMIT)}\n'
        lock = read(lock=f'[metadata]\nlock_version = "4.5.0"\n{package}')

        assert pin_of(lock, "one").requirement.url == url.format(self.COMMIT)

    def test_a_branch(self, tmp_path: Path) -> None:
        """A commit may stand for a branch; another repository may not."""
        project = '[project]\nname = "shop"\ndependencies = ["one @ git+https://example.org/one.git@main"]\n'
        lock = (
            f'[metadata]\nlock_version = "4.5.1"\ncontent_hash = "sha256:{self.hash_of(project)}"\n'
            'strategy = ["inherit_metadata"]\n[[metadata.targets]]\nrequires_python = ""\n'
            '[[package]]\nname = "one"\nversion = "1.0"\ngroups = ["default"]\n'
            f'git = "https://example.org/one.git"\nref = "main"\nrevision = "{self.COMMIT}"\n'
        )
        case = case_of(tmp_path, project, lock)
        assert codes(case) == []

        case.write({"pyproject.toml": project.replace("one.git", "fork.git")})

        assert [found[:2] for found in judged(case)] == [("violated-direct", "one")]

    def hash_of(self, project: str) -> str:
        """Give the hash of a project."""
        (found,) = content_hashes(load_toml("pyproject.toml", project), Version("4.5.1"))
        return found

    def test_excluded(self, tmp_path: Path) -> None:
        """What the project leaves out is missing where it no longer does."""
        case = case_of(tmp_path, changed(PLACES_PROJECT, 'excludes = ["werkzeug"]', "excludes = []"), PLACES_LOCK)

        assert [found[:2] for found in judged(case)] == [("missing-transitive", "werkzeug")]

        case.write({"pyproject.toml": changed(PLACES_PROJECT, '"werkzeug"', '"werkzeug[async]"')})

        assert [found[:2] for found in judged(case)] == [("missing-transitive", "werkzeug")]

    def test_overridden(self, tmp_path: Path) -> None:
        """What replaces the requirements of packages is judged in their place."""
        case = case_of(tmp_path, changed(PLACES_PROJECT, 'markupsafe = "1.1"\n', ""), PLACES_LOCK)
        assert [found[:4] for found in judged(case)] == [("violated-transitive", "markupsafe", ">=2", "1.1")]

        project = changed(PLACES_PROJECT, 'markupsafe = "1.1"\n', 'markupsafe = "1.2"\n')
        case.write({"pyproject.toml": project})

        place = f"pyproject.toml:{line_of(project, 'markupsafe =')}"
        assert ("violated-direct", "markupsafe", "==1.2", "1.1", place) in [found[:5] for found in judged(case)]

    @pytest.mark.parametrize("value", ["7", '"1 2"'])
    def test_override_that_is_none(self, value: str) -> None:
        """One that cannot be read is told at its line."""
        project = changed(PLACES_PROJECT, 'markupsafe = "1.1"', f"markupsafe = {value}")

        (fault,) = read(project, PLACES_LOCK).faults

        assert (fault.code, fault.line) == ("unreadable", line_of(project, "markupsafe ="))
        assert fault.message.startswith("the override of 'markupsafe' ")


class TestWorkspace:
    """Several projects with one lock."""

    FILES: ClassVar = {
        "pyproject.toml": WORKSPACE,
        "packages/one/pyproject.toml": ONE,
        "packages/two/pyproject.toml": TWO,
        "pdm.lock": WORKSPACE_LOCK,
    }

    def test_clean(self, tmp_path: Path) -> None:
        """As pdm wrote it, with the hash of all projects; they themselves are no pins."""
        case = Case(tmp_path, self.FILES)
        lock = case.facts.locks["pdm.lock"]

        assert codes(case) == []
        assert [pin.name for pin in lock.pins] == ["click", "colorama", "requests"]
        assert [(root.file, root.line, str(root.requirement)) for root in lock.roots] == [
            ("pyproject.toml", 5, "click"),
            ("packages/one/pyproject.toml", 5, "requests"),
            ("packages/two/pyproject.toml", 5, "requests"),
        ]
        assert lock.inputs == ("pyproject.toml", "packages/one/pyproject.toml", "packages/two/pyproject.toml")
        assert lock.excluded == {"shop", "one", "two"}

    def test_in_a_folder(self, tmp_path: Path) -> None:
        """The same below the root."""
        case = Case(tmp_path, {f"api/{path}": text for path, text in self.FILES.items()})

        assert case.findings("lock", "api/pdm.lock") == []

    def test_member_changed(self, tmp_path: Path) -> None:
        """A requirement that is new in one of them."""
        case = Case(
            tmp_path, {**self.FILES, "packages/one/pyproject.toml": changed(ONE, '"requests"', '"requests", "httpx"')}
        )

        changed_one = "pyproject.toml or packages/one/pyproject.toml or packages/two/pyproject.toml has changed"
        place = f"pdm.lock:{line_of(WORKSPACE_LOCK, 'content_hash')}"
        assert sorted(case.findings("lock", "pdm.lock"), key=str) == [
            ("missing-direct", "httpx", None, None, "packages/one/pyproject.toml:5", "not pinned in pdm.lock"),
            ("stale-stamp", "content_hash", None, None, place, f"{changed_one} since it was written"),
        ]

    def test_member_added(self, tmp_path: Path) -> None:
        """A project that is new in the workspace makes the stamp old, and what it asks for is judged."""
        three = changed(ONE, 'name = "one"', 'name = "three"').replace('"requests"', '"httpx"')
        case = Case(tmp_path, {**self.FILES, "packages/three/pyproject.toml": three})

        assert {found[0] for found in case.findings("lock", "pdm.lock")} == {"stale-stamp", "missing-direct"}

    def test_member_that_is_no_distribution(self, tmp_path: Path) -> None:
        """None of its requirements are installed by pdm."""
        case = Case(tmp_path, self.FILES)
        three = changed(ONE, 'name = "one"', 'name = "three"').replace('"requests"', '"httpx"')
        case.write({"packages/three/pyproject.toml": f"{three}\n[tool.pdm]\ndistribution = false\n"})

        assert {found[0] for found in case.findings("lock", "pdm.lock")} == {"stale-stamp"}

    @pytest.mark.parametrize(
        "written",
        ["-e file:///${PROJECT_ROOT}/packages/two#egg=two", "-e file:///${PROJECT_ROOT}/packages/two", "two"],
    )
    def test_member_in_a_group(self, tmp_path: Path, written: str) -> None:
        """As in theBraindonor/crypts-and-commits: what is locked for a project that is no distribution is of that group."""
        project = f'{WORKSPACE}[tool.pdm.dev-dependencies]\ndev = ["{written}"]\n'
        files = {**self.FILES, "pyproject.toml": project}
        files["packages/two/pyproject.toml"] = f"{TWO}[tool.pdm]\ndistribution = false\n"
        lock = WORKSPACE_LOCK.replace('["default"]\nstrategy', '["default", "dev"]\nstrategy')

        found = Case(tmp_path, {**files, "pdm.lock": lock}).facts.locks["pdm.lock"]

        assert [(root.part, str(root.requirement), root.file) for root in found.roots] == [
            ("", "click", "pyproject.toml"),
            ("dev", "requests", "packages/two/pyproject.toml"),
            ("", "requests", "packages/one/pyproject.toml"),
            ("dev", "requests", "packages/one/pyproject.toml"),
        ]
        assert found.faults == ()

    def test_the_project_itself(self, tmp_path: Path) -> None:
        """A requirement of the project itself is none, however it is written."""
        project = f'{WORKSPACE}[tool.pdm.dev-dependencies]\ndev = ["-e file:///${{PROJECT_ROOT}}/", "shop"]\n'
        lock = WORKSPACE_LOCK.replace('["default"]\nstrategy', '["default", "dev"]\nstrategy')
        case = Case(tmp_path, {**self.FILES, "pyproject.toml": project, "pdm.lock": lock})

        assert {found[0] for found in case.findings("lock", "pdm.lock")} == {"stale-stamp"}

    def test_public(self) -> None:
        """The hash in the lock of a public project: theBraindonor/crypts-and-commits at 129590a."""
        place = "-e file:///${PROJECT_ROOT}/packages/"
        names = ("crypts-and-commits", "demo-api")
        groups = {
            "dev": [f"{place}{name}#egg={name}" for name in names],
            "test": ["pytest", "pytest-cov"],
            "lint": ["ruff"],
        }
        members = {"members": [f"packages/{name}" for name in names]}
        asked = ["typer", "rich", "click", "python-frontmatter", "mcp", "tomlkit>=0.15.1"]

        def project(dependencies: list[str], **settings: object) -> dict[str, object]:
            return {"project": {"dependencies": dependencies, "requires-python": ">=3.11"}, "tool": {"pdm": settings}}

        root = project([], **{"dev-dependencies": groups, "workspace": members})
        others = [(f"packages/{names[1]}", project([])), (f"packages/{names[0]}", project(asked))]

        assert "913fbdfc96ed2ae9f3807114a75af569567de48d98167130e74ad9ca0afb71c4" in content_hashes(
            root, Version("4.5.0"), "sha256", others
        )

    def test_member_that_cannot_be_read(self, tmp_path: Path) -> None:
        """Its fault is told, and nothing is said of the stamp."""
        case = Case(tmp_path, {**self.FILES, "packages/one/pyproject.toml": "= 1\n"})

        assert [(found[0], found[4]) for found in case.findings("lock", "pdm.lock")] == [
            ("unreadable", "packages/one/pyproject.toml:1")
        ]


class TestTargets:
    """What a lock was made for."""

    ONE = '[[metadata.targets]]\nrequires_python = ">=3.9,<3.11"\n\n[[metadata.targets]]\nrequires_python = ">=3.11"\n'

    def lock(self, *targets: str) -> str:
        """Give the lock for other targets."""
        return changed(LOCK, self.ONE, "".join(f"[[metadata.targets]]\n{target}\n\n" for target in targets))

    def test_one_platform(self, tmp_path: Path) -> None:
        """What another platform needs is not missing; there, its pins are not those of the environment."""
        project = changed(PROJECT, '"jinja2>=3.1"', '"jinja2>=3.1", "pywin32; sys_platform == \'win32\'"')
        lock = self.lock('requires_python = ">=3.9"\nplatform = "manylinux_2_40_x86_64"')
        case = case_of(tmp_path, project, lock)
        assert (judged(case), stamp(case)) == ([], HOLDS)

        case.run_on("3.12.1", **WINDOWS, os_name="nt")

        assert judged(case) == []
        assert case.judge("installed", "pdm.lock").reason == "pdm.lock was compiled for manylinux_2_40_x86_64"

    def test_two_platforms(self, tmp_path: Path) -> None:
        """On one that is none of them, it is not for this environment."""
        lock = self.lock(*(f'requires_python = ">=3.9"\nplatform = "{name}"' for name in ("linux", "windows_amd64")))
        case = case_of(tmp_path, PROJECT, lock)
        assert codes(case) == []

        case.run_on("3.12.1", sys_platform="darwin", platform_system="Darwin")

        assert case.judge("installed", "pdm.lock").reason == "pdm.lock was compiled for linux, windows_amd64"

    @pytest.mark.parametrize(
        ("targets", "markers"),
        [
            (('requires_python = ">=3.9"',), ['python_full_version >= "3.9"']),
            (
                (
                    'requires_python = ">=3.9"\nplatform = "macos_14_0_arm64"',
                    'requires_python = ""\nplatform = "linux"',
                ),
                ['(python_full_version >= "3.9" and sys_platform == "darwin") or (sys_platform == "linux")'],
            ),
            (('requires_python = ""', 'requires_python = ">=3.9"'), []),
        ],
    )
    def test_supported(self, targets: tuple[str, ...], markers: list[str]) -> None:
        """Where pdm would install it."""
        assert [support.marker for support in read(lock=self.lock(*targets)).supports] == markers

    def test_four_hundred(self, tmp_path: Path) -> None:
        """However many platforms there are, those of this machine's system are for it, and for no other."""
        lock = self.lock(*(f'requires_python = ">=3.9"\nplatform = "linux_{number}"' for number in range(400)))
        case = case_of(tmp_path, PROJECT, lock)
        assert codes(case) == []

        case.run_on("3.12.1", sys_platform="darwin", platform_system="Darwin")

        assert case.judge("lock", "pdm.lock").status == "unchecked"

    def test_what_no_marker_can_say(self, tmp_path: Path) -> None:
        """Nothing is made from a lock for Pythons that cannot be compared with any, and it is said of which."""
        lock = read(lock=self.lock("requires_python = '===3\"9'"))
        environment = {"python_full_version": "3.12.1", **LINUX}

        with pytest.raises(LockError, match='is for requires-python ===3"9, which cannot be read'):
            pins_of(lock, environment, None, tmp_path)

    def test_of_an_unknown_machine(self) -> None:
        """Before the schema 4.5 a lock for one platform does not say for which."""
        lock = read(OLD_PROJECT, changed(OLD_LOCK, 'strategy = ["cross_platform"]', "strategy = []"))

        assert (lock.target.universal, lock.target.environment) == (False, ())

    def test_before_strategies(self) -> None:
        """The schemas 4.0 to 4.3 have a key of their own for that, and are for all platforms without it."""
        for key, expected in (("cross_platform = true", True), ("cross_platform = false", False), ("", True)):
            lock = changed(changed(OLD_LOCK, 'strategy = ["cross_platform"]', key), '"4.4.1"', '"4.3"')

            assert read(OLD_PROJECT, lock).target.universal is expected

    def test_files_of_all(self) -> None:
        """The schemas 4.0 to 4.2 list the files of all packages together."""
        lock = (
            '[[package]]\nname = "arpeggio"\nversion = "2.0.0"\n\n[metadata]\nlock_version = "4.1"\n\n[metadata.files]\n'
            '"arpeggio 2.0.0" = [\n'
            '    {url = "https://index.example/3d/ed/Arpeggio-2.0.0.tar.gz", hash = "sha256:d6b0"},\n'
            '    {url = "https://index.example/7a/b7/Arpeggio-2.0.0-py2.py3-none-any.whl", hash = "sha256:448e"},\n]\n'
        )

        assert pin_of(read(lock=lock), "arpeggio").hashes == ("sha256:d6b0", "sha256:448e")


class TestCopy:
    """`lock_inputs`: a copy of the inputs in the place of their hash."""

    def test_unchanged(self) -> None:
        """It is what the stamp is."""
        found = read(COPY_PROJECT, COPY_LOCK).stamp

        assert found is not None
        assert (found.name, found.line) == ("lock_inputs", line_of(COPY_LOCK, "[metadata.lock_inputs.project]"))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"jinja2>=3.1"', '"Jinja2 >= 3"'),
            ("; sys_platform == 'win32'", " ; ('win32'==sys_platform)"),
            (
                '    "jinja2>=3.1",\n    "colorama>=0.4; sys_platform == \'win32\'",\n',
                '    "colorama>=0.4; sys_platform == \'win32\'",\n    "jinja2>=3.1",\n',
            ),
            ('"pytest>=7,<9"', '"pytest"'),
        ],
    )
    def test_not_stale(self, tmp_path: Path, old: str, new: str) -> None:
        """Order, spelling and versions are no matter, as far as the pins hold."""
        assert codes(case_of(tmp_path, changed(COPY_PROJECT, old, new), COPY_LOCK)) == []

    @pytest.mark.parametrize(
        ("old", "new", "cause"),
        [
            (
                '"pytest>=7,<9"',
                '"pytest>=7,<9", "pluggy"',
                "pyproject.toml:11 asks for pluggy in test, and the copy in the lock does not",
            ),
            ('    "jinja2>=3.1",\n', "", "pyproject.toml no longer asks for jinja2"),
            (
                "colorama>=0.4; sys_platform == 'win32'",
                "colorama>=0.4",
                (
                    "pyproject.toml:7 asks for colorama, and the copy in the lock does not; "
                    'pyproject.toml no longer asks for colorama ; sys_platform == "win32"'
                ),
            ),
            (
                "coverage[toml]",
                "coverage",
                (
                    "pyproject.toml no longer asks for coverage[toml] in test; "
                    "pyproject.toml:12 asks for coverage in cov, and the copy in the lock does not; "
                    "pyproject.toml no longer asks for coverage[toml] in cov"
                ),
            ),
            (
                'requires-python = ">=3.9"',
                'requires-python = ">=3.10"',
                "pyproject.toml supports Python >=3.10, and the copy in pdm.lock has >=3.9",
            ),
            (
                "https://index.example/simple",
                "https://other.example/simple",
                "[[tool.pdm.source]] of pyproject.toml is not that of the copy in pdm.lock",
            ),
            (
                "respect-source-order = true",
                "respect-source-order = false\nexclude-newer = 2026-01-01\n",
                "[tool.pdm.resolution] of pyproject.toml is not that of the copy in pdm.lock",
            ),
        ],
        ids=["added", "removed", "marker", "extra", "python", "source", "resolution"],
    )
    def test_stale(self, tmp_path: Path, old: str, new: str, cause: str) -> None:
        """What differs is said."""
        case = case_of(tmp_path, changed(COPY_PROJECT, old, new), COPY_LOCK)

        holds = "" if "colorama" in cause or "for jinja2" in cause else ": the pins still hold, only the stamp is old"
        assert stamp(case) == f"{cause}{holds}"

    def test_written_otherwise(self, tmp_path: Path) -> None:
        """A date is a text in the copy, and the order of names in a source is no matter."""
        project = changed(COPY_PROJECT, "= true\nr", "= true\nexclude-newer = 2026-01-01\nr")
        project = changed(project, 'simple"\n', 'simple"\ninclude_packages = ["b", "a"]\n')
        lock = changed(COPY_LOCK, "respect-source", 'exclude-newer = "2026-01-01"\nrespect-source')
        lock = changed(lock, 'name = "ours"\n', 'name = "ours"\ninclude_packages = ["a", "b"]\n')

        assert codes(case_of(tmp_path, project, lock)) == []

    def test_credentials(self, tmp_path: Path) -> None:
        """They are no part of the copy."""
        project = changed(COPY_PROJECT, 'simple"\n', 'simple"\nusername = "me"\npassword = "secret"\n')

        assert codes(case_of(tmp_path, project, COPY_LOCK)) == []

    def test_asked_for(self, tmp_path: Path) -> None:
        """A project that asks for a copy is not content with a hash."""
        project = f"{OLD_PROJECT}\n[tool.pdm.resolution]\nlock_inputs = true\n"

        assert stamp(case_of(tmp_path, project, OLD_LOCK)) == (
            "pyproject.toml asks for a copy of the inputs (lock_inputs), and pdm.lock has none: "
            "the pins still hold, only the stamp is old"
        )

    @pytest.mark.parametrize("copy", ["1", '"a"', "{ project = 1 }", "{}", "{ project = {}, workspace = 1 }"])
    def test_no_copy(self, tmp_path: Path, copy: str) -> None:
        """What pdm has not written is stale."""
        lock = re.sub(r"(?s)\n\[metadata\.lock_inputs.*?(?=\n\[\[package)", "", COPY_LOCK)
        lock = changed(lock, 'lock_version = "4.5.1"\n', f'lock_version = "4.5.1"\nlock_inputs = {copy}\n')

        assert stamp(case_of(tmp_path, COPY_PROJECT, lock)) == (
            "the copy of the inputs in pdm.lock is not of the form that pdm writes: "
            "the pins still hold, only the stamp is old"
        )

    @pytest.mark.parametrize(
        "copy",
        ["{ project = { groups = 1 } }", "{ project = { groups = { a = [1] } } }", "{ project = { volatile = true } }"],
    )
    def test_not_compared(self, tmp_path: Path, copy: str) -> None:
        """What cannot be compared is no verdict, and no green."""
        lock = re.sub(r"(?s)\n\[metadata\.lock_inputs.*?(?=\n\[\[package)", "", COPY_LOCK)
        lock = changed(lock, 'lock_version = "4.5.1"\n', f'lock_version = "4.5.1"\nlock_inputs = {copy}\n')
        project = "[project]\nname = 'shop'\n"

        said = "keeps a volatile copy of its inputs, which pdm itself never takes for unchanged"
        reason = f"pdm.lock {said}" if "volatile" in copy else "cannot be compared with pyproject.toml"
        found = read(project, lock).stamp
        outcome = case_of(tmp_path, project, lock).judge("lock", "pdm.lock")

        assert found is not None
        assert (found.accepted, outcome.judged) == (None, False)
        assert (outcome.reason or "").endswith(reason)

    @pytest.mark.parametrize(
        ("python", "shown"), [('"bad"', "'bad'"), ("3", "int"), ('"https://u:secret@h/"', "'https://****@h/'")]
    )
    def test_python_that_is_none(self, tmp_path: Path, python: str, shown: str) -> None:
        """It is told, and what else has changed is not hidden by it."""
        project = changed(COPY_PROJECT, 'requires-python = ">=3.9"', f"requires-python = {python}")
        outcome = case_of(tmp_path, project, COPY_LOCK).judge("lock", "pdm.lock")

        assert [(each.line, each.message) for each in outcome.findings if each.code == "unreadable"] == [
            (
                line_of(project, "requires-python"),
                f"'requires-python' has to be a specifier (PEP 440), such as '>=3.9', not {shown}",
            )
        ]
        assert outcome.reason == "the copy of the inputs in pdm.lock cannot be compared with pyproject.toml"

    def test_member_that_is_built(self, tmp_path: Path) -> None:
        """What only a build tells, pdm never takes for unchanged; that is no green."""
        files = dict(TestWorkspace.FILES)
        files["pdm.lock"] = re.sub('content_hash = ".*"\n', "", WORKSPACE_LOCK).replace(
            "[[package]]", f"{self.WORKSPACE_COPY}\n[[package]]", 1
        )
        member = files["packages/one/pyproject.toml"]
        files["packages/one/pyproject.toml"] = changed(member, 'version = "1.0"', 'dynamic = ["version"]')

        outcome = Case(tmp_path, files).judge("lock", "pdm.lock")

        assert outcome.reason == (
            "a build tells what packages/one/pyproject.toml asks for: pdm itself never takes that for unchanged"
        )

    WORKSPACE_COPY = """\
[metadata.lock_inputs.project]
requires-python = ">=3.9"
sources = []

[metadata.lock_inputs.project.groups]
default = ["click", "url-sha256:3439", "url-sha256:d775"]

[metadata.lock_inputs.project.resolution]
""" + "".join(
        f"""
[metadata.lock_inputs.workspace."packages/{name}"]
requires-python = ">=3.9"
sources = []

[metadata.lock_inputs.workspace."packages/{name}".groups]
default = {json.dumps(asked)}

[metadata.lock_inputs.workspace."packages/{name}".resolution]

[metadata.lock_inputs.workspace."packages/{name}".package]
distribution = true
dynamic = []
name = "{name}"
version = "1.0"

[metadata.lock_inputs.workspace."packages/{name}".package.build-system]
requires = []
build-backend = "back"
backend-path = ["."]
"""
        for name, asked in (("one", ["requests"]), ("two", ["one", "requests"]))
    )

    @pytest.mark.parametrize(
        ("path", "old", "new", "expected"),
        [
            ("pyproject.toml", "", "", None),
            (
                "packages/one/pyproject.toml",
                'version = "1.0"',
                'version = "1.1"',
                "name, version or build of packages/one/pyproject.toml are not those of the copy in pdm.lock",
            ),
            (
                "packages/two/pyproject.toml",
                '"requests", ',
                "",
                "packages/two/pyproject.toml no longer asks for requests",
            ),
            ("pyproject.toml", '"packages/*"', '"packages/one"', "packages/two no longer belongs to the workspace"),
        ],
        ids=["unchanged", "version", "removed", "member"],
    )
    def test_workspace(self, tmp_path: Path, path: str, old: str, new: str, expected: str | None) -> None:
        """The copy has each project of the workspace."""
        files = dict(TestWorkspace.FILES)
        files["pdm.lock"] = re.sub('content_hash = ".*"\n', "", WORKSPACE_LOCK).replace(
            "[[package]]", f"{self.WORKSPACE_COPY}\n[[package]]", 1
        )
        files[path] = files[path].replace(old, new) if old else files[path]

        said = stamp(Case(tmp_path, files))

        assert (said or "").partition(": the pins")[0] == (expected or "")

    def test_workspace_grown(self, tmp_path: Path) -> None:
        """A project that the copy does not have."""
        lock = re.sub('content_hash = ".*"\n', "", WORKSPACE_LOCK)
        files = {
            **TestWorkspace.FILES,
            "pdm.lock": lock.replace("[[package]]", f"{self.WORKSPACE_COPY}\n[[package]]", 1),
        }
        three = changed(ONE, 'name = "one"', 'name = "three"')

        said = stamp(Case(tmp_path, {**files, "packages/three/pyproject.toml": three}))

        assert said is not None
        assert said.startswith("packages/three belongs to the workspace, and pdm.lock does not have it")


class TestHashes:
    """pdm's content hash, by the values that it has written."""

    @pytest.mark.parametrize("golden", ["targets", "old", "places"])
    def test_golden(self, golden: str) -> None:
        """Those of pdm 2.12 and 2.29."""
        project, lock = GOLDEN[golden]
        found = read(project, lock).stamp

        assert found is not None
        assert found.accepted is not None
        assert found.written in found.accepted

    @pytest.mark.parametrize(
        ("schema", "project", "expected"),
        [
            pytest.param(
                "4.5.0",
                """\
[project]
dependencies = ["packaging>=20", "platformdirs>=4.3.6"]
requires-python = ">=3.8"
[tool.pdm.dev-dependencies]
tests = ["pytest"]
""",
                "60018977405b138cb5c36085fd2c174a69daac54e96e46d77fe5449078691223",
                id="frostming/findpython at 00c0a63",
            ),
            pytest.param(
                "4.5.0",
                """\
[project]
dependencies = ["packaging>=22"]
requires-python = ">=3.9"
[tool.pdm.dev-dependencies]
dev = ["pytest>=7.4.3"]
""",
                "e8e84e62db6c07f57769e416d7aa19fd4f3e00a46de828be940adbfb3778a3a3",
                id="pdm-project/dep-logic at b9faea5",
            ),
            pytest.param(
                "4.5.0",
                """\
[project]
dependencies = [
    "langchain>=1.2.2",
    "pydantic-settings>=2.12.0",
    "langchain-anthropic>=1.3.1",
    "pyyaml>=6.0",
    "structlog>=25.5.0",
    "textual>=7.3.0",
    "textual-dev>=1.8.0",
    "langgraph>=1.0.6",
]
requires-python = "==3.13.*"
[dependency-groups]
dev = ["pytest>=9.0.2", "ruff>=0.14.11"]
""",
                "d7d49470e8ed9f5b1d3196fc54c4fa3146222bc9cb6478da61f6212a4080bf78",
                id="730alchemy/story-lord at d7fcd4f, with the standard's groups",
            ),
            pytest.param(
                "4.5.0",
                """\
[project]
dependencies = [
    "aiocache>=0.12.2",
    "pyobjc-framework-MediaPlayer>=10.0 ; sys_platform == 'darwin'",
    "python-mpd2>=3.1.0",
    "xdg-base-dirs>=6.0.1",
    "pytomlpp>=1.0.13",
    "yarl>=1.9.4",
    "boltons>=24.0.0",
    "pydantic>=2.7.4",
    "rich>=13.7.1",
    "ormsgpack>=1.5.0",
]
requires-python = ">=3.12"
[project.optional-dependencies]
redis = ["aiocache[redis]"]
memcached = ["aiocache[memcached]"]
websockets = ["websockets>=12.0"]
all = ["mpd-now-playable[redis,memcached,websockets]"]
[dependency-groups]
dev = ["pytest>=8.0", "mypy>=1.11", "ruff>=0.15", "class-doc>=0.2.6"]
""",
                "551970d3b5c9675e8edd582bf96f4b64476b4a2bb852a124439621a8df2075a4",
                id="00dani/mpd-now-playable at 491e7de, with extras",
            ),
            pytest.param(
                "4.4.1",
                """\
[project]
dependencies = ["pydantic>=2.6.1", "pycountry>=23.12.11", "pydantic-extra-types>=2.5.0", "structlog>=24.1.0"]
requires-python = ">=3.11,<4.0"
[project.optional-dependencies]
testing = ["polyfactory>=2.14.1"]
[tool.pdm.dev-dependencies]
dev = [
    "pytest==7",
    "pytest-sugar>=1.0.0",
    "pytest-cases>=3.8.2",
    "pytest-mock>=3.12.0",
    "polyfactory<3.0.0,>=2.14.1",
    "pytest-cov>=4.1.0",
    "pydantic-extra-types<3.0.0,>=2.5.0",
    "pycountry<24.0.0,>=23.12.11",
    "rich>=13.7.0",
]
httpx = ["httpx>=0.26.0"]
""",
                "203b2ce4eb78b902afadcb78e1e801e2b344721fd5607413c1be1c6d57f100f2",
                id="2e0byo/littoral at dd04d92, before 4.4.2",
            ),
            pytest.param(
                "4.4.2",
                '[project]\ndependencies = ["requests>=2.32.3", "tenacity>=9.0.0"]\nrequires-python = ">=3.11"\n',
                "f5555ae8a303d3f731ef908fc747add97a6c1cf45e9ffdf812b4ff4c563fb3b8",
                id="0xE111/anyapi at e5008c5",
            ),
        ],
    )
    def test_public(self, schema: str, project: str, expected: str) -> None:
        """Those in the locks of public projects; the keys that have no part in it are left out."""
        assert expected in content_hashes(load_toml("pyproject.toml", project), Version(schema))

    def test_old_variants(self) -> None:
        """A lock of a new schema is not compared with the hashes of old versions."""
        data = load_toml(
            "pyproject.toml", "[project]\n[dependency-groups]\nA_b = ['x']\n[tool.pdm.dev-dependencies]\nC_d = []\n"
        )

        assert [len(content_hashes(data, Version(schema))) for schema in ("4.5.1", "4.4.2", "4.4.1")] == [1, 2, 3]

    def test_algorithm(self, tmp_path: Path) -> None:
        """The lock names the algorithm; of one that nobody knows nothing is said."""
        digest = hashlib.md5(
            json.dumps(
                {
                    "dependencies": [],
                    "dev-dependencies": {},
                    "optional-dependencies": {},
                    "requires-python": "",
                    "resolution": {},
                    "sources": [],
                },
                sort_keys=True,
            ).encode(),
            usedforsecurity=False,
        ).hexdigest()

        assert content_hashes({}, Version("4.5.1"), "md5") == {digest}
        assert content_hashes({}, Version("4.5.1"), "none") == frozenset()

        (digest,) = content_hashes(load_toml("pyproject.toml", PROJECT), Version("4.5.1"), "md5")
        case = case_of(tmp_path)
        for written, is_fresh in ((f"md5:{digest}", True), (f"md5:{'0' * 32}", False), ("none:0", True)):
            case.write({"pdm.lock": re.sub('content_hash = ".*"', f'content_hash = "{written}"', LOCK)})
            assert (codes(case) == []) is is_fresh

    def test_a_date(self) -> None:
        """What JSON cannot hold makes no hash, and no fault."""
        assert read(f"{PROJECT}[tool.pdm.resolution]\nexclude-newer = 2026-01-01\n").stamp is None


class TestBroken:
    """Whatever stands in the files: a fault at a line, and nothing is raised."""

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('version = "8.0"', "", "the package 'pytest' has no version"),
            ('version = "8.0"', "version = 8", "'version' of the package 'pytest' has to be a string, not int"),
            ('version = "8.0"', 'version = "eight"', "'eight' is not a version of the package 'pytest'"),
            ('name = "pytest"\n', "", "a package has no name"),
            ('name = "pytest"\n', 'name = "py test"\n', "'py test' is no name of a package"),
            ('groups = ["test"]', 'groups = "test"', "'groups' of the package 'pytest' has to be a list of strings"),
            ('groups = ["test"]', "groups = [1]", "'groups' of the package 'pytest' has to be a list of strings"),
            (
                'groups = ["test"]',
                'marker = "nonsense"',
                "the marker 'nonsense' is not valid: Expected a marker operator, one of <=, <, !=, ==, >=, >, ~=, ===, in, not in",
            ),
            (
                "dependencies = [",
                "dependencies = [1,",
                "'dependencies' of the package 'pytest' has to be a list of strings",
            ),
            ('"pluggy>=1"', '"pluggy>=>1"', "'pluggy>=>1', which the package 'pytest' needs, is not a requirement: "),
            ("files = [", "files = [1,", "'files' of the package 'pytest' has to be a list of tables"),
        ],
    )
    def test_package(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        """A package that cannot be read is told at the line that it begins on, and the others are."""
        start = LOCK.index('[[package]]\nname = "pytest"')
        end = LOCK.index("[[package]]", start + 1)
        lock = LOCK[:start] + LOCK[start:end].replace(old, new, 1) + LOCK[end:]
        found = read(PROJECT, lock)

        (fault,) = found.faults
        assert (fault.code, fault.line) == ("unreadable", line_of(LOCK, '[[package]]\nname = "pytest"'))
        assert fault.message[:40] == message[:40]
        assert len(found.pins) == 21
        assert case_of(tmp_path, PROJECT, lock).judge("lock", "pdm.lock").status == "broken"

    @pytest.mark.parametrize(
        "lock",
        [
            "",
            "[",
            "a = 1\n",
            "metadata = 1\n",
            "[metadata]\nlock_version = 4\n",
            '[metadata]\nlock_version = "four"\n',
            '[metadata]\nlock_version = "4.5.0"\ntargets = 1\n',
            '[metadata]\nlock_version = "4.5.0"\ntargets = [1]\n',
            '[metadata]\nlock_version = "4.5.0"\ngroups = 1\n',
            '[metadata]\nlock_version = "4.5.0"\nstrategy = [1]\n',
            '[metadata]\nlock_version = "4.5.0"\ncontent_hash = 1\n',
            '[metadata]\nlock_version = "4.2"\nfiles = 1\n',
            'package = 1\n[metadata]\nlock_version = "4.5.0"\n',
            'package = [1]\n[metadata]\nlock_version = "4.5.0"\n',
            LOCK[:700],
            LOCK[: LOCK.index("version")],
        ],
    )
    def test_any_lock(self, tmp_path: Path, lock: str) -> None:
        """A file that is no lock, or half of one."""
        outcome = case_of(tmp_path, PROJECT, lock).judge("lock", "pdm.lock")

        assert outcome.judged is False
        assert [finding.code for finding in outcome.findings if finding.file == "pdm.lock"] == ["unreadable"]

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("pdm.lock", "[metadata.lock_inputs.project.more]\n{}\n"),
            ("pyproject.toml", "[tool.pdm.scripts]\n{}\n"),
            ("pyproject.toml", "[tool.pdm.dev-dependencies]\nmany = [{{ {} }}]\n"),
        ],
    )
    def test_too_deep(self, path: str, text: str) -> None:
        """Keys within keys are refused before anybody follows them: the parser itself has no limit for these."""
        files = {"pyproject.toml": COPY_PROJECT, "pdm.lock": COPY_LOCK}
        files[path] += "\n" + text.format(f"{'.'.join(3000 * ['a'])} = 1")

        assert faults(read(files["pyproject.toml"], files["pdm.lock"])) == [
            f"unreadable {path}:None is not valid TOML: it is nested too deeply"
        ]

    @pytest.mark.parametrize(
        "targets",
        [
            "[{ requires_python = 1 }]",
            '[{ requires_python = "=>3" }]',
            pytest.param(f'[{{ requires_python = ">={"9" * 5000}" }}]', id="long"),
            "[{ platform = 1 }]",
            '[{ platform = "beos" }]',
            "[{}, {}]",
        ],
    )
    def test_any_target(self, targets: str) -> None:
        """A target that tells nothing is for everything, or for what is not known."""
        lock = read(lock=f'[metadata]\nlock_version = "4.5.0"\ntargets = {targets}\n')

        assert (faults(lock), lock.target.python, lock.target.environment) == ([], None, ())

    @pytest.mark.parametrize(
        "project",
        [
            "[",
            "project = 1\n",
            "[project]\ndependencies = 1\n",
            "[project]\nname = 1\n",
            "[project]\noptional-dependencies = 1\n",
            "[project.optional-dependencies]\na = 1\n",
            "[dependency-groups]\na = 1\n",
            "tool = 1\n",
            "[tool]\npdm = 1\n",
            "[tool.pdm]\ndev-dependencies = 1\nresolution = 1\n",
            "[project]\nname = 'a'\n[tool.pdm]\nsource = 1\nworkspace = 1\n",
            "[project]\nname = 'a'\n[tool.pdm.resolution]\noverrides = 1\n",
            "[project]\nname = 'a'\n[tool.pdm.resolution]\nexcludes = [1]\n",
            "[project]\nname = 'a'\ndynamic = 1\nrequires-python = 1\n[tool.pdm.workspace]\nmembers = 1\n",
            "[project]\nname = 'a'\nrequires-python = '=>3'\ndependencies = ['-e ./a', 'a[x]', './b', '${X}']\n",
            "[dependency-groups]\na = [1, { include-group = 'b' }, { include-group = 'a' }]\n",
        ],
    )
    @pytest.mark.parametrize("lock", [LOCK, COPY_LOCK], ids=["hash", "copy"])
    def test_any_project(self, tmp_path: Path, project: str, lock: str) -> None:
        """The same of the project: a fault there, or nothing to compare with."""
        found = read(project, lock)

        assert {fault.file for fault in found.faults} <= {"pyproject.toml"}
        assert found.pins
        case = Case(tmp_path, {"api/pyproject.toml": project, "api/pdm.lock": lock})
        assert {finding.code for finding in case.judge("lock", "api/pdm.lock").findings} <= {
            *("unreadable", "missing-direct", "violated-direct", "orphan", "stale-stamp")
        }

    @pytest.mark.parametrize("schema", ["4.6.0", "5", "4.10"])
    def test_newer(self, tmp_path: Path, schema: str) -> None:
        """A schema that is not known is unchecked."""
        outcome = case_of(tmp_path, PROJECT, changed(LOCK, '"4.5.1"', f'"{schema}"')).judge("lock", "pdm.lock")

        assert (outcome.status, outcome.findings) == ("unchecked", ())
        assert outcome.reason == f"pdm.lock has schema {schema}, and the latest that is known here is 4.5"

    @pytest.mark.parametrize("schema", ['lock_version = "3.1"\n', ""])
    def test_older(self, tmp_path: Path, schema: str) -> None:
        """So is one of pdm 1, the first of which had no number."""
        outcome = case_of(tmp_path, PROJECT, changed(LOCK, 'lock_version = "4.5.1"\n', schema)).judge(
            "lock", "pdm.lock"
        )

        assert outcome.status == "unchecked"
        assert outcome.reason == "pdm.lock was written by pdm 1 or older: lock again with a later one"

    def test_no_project(self, tmp_path: Path) -> None:
        """Without a `pyproject.toml` there is nothing to compare with."""
        case = Case(tmp_path, {"pdm.lock": LOCK})

        assert case.judge("lock", "pdm.lock").reason == (
            "none of its pins is installed at the locked version, and it has no inputs to compare with"
        )

    @pytest.mark.parametrize("project", ["[tool.ruff]\n", "[tool.poetry]\nname = 'a'\n"])
    def test_not_the_project(self, tmp_path: Path, project: str) -> None:
        """A `pyproject.toml` without the standard's table is not what pdm reads."""
        assert case_of(tmp_path, project).judge("lock", "pdm.lock").reason == (
            "pyproject.toml has no [project]: it is not what the lock was made from"
        )

    def test_named_inputs(self) -> None:
        """The table may name the project, and nothing else."""
        files = {"pdm.lock": LOCK, "sub/pyproject.toml": PROJECT, "a.in": ""}

        lock = parse("pdm.lock", tree(files), Declaration(inputs=("sub/pyproject.toml",)))
        assert (faults(lock), lock.roots[0].file) == ([], "sub/pyproject.toml")

        lock = parse("pdm.lock", tree(files), Declaration(inputs=("a.in", "gone/pyproject.toml")))
        assert faults(lock) == [
            "unreadable a.in:None is no input of pdm.lock: pdm reads one pyproject.toml",
            "input-missing pdm.lock:None gone/pyproject.toml does not exist",
        ]

    def test_places_without_a_name(self) -> None:
        """What a package needs may be a place that tells no name: nothing can follow it."""
        lock = changed(
            LOCK, '    "pluggy>=1",\n', '    "pluggy>=1", "./lib", "-e file:///${PROJECT_ROOT}/lib#egg=lib",\n'
        )

        assert pin_of(read(lock=lock), "pytest").requires == ("pluggy>=1", 'tomli>=1; python_version < "3.11"')

    def test_many(self, tmp_path: Path) -> None:
        """Ten thousand packages in a chain, all of them asked for, are read and followed."""
        count = 10_000
        names = [f"package-{number}" for number in range(count)]
        packages = "".join(
            f'[[package]]\nname = "{name}"\nversion = "1.0"\ngroups = ["default"]\ndependencies = ["{after}>=1"]\n'
            for name, after in zip(names, [*names[1:], names[0]], strict=True)
        )
        project = (
            "[project]\nname = 'shop'\ndependencies = [\n" + "".join(f'    "{name}~=1.0",\n' for name in names) + "]\n"
        )
        (digest,) = content_hashes(load_toml("pyproject.toml", project), Version("4.5.1"))
        lock = (
            f'[metadata]\ngroups = ["default"]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.1"\n'
            f'content_hash = "sha256:{digest}"\n[[metadata.targets]]\nrequires_python = ""\n{packages}'
        )

        outcome = case_of(tmp_path, project, lock).judge("lock", "pdm.lock")

        assert (outcome.status, outcome.total) == ("clean", count)
