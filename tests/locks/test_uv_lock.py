"""`uv.lock`, as uv itself wrote it, and after each small change: what is found, and what is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from judging import Case
from locks import uv_golden
from locks.documents import changed, without
from locks.reading import tree

from pytest_envrepro.locks import FORMATS
from pytest_envrepro.locks.uv_lock import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.model import Lock

pytestmark = pytest.mark.core

PROJECT = uv_golden.PROJECT
LOCK = PROJECT["uv.lock"]
INPUT = PROJECT["pyproject.toml"]
STALE = ": the pins still hold, only the stamp is old"


def read(files: Mapping[str, str], path: str = "uv.lock") -> Lock:
    """Read a lock from files that are given as text."""
    return parse(path, tree(files), None)


def project(folder: Path, *, lock: str = LOCK, inputs: str = INPUT) -> Case:
    """Give a project with a lock."""
    return Case(folder, {"pyproject.toml": inputs, "uv.lock": lock})


def codes(case: Case, check: str = "lock") -> list[tuple[str | None, ...]]:
    """Give the codes of a check's findings with their packages."""
    return [finding[:2] for finding in case.findings(check, "uv.lock")]


class TestReading:
    """What the lock of one project tells."""

    def test_format(self) -> None:
        """A file of this name is of this format, wherever it lies."""
        assert next(kind.name for kind in FORMATS if kind.may_be("sub/uv.lock")) == "uv.lock"
        assert next(kind.name for kind in FORMATS if kind.may_be("sub/other.lock")) == "requirements"

    def test_pins(self) -> None:
        """Every package is a pin, but for the project itself."""
        lock = read(PROJECT)

        assert (lock.tool, lock.install, lock.fix) == ("uv", "uv sync", "uv lock")
        assert (lock.faults, lock.unread, lock.partial) == ((), None, None)
        assert {pin.name: str(pin.version) for pin in lock.pins} == {
            "babel": "2.17.0",
            "click": "8.1.8",
            "colorama": "0.4.6",
            "exceptiongroup": "1.3.0",
            "iniconfig": "2.1.0",
            "jinja2": "3.1.6",
            "markupsafe": "3.0.2",
            "pluggy": "1.6.0",
            "pytest": "8.4.0",
            "six": "1.17.0",
            "typing-extensions": "4.14.0",
        }
        jinja = next(pin for pin in lock.pins if pin.name == "jinja2")
        assert LOCK.splitlines()[(jinja.line or 0) - 1 :][:2] == ["[[package]]", 'name = "jinja2"']
        assert jinja.requires == ("markupsafe", "babel ; extra == 'i18n'")
        assert jinja.hashes == ("sha256:84a0dafe",)
        assert jinja.sources == ("pyproject.toml",)

    def test_roots(self) -> None:
        """What the project asks for are the roots, each with its line and its part of the project."""
        lock = read(PROJECT)

        assert [f"{root.file}:{root.line} {root.part} {root.requirement}" for root in lock.roots] == [
            "pyproject.toml:14 dev pytest>=8",
            "pyproject.toml:15 docs six>=1.16",
            "pyproject.toml:14 docs pytest>=8",
            "pyproject.toml:6  jinja2>=3",
            "pyproject.toml:7  click",
            "pyproject.toml:11 [i18n] jinja2[i18n]",
        ]
        assert lock.inputs == ("pyproject.toml",)
        assert lock.rests_on == {"pyproject.toml"}
        assert lock.parts == {"dev", "docs", "[i18n]"}
        assert lock.usual == {"dev"}
        assert (lock.target.python, lock.target.line, lock.target.universal) == ("3.9", 3, True)

    @pytest.mark.parametrize(
        ("groups", "usual"),
        [('["docs"]', {"docs"}), ('"all"', {"dev", "docs"}), ("[]", set())],
    )
    def test_default_groups(self, groups: str, usual: set[str]) -> None:
        """The project may say which groups are installed."""
        files = {**PROJECT, "pyproject.toml": f"{INPUT}\n[tool.uv]\ndefault-groups = {groups}\n"}

        assert read(files).usual == usual

    def test_below_the_root(self) -> None:
        """A project in a folder has its commands."""
        lock = read({f"sub/{name}": text for name, text in PROJECT.items()}, "sub/uv.lock")

        assert (lock.fix, lock.install) == ("uv lock --project sub", "uv sync --project sub")
        assert {root.file for root in lock.roots} == {"sub/pyproject.toml"}

    def test_sources(self) -> None:
        """What comes from a checkout, a URL, an archive or a folder is pinned by the place."""
        lock = read(uv_golden.SOURCES)

        commit = "841e7625f774bbf1a921b7b50d136c54c3b85def"
        assert {pin.name: (pin.requirement.url, pin.editable) for pin in lock.pins if pin.requirement.url} == {
            "ed": ("ed", True),
            "iniconfig": ("iniconfig-2.1.0-py3-none-any.whl", False),
            "lib": ("lib", False),
            "pluggy": ("https://index.example/pluggy-1.6.0-py3-none-any.whl", False),
            "six": ("https://index.example/six-1.17.0-py3-none-any.whl", False),
            "wat": (f"git+https://git.example/wat@{commit}", False),
        }
        assert lock.excluded == {"demo", "vir"}


class TestVerdicts:
    """The lock of one project, after a change of it or of its input."""

    @pytest.mark.parametrize("name", ["PROJECT", "WORKSPACE", "CHOICES", "SOURCES", "VIRTUAL"])
    def test_unchanged(self, tmp_path: Path, name: str) -> None:
        """What uv has just written is clean."""
        case = Case(tmp_path, getattr(uv_golden, name))

        outcome = case.judge("lock", "uv.lock")

        assert (outcome.findings, outcome.status) == ((), "clean")

    def test_root_added(self, tmp_path: Path) -> None:
        """A requirement that is not locked is told at its line, and that the copy in the lock has it not."""
        case = project(tmp_path, inputs=changed(INPUT, '    "click",\n', '    "click",\n    "flask>=3",\n'))

        added = "pyproject.toml:8 asks for flask>=3, and the copy in the lock does not"
        assert case.findings("lock", "uv.lock") == [
            ("missing-direct", "flask", ">=3", None, "pyproject.toml:8", "not pinned in uv.lock"),
            ("stale-stamp", "requires-dist", None, None, "uv.lock:32", added),
        ]
        assert [finding.fix for finding in case.judge("lock", "uv.lock").findings] == ["uv lock", "uv lock"]

    def test_root_removed(self, tmp_path: Path) -> None:
        """What was locked for a requirement that is gone is stale; what else needs it is not."""
        case = project(tmp_path, inputs=changed(INPUT, '    "click",\n', ""))

        assert case.findings("lock", "uv.lock") == [
            ("stale-direct", "click", None, "8.1.8", "uv.lock:13", "pyproject.toml no longer asks for it"),
            ("stale-stamp", "requires-dist", None, None, "uv.lock:32", "pyproject.toml no longer asks for click"),
        ]

    def test_root_tightened(self, tmp_path: Path) -> None:
        """A requirement that the pin does not meet is violated."""
        case = project(tmp_path, inputs=changed(INPUT, '"jinja2>=3"', '"jinja2>=3.2"'))

        asks = "pyproject.toml:6 asks for jinja2>=3.2, and the copy in the lock has jinja2>=3"
        assert case.findings("lock", "uv.lock") == [
            ("violated-direct", "jinja2", ">=3.2", "3.1.6", "pyproject.toml:6", "uv.lock:89 pins 3.1.6"),
            ("stale-stamp", "requires-dist", None, None, "uv.lock:32", asks),
        ]

    @pytest.mark.parametrize("asked", ["jinja2>=3.1", "jinja2>=2", "jinja2"])
    def test_root_loosened(self, tmp_path: Path, asked: str) -> None:
        """A requirement that the pin meets still makes the copy alone old."""
        case = project(tmp_path, inputs=changed(INPUT, '"jinja2>=3"', f'"{asked}"'))

        asks = f"pyproject.toml:6 asks for {asked}, and the copy in the lock has jinja2>=3{STALE}"
        assert case.findings("lock", "uv.lock") == [("stale-stamp", "requires-dist", None, None, "uv.lock:32", asks)]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('    "jinja2>=3",\n    "click",\n', '    "click",\n    "jinja2>=3",\n'),
            ('"jinja2>=3"', "'Jinja2 >= 3.0'"),
            ('"jinja2[i18n]"', '"JINJA2 [I18N]"'),
            ("six>=1.16 ; python_version < '3.14'", "six >=1.16; python_full_version<'3.14.0'"),
            ("six>=1.16 ; python_version < '3.14'", "six>=1.16 ; python_version >= '3.9' and python_version < '3.14'"),
        ],
    )
    def test_same_in_other_words(self, tmp_path: Path, old: str, new: str) -> None:
        """Order, spelling, and what `requires-python` says already make no difference."""
        assert codes(project(tmp_path, inputs=changed(INPUT, old, new))) == []

    def test_marker_changed(self, tmp_path: Path) -> None:
        """Another marker is another requirement."""
        case = project(tmp_path, inputs=changed(INPUT, "< '3.14'", "< '3.13'"))

        (finding,) = case.findings("lock", "uv.lock")

        assert finding[-1] == (
            "pyproject.toml:15 asks for six>=1.16 ; python_version < '3.13' in docs, and the copy in the lock has "
            f"six>=1.16 ; python_full_version < '3.14'{STALE}"
        )

    def test_transitive_gone(self, tmp_path: Path) -> None:
        """A package that is gone is missing by the lists of what needs it, though nothing is installed."""
        case = project(tmp_path, lock=without(LOCK, "markupsafe"))

        assert case.findings("lock", "uv.lock") == [
            ("missing-transitive", "markupsafe", None, None, "uv.lock:89", "jinja2 3.1.6 needs markupsafe")
        ]

    def test_transitive_gone_with_its_edge(self, tmp_path: Path) -> None:
        """A package that is gone from the lists too is missing by the metadata of what needs it."""
        lock = changed(without(LOCK, "markupsafe"), 'dependencies = [\n    { name = "markupsafe" },\n]\n', "")
        case = project(tmp_path, lock=lock)

        assert codes(case) == []

        case.install("jinja2", "3.1.6", ("MarkupSafe>=2.0",))

        assert case.findings("lock", "uv.lock") == [
            ("missing-transitive", "markupsafe", ">=2.0", None, "uv.lock:89", "jinja2 3.1.6 needs markupsafe>=2.0")
        ]

    def test_edge_gone(self, tmp_path: Path) -> None:
        """A package that is there, and that nothing in the lock says to be needed, is not installed by uv."""
        lock = changed(LOCK, 'dependencies = [\n    { name = "markupsafe" },\n]\n', "")
        case = project(tmp_path, lock=lock)
        case.install("jinja2", "3.1.6", ("MarkupSafe>=2.0",))

        assert codes(case) == [("missing-transitive", "markupsafe")]

    def test_root_edge_gone(self, tmp_path: Path) -> None:
        """So is a requirement of the project that is gone from the list of what it needs."""
        case = project(
            tmp_path, lock=changed(LOCK, '\ndependencies = [\n    { name = "click" },\n', "\ndependencies = [\n")
        )

        message = "not pinned in uv.lock, but for other environments"
        assert case.findings("lock", "uv.lock") == [
            ("missing-direct", "click", None, None, "pyproject.toml:7", message)
        ]

    def test_transitive_changed(self, tmp_path: Path) -> None:
        """A pin outside of what its parent asks for is violated, by the parent's metadata."""
        case = project(tmp_path, lock=changed(LOCK, 'version = "3.0.2"', 'version = "1.1.1"'))
        case.install("jinja2", "3.1.6", ("MarkupSafe>=2.0",))

        assert case.findings("lock", "uv.lock") == [
            ("violated-transitive", "markupsafe", ">=2.0", "1.1.1", "uv.lock:105", "jinja2 3.1.6 needs markupsafe>=2.0")
        ]

    def test_pin_edited(self, tmp_path: Path) -> None:
        """A pin that was edited is not what is installed."""
        case = project(tmp_path, lock=changed(LOCK, 'version = "3.0.2"', 'version = "3.0.1"'))
        for name, version in (("jinja2", "3.1.6"), ("markupsafe", "3.0.2"), ("click", "8.1.8"), ("pytest", "8.4.0")):
            case.install(name, version)

        found = [finding for finding in case.findings("installed", "uv.lock") if finding[0] == "wrong-version"]

        assert found == [("wrong-version", "markupsafe", "==3.0.1", "3.0.2", "uv.lock:105", "3.0.2 is installed")]

    def test_hash_removed(self, tmp_path: Path) -> None:
        """A package without a hash is told, where its index tells hashes."""
        case = project(tmp_path, lock=changed(LOCK, ', hash = "sha256:84a0dafe"', ""))

        message = "no hash, though other pins have one: what is installed may be any file"
        assert case.findings("lock", "uv.lock") == [("partial-hashes", "jinja2", None, "3.1.6", "uv.lock:89", message)]

    def test_index_without_hashes(self, tmp_path: Path) -> None:
        """An index that tells no hash is no fault of the lock."""
        lock = re.sub(r', hash = "sha256:\w+"', "", uv_golden.CHOICES["uv.lock"], count=1)
        case = Case(tmp_path, {**uv_golden.CHOICES, "uv.lock": lock})

        assert codes(case) == []

    def test_stamp_edited(self, tmp_path: Path) -> None:
        """The copy of the input may have been edited alone."""
        case = project(tmp_path, lock=changed(LOCK, 'name = "jinja2", specifier = ">=3"', 'name = "jinja2"'))

        asks = f"pyproject.toml:6 asks for jinja2>=3, and the copy in the lock has jinja2{STALE}"
        assert case.findings("lock", "uv.lock") == [("stale-stamp", "requires-dist", None, None, "uv.lock:32", asks)]

    @pytest.mark.parametrize(
        ("old", "new", "cause"),
        [
            (
                'version = "0.1.0"',
                'version = "0.2.0"',
                "pyproject.toml has version 0.2.0, and the copy in uv.lock has 0.1.0",
            ),
            (
                'requires-python = ">=3.9"',
                'requires-python = ">=3.10"',
                "pyproject.toml supports Python >=3.10, and the copy in uv.lock has >=3.9",
            ),
            (
                "[project]\n",
                '[tool.uv]\nconstraint-dependencies = ["six<2"]\n[project]\n',
                "pyproject.toml:2 asks for six<2, and the copy in the lock does not",
            ),
            (
                "[project]\n",
                '[tool.uv.sources]\nclick = { git = "https://git.example/click", tag = "8.1.8" }\n[project]\n',
                None,
            ),
        ],
    )
    def test_stale(self, tmp_path: Path, old: str, new: str, cause: str | None) -> None:
        """What else the lock keeps of its input is compared too."""
        case = project(tmp_path, inputs=changed(INPUT, old, new))

        found = {finding[0]: finding[-1] for finding in case.findings("lock", "uv.lock")}

        if cause is not None:
            assert found == {"stale-stamp": f"{cause}{STALE}"}
        else:
            assert set(found) == {"violated-direct", "stale-stamp"}

    @pytest.mark.parametrize("supported", [">=3.9.0", ">3.8.99,>=3.9"])
    def test_same_pythons(self, tmp_path: Path, supported: str) -> None:
        """The same Pythons in other words are the same."""
        inputs = changed(INPUT, 'requires-python = ">=3.9"', f'requires-python = "{supported}"')

        assert codes(project(tmp_path, inputs=inputs)) == []

    def test_merge_markers(self, tmp_path: Path) -> None:
        """A merge that is not finished is told at its line, and nothing else."""
        merged = changed(LOCK, 'name = "six"\n', '<<<<<<< HEAD\nname = "six"\n=======\n>>>>>>> other\n')
        case = project(tmp_path, lock=merged)

        assert case.findings("lock", "uv.lock") == [
            ("merge-conflict", None, None, None, "uv.lock:136", "a merge conflict begins here")
        ]

    def test_python_outside(self, tmp_path: Path) -> None:
        """A Python that the project does not support is told by the check of it, and the lock judged for the lowest."""
        case = project(tmp_path)
        case.run_on("3.8.18")

        assert codes(case) == []
        assert [finding[0] for finding in case.findings("python", "pyproject.toml")] == ["python-mismatch"] * 2

    def test_other_platform(self, tmp_path: Path) -> None:
        """What is for another platform, or for a Python that the lock is not for, is not missing."""
        lock = without(LOCK, "colorama")
        inputs = changed(INPUT, '    "click",\n', '    "click",\n    "enum34 ; python_version < \'3.4\'",\n')
        case = project(tmp_path, lock=lock, inputs=inputs)
        case.run_on("3.12.1", sys_platform="linux", platform_system="Linux", os_name="posix")

        assert codes(case) == []

        case.run_on("3.12.1", sys_platform="win32", platform_system="Windows", os_name="nt")

        assert codes(case) == [("missing-transitive", "colorama")] * 2

    def test_extras_are_followed(self, tmp_path: Path) -> None:
        """What an extra of a package needs is missing where a root asks for that extra."""
        case = project(tmp_path, lock=without(LOCK, "babel"))

        assert codes(case) == [("missing-transitive", "babel")]

    def test_named_by_the_project_itself(self, tmp_path: Path) -> None:
        """A package may need the project in turn, which is no pin (pydantic-settings and pydantic)."""
        lock = changed(LOCK, '{ name = "iniconfig" },', '{ name = "iniconfig" },\n    { name = "demo" },')

        assert codes(project(tmp_path, lock=lock)) == []

    def test_described_by_the_project(self, tmp_path: Path) -> None:
        """What the project says that a package needs goes before its metadata (`tool.uv.dependency-metadata`)."""
        told = '[manifest]\n\n[[manifest.dependency-metadata]]\nname = "click"\nversion = "8.1.8"\n\n[[package]]\nname = "babel"'
        case = project(tmp_path, lock=changed(LOCK, '[[package]]\nname = "babel"', told))
        case.install("click", "8.1.8", ("gone",))

        assert codes(case) == []

    def test_same_requirement_twice_in_a_group(self, tmp_path: Path) -> None:
        """Groups that include one another have a requirement twice, which uv keeps once (fastapi)."""
        inputs = changed(INPUT, '{include-group = "dev"}]', '{include-group = "dev"}, "pytest>=8"]')

        assert codes(project(tmp_path, inputs=inputs)) == []


USUAL = {"click", "exceptiongroup", "iniconfig", "jinja2", "markupsafe", "pluggy", "pytest", "typing-extensions"}


class TestInstalled:
    """What of the lock is to be installed."""

    def absent(self, case: Case) -> set[str | None]:
        """Give what is said to be missing from this environment, which is empty."""
        case.run_on("3.10.4", sys_platform="linux", platform_system="Linux", os_name="posix")
        return {finding[1] for finding in case.findings("installed", "uv.lock") if finding[0] == "not-installed"}

    def test_usual(self, tmp_path: Path) -> None:
        """The project with its group `dev` is, and no extra."""
        case = project(tmp_path)

        assert self.absent(case) == USUAL
        assert case.judge("installed", "uv.lock").findings[0].fix == "uv sync"

    @pytest.mark.parametrize(
        ("chosen", "more", "less"),
        [
            ('groups = ["dev"], extras = ["i18n"]', {"babel"}, set()),
            ('groups = ["docs"]', {"six"}, set()),
            ('extras = ["i18n"]', {"babel"}, set()),
            ("groups = []", set(), USUAL - {"click", "jinja2", "markupsafe"}),
        ],
    )
    def test_chosen(self, tmp_path: Path, chosen: str, more: set[str], less: set[str]) -> None:
        """Groups and extras that the table names are, in the place of the usual ones."""
        table = f'\n[tool.envrepro]\ninstalled = [{{ lock = "uv.lock", {chosen} }}]\n'

        assert self.absent(project(tmp_path, inputs=INPUT + table)) == (USUAL | more) - less

    @pytest.mark.parametrize(
        ("chosen", "torch"),
        [("extras = []", "2.6.0"), ('extras = ["cpu"]', "2.5.1+cpu"), ('extras = ["gpu"]', "2.6.0")],
    )
    def test_parts_that_exclude_each_other(self, tmp_path: Path, chosen: str, torch: str) -> None:
        """Of two pins of a name, the one is meant that the chosen parts need (`tool.uv.conflicts`)."""
        files = uv_golden.CHOICES
        table = f'\n[tool.envrepro]\ninstalled = [{{ lock = "uv.lock", {chosen} }}]\n'
        case = Case(tmp_path, {**files, "pyproject.toml": files["pyproject.toml"] + table})
        case.run_on("3.12.1")

        found = {finding[1:3] for finding in case.findings("installed", "uv.lock")}

        assert found == {("vision", "==0.20.0"), ("torch", f"=={torch}"), ("typing-extensions", "==4.14.0")}

    def test_workspace(self, tmp_path: Path) -> None:
        """The root of a workspace is, with the members that it needs; `uv sync --dry-run` gives the same packages."""
        expected = {"click", "jinja2", "markupsafe", "pluggy", "pytest", "six", "typing-extensions"}
        case = Case(tmp_path, uv_golden.WORKSPACE)
        case.run_on("3.11.7", sys_platform="linux", platform_system="Linux", os_name="posix")

        assert {finding[1] for finding in case.findings("installed", "uv.lock")} == expected

    def test_workspace_without_a_project(self, tmp_path: Path) -> None:
        """All members are, where the root is no project; with `dev` of each, and that of the root."""
        case = Case(tmp_path, uv_golden.VIRTUAL)
        case.run_on("3.11.7", sys_platform="linux", platform_system="Linux", os_name="posix")

        assert {finding[1] for finding in case.findings("installed", "uv.lock")} == {
            "click",
            "jinja2",
            "markupsafe",
            "six",
        }


class TestWorkspace:
    """Several projects with one lock."""

    FILES = uv_golden.WORKSPACE

    def changed(self, folder: Path, path: str, old: str, new: str) -> Case:
        """Give the workspace with a change in one file."""
        return Case(folder, {**self.FILES, path: changed(self.FILES[path], old, new)})

    def test_reading(self) -> None:
        """Members are no pins; what they ask for are roots at their own files."""
        lock = read(self.FILES)

        assert set(lock.inputs) == {
            "pyproject.toml",
            "packages/core/pyproject.toml",
            "packages/lone/pyproject.toml",
            "packages/tools/pyproject.toml",
        }
        assert {(root.file, root.part, root.requirement.name) for root in lock.roots} == {
            ("pyproject.toml", "", "click"),
            ("pyproject.toml", "dev", "pytest"),
            ("pyproject.toml", "lint", "six"),
            ("packages/core/pyproject.toml", "core/", "jinja2"),
            ("packages/core/pyproject.toml", "core/[fast]", "typing-extensions"),
            ("packages/core/pyproject.toml", "core/dev", "babel"),
            ("packages/lone/pyproject.toml", "lone/", "numpy"),
            ("packages/tools/pyproject.toml", "tools/", "six"),
        }
        assert [str(root.requirement) for root in lock.overrides] == ["markupsafe==2.1.5"]
        assert [str(root.requirement) for root in lock.constraints] == ["pluggy<1.7"]
        assert "iniconfig" in lock.excluded

    def test_member_asks_for_more(self, tmp_path: Path) -> None:
        """A requirement that a member adds is told at the member's file."""
        case = self.changed(tmp_path, "packages/core/pyproject.toml", '["jinja2"]', '["jinja2", "rich"]')

        found = case.findings("lock", "uv.lock")

        assert found[0] == (
            "missing-direct",
            "rich",
            None,
            None,
            "packages/core/pyproject.toml:4",
            "not pinned in uv.lock",
        )
        assert [finding[0] for finding in found] == ["missing-direct", "stale-stamp"]

    def test_member_that_nobody_needs(self, tmp_path: Path) -> None:
        """What only a member needs that the root does not is locked too, and judged."""
        case = self.changed(tmp_path, "packages/lone/pyproject.toml", '["numpy"]', '["numpy>=3"]')
        case.run_on("3.11.7")

        assert codes(case)[0] == ("violated-direct", "numpy")

    def test_member_gone(self, tmp_path: Path) -> None:
        """A member without its file is told by the lock."""
        files = {path: text for path, text in self.FILES.items() if "lone" not in path}
        case = Case(tmp_path, files)

        assert ("input-missing", None) in codes(case)

    @pytest.mark.parametrize(
        ("path", "is_member"),
        [
            ("packages/new", True),
            ("packages/none", False),
            ("packages/.hidden", False),
            ("packages/new/deeper", False),
            ("other", False),
        ],
    )
    def test_new_member(self, tmp_path: Path, path: str, is_member: bool) -> None:  # noqa: FBT001  # As parametrized.
        """A project that the workspace takes in and the lock has not is told; what is left out is not."""
        file = f"{path}/pyproject.toml"
        case = Case(tmp_path, {**self.FILES, file: '[project]\nname = "new"\nversion = "1"\n'})

        message = f"{file} belongs to the workspace, and uv.lock does not have it{STALE}"
        expected = [("stale-stamp", "members", None, None, "uv.lock:10", message)] if is_member else []
        assert case.findings("lock", "uv.lock") == expected

    def test_override(self, tmp_path: Path) -> None:
        """An override replaces what a package asks for, by its metadata too; what was left out is not missing."""
        case = Case(tmp_path, self.FILES)
        case.install("jinja2", "3.1.6", ("MarkupSafe>=3",))
        case.install("pytest", "8.4.0", ("iniconfig>=1",))

        assert codes(case) == []

    def test_member_without_its_folder(self, tmp_path: Path) -> None:
        """The folder of another member stands with some requirements alone (modelcontextprotocol/python-sdk)."""
        lock = changed(
            self.FILES["uv.lock"],
            '    { name = "core", editable = "packages/core" },\n    { name = "six" }',
            '    { name = "core" },\n    { name = "six" }',
        )

        assert codes(Case(tmp_path, {**self.FILES, "uv.lock": lock})) == []

    def test_override_changed(self, tmp_path: Path) -> None:
        """A pin outside of a changed override is violated."""
        case = self.changed(tmp_path, "pyproject.toml", "markupsafe==2.1.5", "markupsafe==3.0.2")

        assert codes(case) == [
            ("violated-direct", "markupsafe"),
            ("stale-stamp", "overrides"),
            ("violated-transitive", "markupsafe"),
        ]

    def test_constraint_changed(self, tmp_path: Path) -> None:
        """A pin outside of a changed constraint is violated."""
        case = self.changed(tmp_path, "pyproject.toml", "pluggy<1.7", "pluggy<1.6")

        assert codes(case) == [("violated-constraint", "pluggy"), ("stale-stamp", "constraints")]

    def test_dynamic_member(self, tmp_path: Path) -> None:
        """What only a build tells is unchecked, and no copy of it is compared."""
        case = self.changed(
            tmp_path,
            "packages/lone/pyproject.toml",
            'dependencies = ["numpy"]',
            'dynamic = ["dependencies"]',
        )

        outcome = case.judge("lock", "uv.lock")

        assert (outcome.status, outcome.findings) == ("unchecked", ())
        assert outcome.reason == (
            "packages/lone/pyproject.toml tells its requirements only when it is built, and lone is not installed: "
            "pip install -e ."
        )


class TestForks:
    """Several pins of one name."""

    @pytest.mark.parametrize(("python", "version"), [("3.10.4", "2.2.6"), ("3.12.1", "2.4.0")])
    def test_by_python(self, tmp_path: Path, python: str, version: str) -> None:
        """Each holds for its Pythons."""
        files = uv_golden.WORKSPACE
        path = "packages/lone/pyproject.toml"
        case = Case(tmp_path, {**files, path: files[path].replace("numpy", f"numpy=={version}")})
        case.run_on(python)

        assert [code for code, _ in codes(case)] == ["stale-stamp"]

    def test_missing_for_one(self, tmp_path: Path) -> None:
        """Where the one for this Python is gone, the other does not stand for it."""
        files = uv_golden.WORKSPACE
        first, *others = files["uv.lock"].split("[[package]]\n")
        kept = [other for other in others if 'version = "2.4.0"\nsource' not in other]
        assert len(kept) == len(others) - 1
        case = Case(tmp_path, {**files, "uv.lock": "[[package]]\n".join([first, *kept])})
        case.run_on("3.12.1")

        assert codes(case) == [("missing-direct", "numpy")]

        case.run_on("3.10.4")

        assert codes(case) == []

    def test_edge_of_a_choice(self, tmp_path: Path) -> None:
        """What is needed only where an extra is chosen is missing too."""
        files = uv_golden.CHOICES
        lock = changed(
            files["uv.lock"],
            '{ name = "typing-extensions", marker = "extra == \'extra-4-demo-cpu\'" }',
            '{ name = "gone", marker = "extra == \'extra-4-demo-cpu\'" }',
        )
        case = Case(tmp_path, {**files, "uv.lock": lock})

        assert codes(case) == [("missing-transitive", "gone")]


class TestSources:
    """`[tool.uv.sources]`."""

    FILES = uv_golden.SOURCES

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ('branch = "main"', 'branch = "next"', [("stale-stamp", "requires-dist")]),
            ("git.example/wat", "git.example/other", [("violated-direct", "wat"), ("stale-stamp", "requires-dist")]),
            ("editable = true", "editable = false", [("stale-stamp", "requires-dist")]),
            ('"pluggy", ', '"pluggy>=99", ', []),
        ],
    )
    def test_changed(self, tmp_path: Path, old: str, new: str, expected: list[tuple[str, str]]) -> None:
        """Another place violates the pin, another branch makes the copy old; versions do not matter here, as for uv."""
        inputs = changed(self.FILES["pyproject.toml"], old, new)

        assert codes(Case(tmp_path, {**self.FILES, "pyproject.toml": inputs})) == expected

    def test_folder_asks_for_more(self, tmp_path: Path) -> None:
        """What a folder beside the project needs is locked too, and judged by the folder's own file."""
        library = changed(self.FILES["lib/pyproject.toml"], '["click"]', '["click", "rich"]')
        case = Case(tmp_path, {**self.FILES, "lib/pyproject.toml": library})

        assert next(finding[0::4] for finding in case.findings("lock", "uv.lock")) == (
            "missing-direct",
            "lib/pyproject.toml:4",
        )

    def test_several_origins(self, tmp_path: Path) -> None:
        """Of one name, what comes from several places by markers is not compared, and what comes from one is."""
        inputs = """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.10"
[project.optional-dependencies]
a = ["six"]
b = ["six"]
[[tool.uv.index]]
name = "one"
url = "https://one.example/simple"
explicit = true
[[tool.uv.index]]
name = "two"
url = "https://two.example/simple"
explicit = true
[tool.uv.sources]
six = [
    { index = "one", extra = "a", marker = "sys_platform == 'linux'" },
    { index = "two", extra = "a", marker = "sys_platform == 'darwin'" },
]
"""
        lock = """\
version = 1
revision = 3
requires-python = ">=3.10"

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }

[package.optional-dependencies]
b = [{ name = "six" }]

[package.metadata]
requires-dist = [
    { name = "six", marker = "sys_platform == 'darwin' and extra == 'a'", index = "https://two.example/simple" },
    { name = "six", marker = "sys_platform == 'linux' and extra == 'a'", index = "https://one.example/simple" },
    { name = "six", marker = "extra == 'b'" },
]
provides-extras = ["a", "b"]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://index.example/six-1.17.0-py3-none-any.whl" }]
"""
        assert codes(Case(tmp_path, {"pyproject.toml": inputs, "uv.lock": lock})) == []

    def test_host_leak(self, tmp_path: Path) -> None:
        """An index of this machine alone is told once."""
        lock = LOCK.replace("https://index.example/simple", "http://localhost:3141/root")
        case = project(tmp_path, lock=lock)

        message = "'http://localhost:3141/root' works on one machine only"
        assert case.findings("lock", "uv.lock") == [
            ("host-leak", None, None, "http://localhost:3141/root", "uv.lock:5", message)
        ]


class TestFaults:
    """What cannot be read."""

    @pytest.mark.parametrize(
        ("old", "new", "line", "message"),
        [
            ('version = "3.0.2"\n', "", 105, "markupsafe has no version"),
            ('version = "3.0.2"', 'version = "three"', 105, "'three' is not a version of markupsafe"),
            ('{ name = "iniconfig" }', f'{{ name = "{"9" * 700}" }}', 121, "a dependency of pytest has no name"),
            ('version = "3.0.2"', "version = 3", 105, "'version' has to be a string, not int"),
            ('name = "markupsafe"\nversion', "version", 105, "a package has no name"),
            ('name = "six"\nversion', 'name = "s ix"\nversion', 135, "'s ix' is no name"),
            ('    { name = "markupsafe" },\n', '    "markupsafe",\n', 89, "a dependency of jinja2 has no name"),
            (
                '{ name = "markupsafe" }',
                '{ name = "markupsafe", extra = 3 }',
                89,
                "'extra' of a dependency of jinja2 has to be a list of names",
            ),
            (
                '{ name = "markupsafe" }',
                '{ name = "markupsafe", version = "3;" }',
                89,
                "'3;' is not a version of markupsafe, which jinja2 needs",
            ),
            (
                "[package.metadata.requires-dev]\n",
                "requires-dev = 3\n[package.other]\n",
                32,
                "'metadata' of demo has to be a table",
            ),
            ("version = 1\n", "", 1, "has no number of a schema ('version = 1'): is it a lock of uv's?"),
            (
                "version = 1\n",
                "version = true\n",
                1,
                "has no number of a schema ('version = 1'): is it a lock of uv's?",
            ),
        ],
    )
    def test_wrong(self, old: str, new: str, line: int, message: str) -> None:
        """What has a wrong type or is missing is one fault, at the package."""
        lock = read({**PROJECT, "uv.lock": changed(LOCK, old, new)})

        assert [(fault.code, fault.line, fault.message) for fault in lock.faults] == [("unreadable", line, message)]

    def test_newer_schema(self, tmp_path: Path) -> None:
        """A schema that is not known is unchecked; a revision of this one is read."""
        case = project(tmp_path, lock=changed(LOCK, "version = 1\n", "version = 2\n"))

        outcome = case.judge("lock", "uv.lock")

        assert (outcome.status, outcome.findings) == ("unchecked", ())
        assert outcome.reason == "uv.lock has schema 2, and the latest that is known here is 1"
        assert read({**PROJECT, "uv.lock": re.sub("revision = .*", "revision = 99", LOCK)}).pins

    def test_cut_off(self) -> None:
        """However a lock is cut off, nothing is raised."""
        for end in range(0, len(LOCK), 41):
            lock = read({**PROJECT, "uv.lock": LOCK[:end]})

            assert lock.pins or lock.faults, end

    def test_input_gone(self, tmp_path: Path) -> None:
        """A lock without its project is told, and nothing about what is missing is guessed."""
        case = Case(tmp_path, {"uv.lock": LOCK})

        assert codes(case) == [("input-missing", None)]

    def test_broken_input(self, tmp_path: Path) -> None:
        """A fault of the input is told at its line."""
        case = project(tmp_path, inputs=changed(INPUT, '"click",', '"click ==",'))

        assert [finding[0::4] for finding in case.findings("lock", "uv.lock")] == [("unreadable", "pyproject.toml:7")]

    def test_many(self) -> None:
        """Ten thousand packages are read in one go."""
        chain = "".join(
            f'\n[[package]]\nname = "p{number}"\nversion = "1"\nsource = {{ registry = "https://index.example/simple" }}\n'
            f'dependencies = [{{ name = "p{number + 1}" }}]\n'
            for number in range(10_000)
        )

        assert len(read({**PROJECT, "uv.lock": LOCK + chain}).pins) == 10_011


def test_files_of_packages() -> None:
    """The lines of files are read for their hashes alone, however much else stands there, and whatever their form."""
    url = "https://index.example/jinja2-3.1.6"
    old = f'    {{ url = "{url}-py3-none-any.whl", hash = "sha256:84a0dafe" }},\n'
    long = f'    {{ url = "{url}.tgz", hash = "sha256:1", size = 12, upload-time = "2025-03-05T20:05:02.478Z" }},\n'
    other = f'    {{url="{url}.zip", hash="sha256:2"}},\n'
    lock = changed(LOCK, old, f"{old}{long}{other}")
    sdist = f'sdist = {{ url = "{url}.tar.gz", hash = "sha256:3", size = 12 }}\n'
    lock = lock.replace('name = "jinja2"\nversion = "3.1.6"\n', f'name = "jinja2"\nversion = "3.1.6"\n{sdist}')

    jinja = next(pin for pin in read({**PROJECT, "uv.lock": lock}).pins if pin.name == "jinja2")

    assert jinja.hashes == ("sha256:84a0dafe", "sha256:1", "sha256:2", "sha256:3")


def test_command_that_installs(tmp_path: Path) -> None:
    """What is missing of the groups and extras that the table names is told with the command that installs those too."""
    table = '[tool.envrepro]\ninstalled = [{ lock = "uv.lock", groups = ["dev", "docs"], extras = ["i18n"] }]\n'
    case = Case(tmp_path, {**PROJECT, "pyproject.toml": f"{PROJECT['pyproject.toml']}\n{table}"})

    fixes = {finding.fix for finding in case.judge("installed", "uv.lock").findings}

    assert fixes == {"uv sync --extra i18n --group docs"}
