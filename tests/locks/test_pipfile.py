"""`Pipfile.lock` as pipenv 2023 and 2026 write it: found clean, and after each change found what it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from locks.documents import Documents, changed, first_line_of, line_of, pin_of
from locks.pipfile_golden import LOCK, OLD_LOCK, OLD_PIPFILE, PIPFILE, PUBLIC
from locks.reading import faults, tree

from pytest_envrepro.locks.base import Declaration
from pytest_envrepro.locks.pipfile import parse
from pytest_envrepro.locks.pipfile_entries import read_entry

if TYPE_CHECKING:
    from pathlib import Path

    from judging import Case

pytestmark = pytest.mark.core

GOLDEN = {"2026": (PIPFILE, LOCK), "2023": (OLD_PIPFILE, OLD_LOCK)}
TOOL = '[project]\nname = "tool"\nversion = "1.0"\ndependencies = ["six"]\n'
PIPENV = Documents(
    path="Pipfile.lock",
    lock=LOCK,
    source="Pipfile",
    project=PIPFILE,
    more={"libs/tool/pyproject.toml": TOOL},
    parse=parse,
    python="3.11.7",
)
STALE, HOLDS = PIPENV.stale, PIPENV.holds
case_of, read = PIPENV.case_of, PIPENV.read
judged, stamp = PIPENV.judged, PIPENV.stamp
# As pipenv locks what is for another platform by a key that is not `markers`.
SKIPPED = '"pywin32": {\n            "version": "*"\n        },\n        '


def without(name: str, *sections: str, lock: str = LOCK) -> str:
    """Take a package out of some sections of a lock, as a bad merge does."""
    data = json.loads(lock)
    for section in sections:
        del data[section][name]
    return json.dumps(data, indent=4, sort_keys=True) + "\n"


def start_of(name: str, section: str = "default", lock: str = LOCK) -> int:
    """Give the line that the entry of a package begins on."""
    return first_line_of(lock, f'\n        "{name}": {{', after=f'\n    "{section}": {{') + 1


STAMP_LINE = line_of(LOCK, '"sha256":')
REQUIRES_LINE = line_of(LOCK, '"requires":')


def install_all(case: Case) -> None:
    """Install what is locked for the project itself and for development, as its index has it."""
    case.install("flask", "3.1", ("werkzeug>=3", "jinja2>=3.1,!=3.1.1", "click>=8", 'asgiref>=3 ; extra == "async"'))
    case.install("werkzeug", "3.1.3", ("markupsafe>=2.1.1",))
    case.install("jinja2", "3.1.6", ("MarkupSafe>=2.0",))
    case.install("click", "8.1.8", ('colorama ; platform_system == "Windows"',))
    case.install("asgiref", "3.8.1", ('typing-extensions>=4 ; python_version < "3.11"',))
    case.install("pytest", "8.3.4", ("pluggy>=1.5,<2", "iniconfig", 'colorama ; sys_platform == "win32"'))
    for name, version in (
        ("markupsafe", "3.0.2"),
        ("typing_extensions", "4.12.2"),
        ("six", "1.16.0"),
        ("pluggy", "1.5.0"),
        ("iniconfig", "2.0.0"),
    ):
        case.install(name, version)


class TestUnchanged:
    """A lock that its tool has just written."""

    @pytest.mark.parametrize("golden", GOLDEN)
    @pytest.mark.parametrize("platform", ["linux", "win32"])
    @pytest.mark.parametrize("python", ["3.9.2", "3.11.7", "3.13.1"])
    def test_clean(self, tmp_path: Path, golden: str, python: str, platform: str) -> None:
        """Nothing is wrong with it, with no Python, on both platforms."""
        os_name = "nt" if platform == "win32" else "posix"
        case = case_of(tmp_path, *GOLDEN[golden], python=python, sys_platform=platform, os_name=os_name)

        outcome = case.judge("lock", "Pipfile.lock")

        assert (outcome.status, outcome.findings, outcome.reason) == ("clean", (), None)

    def test_told(self, tmp_path: Path) -> None:
        """Installed metadata alone proves something of it: the format says of nothing what it needs."""
        case = case_of(tmp_path)
        before = case.judge("lock", "Pipfile.lock").detail
        install_all(case)

        outcome = case.judge("lock", "Pipfile.lock")

        assert before == "0 of 16 pins proven, 1 for other environments"
        assert (outcome.status, outcome.findings) == ("clean", ())
        assert outcome.detail == "11 of 16 pins proven, 1 for other environments"

    def test_lock(self) -> None:
        """What it says of itself."""
        lock = read()

        assert (lock.tool, lock.fix, lock.install) == ("pipenv", "pipenv lock", "pipenv sync")
        assert lock.inputs == ("Pipfile",)
        assert lock.rests_on == {"Pipfile", "libs/tool/pyproject.toml"}
        assert (lock.target.python, lock.target.universal) == ("3.11", False)
        assert lock.target.line == REQUIRES_LINE
        assert (lock.parts, lock.usual) == (frozenset({"dev-packages", "docs"}), frozenset())
        assert (lock.by_need, lock.unpinned, lock.partial) == (False, frozenset(), None)

    def test_python(self) -> None:
        """Where both are told, it is for the Python that is told in full."""
        lock = read(OLD_PIPFILE, OLD_LOCK)

        assert (lock.target.python, lock.stamp and lock.stamp.cause) == ("3.11.7", "")

    def test_in_a_folder(self) -> None:
        """A lock below the root is mended where it lies."""
        files = {"my api/Pipfile": OLD_PIPFILE, "my api/Pipfile.lock": OLD_LOCK}
        lock = parse("my api/Pipfile.lock", tree(files), None)

        assert (lock.fix, lock.install) == ("cd 'my api' && pipenv lock", "cd 'my api' && pipenv sync")
        assert lock.inputs == ("my api/Pipfile",)
        assert lock.faults == ()

    def test_pin(self) -> None:
        """A pin has its version, its extras, its line, its hashes, and its index."""
        pin = pin_of(read(), "flask")

        assert (str(pin.version), pin.requirement.written, pin.line) == ("3.1", "==3.1", start_of("flask"))
        assert pin.requirement.extras == {"async"}
        assert pin.hashes == ("sha256:9bc036ce45bba068",)
        assert (pin.requires, pin.parts) == (None, frozenset({""}))
        assert pin.index == "https://index.example/simple"

    def test_pin_in_several_sections(self) -> None:
        """What is the same in several sections is one pin, at the first of them."""
        pin = pin_of(read(), "markupsafe")

        assert pin.parts == {"", "dev-packages", "docs"}
        assert pin.line == start_of("markupsafe")

    def test_pins_that_are_no_releases(self) -> None:
        """A checkout has its commit, a folder its path."""
        lock = read()
        lib, tool = pin_of(lock, "lib"), pin_of(lock, "tool")

        commit = re.search(r'"ref": "(\w{40})"', LOCK)
        assert commit is not None
        assert (lib.version, lib.requirement.url) == (None, f"git+https://git.example/lib.git@{commit[1]}")
        assert (tool.version, tool.requirement.url, tool.editable) == (None, "./libs/tool", True)

    def test_marker(self) -> None:
        """A key for a marker stands in the lock beside the marker that was made of it: that is one."""
        assert pin_of(read(), "colorama").requirement.marker == "os_name == 'nt'"

    def test_roots(self) -> None:
        """Each requirement stands at its own line, for its category; a folder tells what it requires."""
        found = [
            (root.part, str(root.requirement), root.requirement.marker, root.file, root.line) for root in read().roots
        ]

        assert found == [
            ("", "flask[async]>=3", None, "Pipfile", 7),
            ("", "jinja2~=3.1", None, "Pipfile", 8),
            ("", "typing-extensions", None, "Pipfile", 9),
            ("", "appnope", "sys_platform == 'darwin'", "Pipfile", 10),
            ("", "colorama>=0.4", "os_name == 'nt'", "Pipfile", 11),
            ("", "lib @ git+https://git.example/lib.git@v1", None, "Pipfile", 12),
            ("", "tool @ ./libs/tool", None, "Pipfile", 13),
            ("", "six", None, "libs/tool/pyproject.toml", 4),
            ("dev-packages", "pytest>=7,<9", None, "Pipfile", 16),
            ("dev-packages", "markupsafe", None, "Pipfile", 17),
            ("docs", "sphinx>=8", None, "Pipfile", 20),
        ]


ADDED = ("missing-direct", "httpx", ">=1", None, "Pipfile:8", "not pinned in Pipfile.lock")
TIGHTENED = ("violated-direct", "jinja2", "~=3.2", "3.1.6", "Pipfile:8", "Pipfile.lock:{jinja2} pins 3.1.6")
MOVED = (
    *("missing-direct", "pytest", ">=7", None, "Pipfile:8"),
    "not pinned in 'default' of Pipfile.lock, but in 'develop'",
)
NEW_CATEGORY = ("missing-direct", "black", None, None, "Pipfile:20", "not pinned in Pipfile.lock")
PINNED_URL = ("violated-direct", "lib", "git+https://git.example/other.git@v1", None, "Pipfile:12", None)


class TestPipfile:
    """Changes of the Pipfile."""

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ('jinja2 = "~=3.1"\n', 'httpx = ">=1"\njinja2 = "~=3.1"\n', ADDED),
            ('jinja2 = "~=3.1"\n', 'pytest = ">=7"\njinja2 = "~=3.1"\n', MOVED),
            ('jinja2 = "~=3.1"', 'jinja2 = "~=3.2"', TIGHTENED),
            ("[docs]\n", '[style]\nblack = "*"\n\n[docs]\n', NEW_CATEGORY),
        ],
        ids=["added", "moved to another category", "tightened", "new category"],
    )
    def test_found(self, tmp_path: Path, old: str, new: str, expected: tuple[str | None, ...]) -> None:
        """What the lock does not have is told at its line, and the stamp besides."""
        case = case_of(tmp_path, changed(PIPFILE, old, new))

        *place, message = expected
        assert message is not None
        assert judged(case) == [(*place, message.format(jinja2=start_of("jinja2")))]
        assert stamp(case) == STALE

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('jinja2 = "~=3.1"', 'jinja2 = "*"'),
            ('jinja2 = "~=3.1"', 'jinja2 = ">= 3.1"'),
            ('pytest = ">=7,<9"\n', ""),
            ("[docs]\n", '[docs]\nmarkupsafe = "*"\n'),
            ("url = ", 'note = "x"\nurl = '),
        ],
        ids=["loosened", "re-spelled", "removed", "transitive asked for", "source"],
    )
    def test_only_the_stamp(self, tmp_path: Path, old: str, new: str) -> None:
        """Where the pins still hold, only the stamp is told, as an error of its own."""
        case = case_of(tmp_path, changed(PIPFILE, old, new))

        assert case.findings("lock", "Pipfile.lock") == [
            ("stale-stamp", "_meta.hash", None, None, f"Pipfile.lock:{STAMP_LINE}", HOLDS)
        ]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('jinja2 = "~=3.1"\nTyping_Extensions = "*"\n', 'typing.extensions = "*"\nJinja2 = "~=3.1"\n'),
            ("allow_prereleases = false", "allow_prereleases = true"),
            ('serve = "flask run"', 'serve = "flask run --debug"'),
            ("[packages]", "# a comment\n[packages]"),
        ],
        ids=["order and names", "settings", "scripts", "comments"],
    )
    def test_no_difference(self, tmp_path: Path, old: str, new: str) -> None:
        """What makes no difference to pipenv's hash makes none here."""
        new = new.replace("typing.extensions", '"typing.extensions"')

        assert case_of(tmp_path, changed(PIPFILE, old, new)).findings("lock", "Pipfile.lock") == []

    def test_removed(self, tmp_path: Path) -> None:
        """What nothing asks for any more is told where all that is pinned is installed; else nobody can know."""
        pipfile = changed(OLD_PIPFILE, 'pytest = ">=7,<9"\n', "")
        case = case_of(tmp_path, pipfile, OLD_LOCK)
        install_all(case)

        found = judged(case)

        assert [(each[0], each[1]) for each in found] == [
            ("orphan", "iniconfig"),
            ("orphan", "pluggy"),
            ("orphan", "pytest"),
        ]
        assert found[2][-1] == "nothing needs it"

    def test_requires(self, tmp_path: Path) -> None:
        """Of another Python it is said what has changed."""
        case = case_of(tmp_path, changed(PIPFILE, 'python_version = "3.11"', 'python_version = "3.13"'))

        told = "Pipfile asks for Python 3.13, the lock was made for 3.11"
        assert stamp(case) == f"{told}: the pins still hold, only the stamp is old"

    def test_sources(self, tmp_path: Path) -> None:
        """Of other sources it is said too."""
        case = case_of(tmp_path, changed(PIPFILE, "https://index.example", "https://other.example"))

        told = "Pipfile names other sources than the lock"
        assert stamp(case) == f"{told}: the pins still hold, only the stamp is old"

    def test_source_of_a_package(self, tmp_path: Path) -> None:
        """Another checkout than the one that is locked is no fulfilment."""
        case = case_of(tmp_path, changed(PIPFILE, "git.example/lib.git", "git.example/other.git"))

        (found,) = judged(case)

        assert found[:3] == PINNED_URL[:3]
        assert found[4] == PINNED_URL[4]

    def test_extras_are_followed(self, tmp_path: Path) -> None:
        """What an extra needs that an input asks for has to be locked too."""
        case = case_of(tmp_path, changed(OLD_PIPFILE, 'Jinja2 = "~=3.1"', 'Jinja2 = {version = "*", extras = ["i18n"]}'), OLD_LOCK)  # fmt: skip
        case.install("jinja2", "3.1.6", ("MarkupSafe>=2.0", 'Babel>=2.7 ; extra == "i18n"'))

        assert judged(case) == [
            (
                *("missing-transitive", "babel", ">=2.7", None),
                f"Pipfile.lock:{start_of('jinja2', lock=OLD_LOCK)}",
                "jinja2 3.1.6 needs babel>=2.7",
            )
        ]

    def test_other_platform(self, tmp_path: Path) -> None:
        """What is for another platform is not missing here; there it is, since it is locked without a version."""
        case = case_of(tmp_path, sys_platform="darwin")

        assert judged(case) == [("missing-direct", "appnope", None, None, "Pipfile:10", "not pinned in Pipfile.lock")]

    @pytest.mark.parametrize("table", ['[resolver]\npython_version = "3.7"\n', "[tool.black]\nline-length = 100\n"])
    def test_tables_that_are_no_categories(self, table: str) -> None:
        """Other tables ask for no packages."""
        lock = read(f"{PIPFILE}\n{table}")

        assert lock.faults == ()
        assert lock.roots == read().roots

    def test_broken_lines(self) -> None:
        """Each entry that cannot be read is told at its line; the others are read."""
        lock = read(
            '[packages]\nflask = "^3"\njinja2 = 3\nlib = {git = true}\nsix = {version = "*", markers = "python < 3"}\n'
            '"no name" = "*"\nclick = "8"\n\n[dev-packages]\npytest = {extras = "x"}\n'
        )

        words = [fault.partition(" ")[2] for fault in faults(lock)]
        assert words.pop(3).startswith("Pipfile:5 'six': the marker 'python < 3' is not valid: ")
        assert words == [
            "Pipfile:2 'flask': '^3' is no specifier of versions (PEP 440)",
            "Pipfile:3 'jinja2': has to be a version or a table, not int",
            "Pipfile:4 'lib': 'git' has to be a string, not bool",
            "Pipfile:6 'no name': is no name of a package",
            "Pipfile:10 'pytest': 'extras' has to be a list of strings",
        ]
        assert [str(root.requirement) for root in lock.roots] == ["click==8"]

    @pytest.mark.parametrize(
        ("pipfile", "expected"),
        [
            ("[packages\n", "unreadable Pipfile:1 is not valid TOML"),
            ('[packages]\n<<<<<<< ours\nsix = "*"\n', "merge-conflict Pipfile:2 a merge conflict begins here"),
            ("packages = 1\n", "unreadable Pipfile:1 'packages' has to be a table of packages, not int"),
        ],
    )
    def test_broken(self, pipfile: str, expected: str) -> None:
        """A Pipfile that cannot be read is told of; no stamp is compared."""
        lock = read(pipfile)

        assert faults(lock)[0].startswith(expected)
        assert (len(faults(lock)), lock.roots) == (1, ())

    def test_absent(self, tmp_path: Path) -> None:
        """Without its Pipfile, and with nothing installed, nothing can be said."""
        case = case_of(tmp_path)
        (case.root / "Pipfile").unlink()

        outcome = case.judge("lock", "Pipfile.lock")

        assert (outcome.status, outcome.reason) == (
            "unchecked",
            "none of its pins is installed at the locked version, and it has no inputs to compare with",
        )

    def test_of_the_table(self) -> None:
        """The table may name another one; pipenv reads one alone, and that has to be there."""
        files = {"Pipfile.lock": OLD_LOCK, "in/Pipfile": OLD_PIPFILE, "Pipfile": PIPFILE}
        lock = parse("Pipfile.lock", tree(files), Declaration(inputs=("absent", "in/Pipfile", "Pipfile")))

        assert faults(lock) == [
            "input-missing Pipfile.lock:None absent does not exist",
            "unreadable Pipfile:None is no input of Pipfile.lock: pipenv reads one Pipfile",
        ]
        assert {root.file for root in lock.roots} == {"in/Pipfile"}


class TestLock:
    """Changes of the lock."""

    @pytest.mark.parametrize(
        ("name", "sections", "expected"),
        [
            ("werkzeug", ["default"], ("missing-transitive", "werkzeug", ">=3", None, "flask", "flask 3.1 needs werkzeug>=3")),
            ("asgiref", ["default"], ("missing-transitive", "asgiref", ">=3", None, "flask", "flask 3.1 needs asgiref>=3")),
            ("pluggy", ["develop"], ("missing-transitive", "pluggy", ">=1.5,<2", None, "pytest", "pytest 8.3.4 needs pluggy>=1.5,<2")),
            ("typing-extensions", ["default"], ("missing-direct", "typing-extensions", None, None, "Pipfile:9", "not pinned in Pipfile.lock")),
            ("markupsafe", ["develop"], ("missing-direct", "markupsafe", None, None, "Pipfile:17", "not pinned in 'develop' of Pipfile.lock, but in 'default' and 'docs'")),
            ("six", ["default"], ("missing-direct", "six", None, None, "libs/tool/pyproject.toml:4", "not pinned in Pipfile.lock")),
            ("markupsafe", ["default"], ("missing-transitive", "markupsafe", ">=2.0", None, "jinja2", "jinja2 3.1.6 needs markupsafe>=2.0, which is locked for 'dev-packages' and 'docs' alone")),
            ("lib", ["default"], ("missing-direct", "lib", "git+https://git.example/lib.git@v1", None, "Pipfile:12", "not pinned in Pipfile.lock")),
        ],
    )  # fmt: skip
    def test_gone(self, tmp_path: Path, name: str, sections: list[str], expected: tuple[str | None, ...]) -> None:
        """A package that is gone is missed by the inputs, or by what is installed at the locked version."""
        lock = without(name, *sections)
        case = case_of(tmp_path, lock=lock)
        install_all(case)

        code, package, wanted, found, place, message = expected
        if place in ("flask", "jinja2", "pytest"):
            place = f"Pipfile.lock:{start_of(place, 'develop' if place == 'pytest' else 'default', lock=lock)}"
        assert (code, package, wanted, found, place, message) in case.findings("lock", "Pipfile.lock")
        assert {each[1] for each in case.findings("lock", "Pipfile.lock")} == {package}

    def test_extra_of_another_category(self, tmp_path: Path) -> None:
        """What only an extra needs that another category asks for is locked for that one alone."""
        data = json.loads(LOCK)
        data["develop"]["flask"] = dict(data["default"]["flask"])
        del data["default"]["flask"]["extras"]
        data["develop"]["asgiref"] = data["default"].pop("asgiref")
        pipfile = changed(PIPFILE, ', extras = ["async"]}\n', "}\n")
        pipfile = changed(pipfile, "[dev-packages]\n", '[dev-packages]\nflask = {extras = ["async"], version = "*"}\n')
        case = case_of(tmp_path, pipfile, json.dumps(data, indent=4, sort_keys=True))
        install_all(case)

        assert judged(case) == []

    @pytest.mark.parametrize(
        ("name", "version", "expected"),
        [
            ("werkzeug", "2.0", ("violated-transitive", "werkzeug", ">=3", "2.0", "flask 3.1 needs werkzeug>=3")),
            ("jinja2", "2.9", ("violated-direct", "jinja2", "~=3.1", "2.9", "Pipfile.lock:{line} pins 2.9")),
        ],
    )
    def test_edited(self, tmp_path: Path, name: str, version: str, expected: tuple[str, ...]) -> None:
        """A pin past what needs it, or what asks for it, is found."""
        data = json.loads(LOCK)
        for section in ("default", "docs"):
            if name in data[section]:
                data[section][name]["version"] = f"=={version}"
        lock = json.dumps(data, indent=4, sort_keys=True)
        case = case_of(tmp_path, lock=lock)
        install_all(case)

        found = [each for each in judged(case) if each[0] == expected[0]]

        line = start_of(name, lock=lock)
        assert [(*each[:4], each[5]) for each in found] == [(*expected[:4], expected[4].format(line=line))]

    @pytest.mark.parametrize(
        ("section", "name", "version"), [("default", "click", "8.1.8"), ("docs", "markupsafe", "3.0.2")]
    )
    def test_hash_removed(self, tmp_path: Path, section: str, name: str, version: str) -> None:
        """A release without a hash, among others with one, may be any file."""
        data = json.loads(LOCK)
        del data[section][name]["hashes"]
        lock = json.dumps(data, indent=4, sort_keys=True)

        assert case_of(tmp_path, lock=lock).findings("lock", "Pipfile.lock") == [
            (
                *("partial-hashes", name, None, version, f"Pipfile.lock:{start_of(name, section, lock=lock)}"),
                "no hash, though other pins have one: what is installed may be any file",
            )
        ]

    def test_stamp_edited(self, tmp_path: Path) -> None:
        """A stamp of another Pipfile, over pins that hold, is an old stamp."""
        case = case_of(tmp_path, lock=changed(LOCK, '"sha256": "ad3573', '"sha256": "000000'))

        assert (judged(case), stamp(case)) == ([], HOLDS)

    def test_no_stamp(self, tmp_path: Path) -> None:
        """A lock without a stamp is an old one to pipenv, and that is said."""
        data = json.loads(LOCK)
        del data["_meta"]["hash"]
        case = case_of(tmp_path, lock=json.dumps(data, indent=4))

        assert stamp(case) == "it keeps no hash of Pipfile: the pins still hold, only the stamp is old"

    def test_merge(self, tmp_path: Path) -> None:
        """A merge that is not finished is that, and no more is said."""
        lock = changed(LOCK, '        "click": {', '<<<<<<< ours\n        "click": {')
        case = case_of(tmp_path, lock=lock)

        assert case.findings("lock", "Pipfile.lock") == [
            ("merge-conflict", None, None, None, f"Pipfile.lock:{line_of(lock, '<<<<<<<')}", "a merge conflict begins here")
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (
                '        "click": {',
                '        "click": {\n            "version": "==8.0"\n        },\n        "click": {',
                "'click' stands in 'default' twice",
            ),
            ('    "develop": {', '    "develop": {},\n    "develop": {', "'develop' stands there twice"),
        ],
    )
    def test_bad_merge(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        """Of what stands there twice JSON has the last: the other side of a merge is lost without a word."""
        lock = changed(LOCK, old, new)

        outcome = case_of(tmp_path, lock=lock).judge("lock", "Pipfile.lock")

        (found,) = outcome.findings
        last = lock[: lock.rindex(old)].count("\n") + 1
        assert (found.code, found.line, found.message) == ("unreadable", last, message)
        assert outcome.reason == "Pipfile.lock cannot be read in full"

    def test_two_versions(self, tmp_path: Path) -> None:
        """Two sections that pin two versions are at odds where both are installed; two categories alone never are."""
        data = json.loads(LOCK)
        data["docs"]["pluggy"] = {"version": "==1.4", "hashes": ["sha256:00"]}
        apart = case_of(tmp_path, lock=json.dumps(data, indent=4, sort_keys=True))
        assert judged(apart) == []

        data["docs"]["jinja2"]["version"] = "==3.1.5"
        lock = json.dumps(data, indent=4, sort_keys=True)
        apart.write({"Pipfile.lock": lock})

        assert judged(apart) == [
            (
                *("ambiguous-pin", "jinja2", "==3.1.6", "3.1.5"),
                f"Pipfile.lock:{start_of('jinja2', 'docs', lock=lock)}",
                f"Pipfile.lock:{start_of('jinja2', lock=lock)} pins 3.1.6 for the same environment",
            )
        ]

    def test_markers_of_sections(self) -> None:
        """One version with a marker in one section alone is one pin, and is for each what it says there."""
        data = json.loads(LOCK)
        data["docs"]["markupsafe"]["markers"] = "os_name == 'nt'"
        data["docs"]["sphinx"]["markers"] = "('docs' in dependency_groups) and (python_version >= '3.10')"

        lock = read(lock=json.dumps(data, indent=4))

        both, own = pin_of(lock, "markupsafe"), pin_of(lock, "sphinx")
        assert (both.requirement.marker, both.markers) == (None, (("docs", "os_name == 'nt'"),))
        assert own.requirement.marker == "(python_version >= '0') and (python_version >= '3.10')"

    def test_without_a_version(self, tmp_path: Path) -> None:
        """What is locked without a version, and for every platform, pipenv installs as it finds it: that is no pin."""
        lock = changed(LOCK, '"six": {', f'{SKIPPED}"six": {{')
        pipfile = changed(
            PIPFILE, "[dev-packages]\n", 'pywin32 = {version = "*", sys_platform = "== \'win32\'"}\n[dev-packages]\n'
        )
        case = case_of(tmp_path, pipfile, lock)

        outcome = case.judge("lock", "Pipfile.lock")

        found = judged(case)
        line = start_of("pywin32", lock=lock)
        message = "does not name one version: pipenv installs the latest, on every platform"
        assert found == [("unpinned", "pywin32", "==", None, f"Pipfile.lock:{line}", message)]
        assert outcome.reason == f"Pipfile.lock:{line} does not name one version"

    def test_without_a_commit(self, tmp_path: Path) -> None:
        """A checkout of whatever is there is no pin."""
        data = json.loads(LOCK)
        del data["default"]["lib"]["ref"]
        lock = json.dumps(data, indent=4, sort_keys=True)

        (found,) = (each for each in judged(case_of(tmp_path, lock=lock)) if each[0] == "unpinned")

        assert found[:4] == ("unpinned", "lib", "a commit", "git+https://git.example/lib.git")
        assert found[4:] == (f"Pipfile.lock:{start_of('lib', lock=lock)}", "names no commit or tag")

    def test_leaks(self, tmp_path: Path) -> None:
        """Secrets and paths of one machine are told, each once, where they stand."""
        lock = LOCK.replace("https://index.example", "https://me:secret@index.example")
        lock = lock.replace('"path": "./libs/tool"', '"path": "/home/me/libs/tool"')

        found = [each for each in judged(case_of(tmp_path, lock=lock)) if each[0] == "host-leak"]

        assert [each[3:] for each in found] == [
            (
                "https://****@index.example/simple",
                f"Pipfile.lock:{line_of(lock, 'secret')}",
                "'https://****@index.example/simple' holds a credential: revoke it",
            ),
            (
                "/home/me/libs/tool",
                f"Pipfile.lock:{start_of('tool', lock=lock)}",
                "'/home/me/libs/tool' works on one machine only",
            ),
        ]

    def test_setuptools(self, tmp_path: Path) -> None:
        """Locks of old versions left out what is in each environment; a lock that has some of it, has it all."""
        pipfile = changed(OLD_PIPFILE, "[packages]\n", '[packages]\nsetuptools = "*"\n')
        for name in ("old", "new"):
            (tmp_path / name).mkdir()
        assert judged(case_of(tmp_path / "old", pipfile, OLD_LOCK)) == []

        data = json.loads(OLD_LOCK)
        data["develop"]["pip"] = data["default"]["click"]
        lock = json.dumps(data, indent=4, sort_keys=True)

        assert [each[:2] for each in judged(case_of(tmp_path / "new", pipfile, lock))] == [
            ("missing-direct", "setuptools")
        ]


class TestInstalled:
    """What `pipenv sync` is to have installed."""

    @pytest.mark.parametrize(
        ("installed", "absent"),
        [
            ('["Pipfile.lock"]', []),
            ('[{ lock = "Pipfile.lock", groups = ["dev-packages"] }]', ["iniconfig", "pluggy", "pytest"]),
            ('[{ lock = "Pipfile.lock", groups = ["docs"] }]', ["docutils", "sphinx"]),
        ],
    )
    def test_parts(self, tmp_path: Path, installed: str, absent: list[str]) -> None:
        """Without a word of the table it is what is for the project itself, and then the categories that it names."""
        case = case_of(tmp_path)
        case.write({"pyproject.toml": f"[tool.envrepro]\ninstalled = {installed}\n"})
        usual = {
            "asgiref",
            "click",
            "flask",
            "jinja2",
            "lib",
            "markupsafe",
            "six",
            "tool",
            "typing-extensions",
            "werkzeug",
        }

        found = case.findings("installed", "Pipfile.lock")

        assert {each[0] for each in found} == {"not-installed"}
        assert sorted(each[1] or "" for each in found) == sorted([*usual, *absent])

    def test_fix(self, tmp_path: Path) -> None:
        """It is mended by the tool's own command."""
        (first, *_) = case_of(tmp_path).judge("installed", "Pipfile.lock").findings

        assert first.fix == "pipenv sync"

    def test_folder_without_a_name(self, tmp_path: Path) -> None:
        """Up to 2022 a folder stood under a digest: it is the project, as it is installed."""
        entry = '"e1839a8": {\n            "editable": true,\n            "path": "."\n        },\n        '
        pipfile = changed(OLD_PIPFILE, "[packages]\n", '[packages]\ne1839a8 = {path = ".", editable = true}\n')
        case = case_of(tmp_path, pipfile, changed(OLD_LOCK, '"flask": {', f'{entry}"flask": {{'))
        case.write({"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["flask", "httpx"]\n'})
        case.install("shop", "1", direct_url={"url": case.root.as_uri(), "dir_info": {"editable": True}})

        found = {(each[0], each[1]) for each in case.findings("installed", "Pipfile.lock")}

        assert judged(case) == [
            ("missing-direct", "httpx", None, None, "pyproject.toml:4", "not pinned in Pipfile.lock")
        ]
        assert ("not-installed", "shop") not in found
        assert {code for code, _ in found} == {"not-installed"}

    def test_folder_that_a_build_tells_of(self, tmp_path: Path) -> None:
        """Of a folder with a `setup.py` alone the Pipfile tells the name, to ask what is installed of it."""
        pipfile = changed(OLD_PIPFILE, "[packages]\n", '[packages]\nshop = {path = ".", editable = true}\n')
        case = case_of(tmp_path, pipfile, changed(OLD_LOCK, '"flask": {', '"shop": {\n            "path": ".",\n            "editable": true\n        },\n        "flask": {'))  # fmt: skip
        case.write({"setup.py": "import setuptools\nsetuptools.setup()\n"})

        outcome = case.judge("lock", "Pipfile.lock")

        assert outcome.reason == (
            "setup.py tells its requirements only when it is built, and shop is not installed: pip install -e ."
        )

    def test_python(self, tmp_path: Path) -> None:
        """A lock for another Python than this is told of, at the line that says so."""
        case = case_of(tmp_path, python="3.9.2")
        case.write({"pyproject.toml": ""})

        assert case.findings("python", "pyproject.toml") == [
            (
                *("python-mismatch", None, "3.11", "3.9.2", f"Pipfile.lock:{REQUIRES_LINE}"),
                "compiled for Python 3.11, this is 3.9.2",
            )
        ]


class TestSections:
    """What stands in many of them, and sources that are none."""

    def test_many(self, tmp_path: Path) -> None:
        """A package with another marker in each of 120 categories is for the platforms of all of them."""
        data = json.loads(LOCK)
        hashes = data["default"]["six"]["hashes"] if "six" in data["default"] else ["sha256:" + "a" * 64]
        for number in range(120):
            marker = f"sys_platform == 'linux' and python_version not in '2.{number}, {'3.0, ' * 10}'"
            data[f"category{number}"] = {"zeta": {"hashes": hashes, "markers": marker, "version": "==1.0"}}
        case = case_of(tmp_path, lock=json.dumps(data, indent=4))
        assert judged(case) == []
        pin = pin_of(read(lock=json.dumps(data, indent=4)), "zeta")

        applied = [
            pin.requirement.applies({"python_version": "3.11", "sys_platform": each}) for each in ("linux", "win32")
        ]

        assert applied == [True, False]

    def test_source_that_is_no_url(self, tmp_path: Path) -> None:
        """It is told at its line, and no host is trusted for it."""
        data = json.loads(LOCK)
        data["_meta"]["sources"] = [{"name": "it", "url": "http://me:secret@[x", "verify_ssl": False}]
        lock = json.dumps(data, indent=4)

        (found,) = (each for each in judged(case_of(tmp_path, lock=lock)) if each[0] == "unreadable")

        place, message = f"Pipfile.lock:{line_of(lock, 'http://me')}", "is no URL: what its brackets hold is no address"
        assert found[4:] == (place, f"'http://****@[x' {message}")
        assert read(lock=lock).options == ()


class TestStamp:
    """The hash that pipenv keeps of a Pipfile."""

    @pytest.mark.requires_integration("pip")
    @pytest.mark.parametrize(
        ("pipfile", "digest"), [row[2:][::-1] for row in PUBLIC], ids=[f"{row[0]}@{row[1][:7]}" for row in PUBLIC]
    )
    def test_public(self, pipfile: str, digest: str) -> None:
        """It is the one that stands in the locks of public projects."""
        from pip._internal.models.index import PyPI  # noqa: PLC0415  # The core is tested without pip.

        lock = read(pipfile.replace("INDEX", PyPI.simple_url), small(digest, index=PyPI.simple_url), **{"setup.py": ""})

        assert lock.stamp is not None
        assert lock.stamp.written in (lock.stamp.accepted or ())

    @pytest.mark.parametrize("name", ["pypi", "pip_conf_index_global"])
    def test_without_sources(self, name: str) -> None:
        """Where a Pipfile names no source, a hash that is not of those in the lock may be of those of pip's settings."""
        lock = read('[packages]\nsix = "*"\n', small("00", name=name))

        assert lock.stamp is not None
        assert lock.stamp.accepted is None

    def test_other_variants_of_a_name(self) -> None:
        """Names are hashed as they stand there, or canonical: a lock may have either."""
        one, other = (read(OLD_PIPFILE.replace("Jinja2", name)).stamp for name in ("Jinja2", "jinja2"))

        assert one is not None
        assert other is not None
        assert len(one.accepted or ()) == len(other.accepted or ()) == 2
        assert len((one.accepted or frozenset()) & (other.accepted or frozenset())) == 1

    def test_what_has_no_hash(self) -> None:
        """A date is nothing that pipenv can hash either: no stamp is compared."""
        lock = read("[packages]\n[docs]\nsince = 2020-01-01\n")

        assert lock.stamp is not None
        assert lock.stamp.accepted is None


def small(digest: str, *, name: str = "pypi", index: str = "https://index.example/simple") -> str:
    """Write a lock without packages."""
    sources = [{"name": name, "url": index, "verify_ssl": True}]
    meta = {"hash": {"sha256": digest}, "pipfile-spec": 6, "requires": {}, "sources": sources}
    return json.dumps({"_meta": meta, "default": {}, "develop": {}}, indent=4)


class TestEntry:
    """What an entry comes to."""

    @pytest.mark.parametrize(
        ("key", "value", "expected", "marker"),
        [
            ("Zope.Interface", "*", "zope-interface", None),
            ("six", "", "six", None),
            ("six", "1.16", "six==1.16", None),
            ("six", " == 1.16.* ", "six==1.16.*", None),
            ("six", "(>=1,<2)", "six>=1,<2", None),
            ("six", "==*", "six", None),
            ("six", "==>=2", "six>=2", None),
            ("six", "===1.0", "six===1.0", None),
            ("six", ">=1; os_name == 'nt'", "six>=1", "os_name == 'nt'"),
            ("flask[Async, dotenv]", "*", "flask[async,dotenv]", None),
            ("flask", {"extras": ["Async"], "version": "~=3.0", "index": "main"}, "flask[async]~=3.0", None),
            ("six", {"markers": "extra == 'x'"}, "six", None),
            ("six", {"markers": ""}, "six", None),
            (
                "six",
                {"sys_platform": "== 'win32'", "markers": "os_name == 'nt'"},
                "six",
                "(os_name == 'nt') and (sys_platform == 'win32')",
            ),
            (
                "six",
                {"python_version": "< '3.9'", "markers": "python_version < '3.9'"},
                "six",
                "python_version < '3.9'",
            ),
            ("lib", "git+https://git.example/lib.git@v1", "lib @ git+https://git.example/lib.git@v1", None),
            ("lib", {"git": "git@git.example:me/lib.git"}, "lib @ git+ssh://git@git.example/me/lib.git", None),
            (
                "lib",
                {"git": "https://git.example/lib.git@main", "ref": "0123", "subdirectory": "py"},
                "lib @ git+https://git.example/lib.git@0123#subdirectory=py",
                None,
            ),
            (
                "lib",
                {"git": "git+https://git.example/lib.git[a,b]", "ref": "v1", "editable": True},
                "lib[a,b] @ git+https://git.example/lib.git@v1",
                None,
            ),
            (
                "lib",
                {"hg": "https://hg.example/lib", "ref": "tip", "subdirectory": "py"},
                "lib @ hg+https://hg.example/lib@tip#subdirectory=py",
                None,
            ),
            ("lib", {"svn": "svn+https://svn.example/lib"}, "lib @ svn+https://svn.example/lib", None),
            ("a0b1c2d", {"path": ".", "extras": ["x"]}, ".[x]", None),
            ("a0b1c2d", {"git": "https://git.example/x"}, "a0b1c2d @ git+https://git.example/x", None),
            ("six", {"file": "https://files.example/six-1.whl"}, "six @ https://files.example/six-1.whl", None),
        ],
    )
    def test_read(self, key: str, value: object, expected: str, marker: str | None) -> None:
        """Each is read as pipenv reads it."""
        requirement, _ = read_entry(key, value)

        assert (str(requirement), requirement.marker) == (expected, marker)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("^1.0", "'^1.0' is no specifier of versions (PEP 440)"),
            ({"version": 1}, "'version' has to be a string, not int"),
            ({"extras": [1]}, "'extras' has to be a list of strings"),
            ({"sys_platform": "win32"}, "the marker 'sys_platform win32' is not valid"),
            ({"path": ["."]}, "'path' has to be a string, not list"),
            (None, "has to be a version or a table, not NoneType"),
            ("@ https://files.example/six-1.whl", "'@ https://files.example/six-1.whl' is no specifier of versions"),
            (">=" + "1" * 10_000, f"'>={'1' * 55}...' is no specifier of versions (PEP 440)"),
        ],
    )
    def test_refused(self, value: object, message: str) -> None:
        """What is none is refused in one line."""
        with pytest.raises(ValueError, match=re.escape(message)) as raised:
            read_entry("six", value)

        assert "\n" not in str(raised.value)


class TestBroken:
    """What is no lock, or none that can be read."""

    @pytest.mark.parametrize(
        ("lock", "expected"),
        [
            ("", "Pipfile.lock:1 is empty: was its tool interrupted?"),
            (LOCK[:900], "Pipfile.lock:37 is not valid JSON: "),
            ("[]", "Pipfile.lock:1 has to hold a table, not list"),
            ("[" * 5000, "Pipfile.lock:None is not valid JSON: "),
            ("{}", "Pipfile.lock:1 has no '_meta': is it a lock of pipenv's?"),
            ('{\n"_meta": 1}', "Pipfile.lock:2 '_meta' has to be an object, not int"),
            ('{"_meta": {\n"pipfile-spec": "6"}}', "Pipfile.lock:2 'pipfile-spec' has to be a number, not str"),
            ('{"_meta": {\n"pipfile-spec": 6, "hash": {\n"sha256": 1}}}', "Pipfile.lock:3 'sha256' has to be a string"),
            ('{"_meta": {"pipfile-spec": 6,\n"sources": {}}}', "Pipfile.lock:2 'sources' has to be a list, not dict"),
        ],
    )
    def test_whole(self, tmp_path: Path, lock: str, expected: str) -> None:
        """A clear fault at a line; no verdict on the rest."""
        outcome = case_of(tmp_path, lock=lock).judge("lock", "Pipfile.lock")

        assert faults(read(lock=lock))[0].startswith(f"unreadable {expected}")
        assert (outcome.status, outcome.reason) == ("broken", "Pipfile.lock cannot be read in full")

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ('"version": "==8.1.8"', '"version": 8', "'click' in 'default': 'version' has to be a string, not int"),
            (
                '"version": "==8.1.8"',
                '"version": "==8.1.8 !"',
                "'click' in 'default': '==8.1.8 !' is no specifier of versions (PEP 440)",
            ),
            ('"version": "==8.1.8"', '"markers": "python"', "'click' in 'default': the marker 'python' is not valid"),
            ('"version": "==8.1.8"', '"index": 1', "'click' in 'default': 'index' has to be a string, not int"),
        ],
    )
    def test_package(self, tmp_path: Path, old: str, new: str, expected: str) -> None:
        """What is wrong with a package is told at the line that it begins on, and the others are read."""
        lock = read(lock=changed(LOCK, old, new))

        (found,) = faults(lock)
        assert found.startswith(f"unreadable Pipfile.lock:{start_of('click')} {expected}")
        assert len(lock.pins) == len(read().pins) - 1
        assert case_of(tmp_path, lock=changed(LOCK, old, new)).judge("installed", "Pipfile.lock").reason == (
            "Pipfile.lock cannot be read in full: see its lock check"
        )

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('"docs": {', '"docs": [],\n    "more": {', "'docs' has to be an object of packages, not list"),
            ('        "click": {', '        "click": [],\n        "c": {', "'click' in 'default': has to be a version or a table, not list"),
        ],
    )  # fmt: skip
    def test_types(self, old: str, new: str, message: str) -> None:
        """A section or a package of another type is told; what has no line of its own stands at its section's."""
        assert [each.message for each in read(lock=changed(LOCK, old, new)).faults][:1] == [message]

    @pytest.mark.parametrize(
        ("spec", "reason"),
        [
            (7, "Pipfile.lock has schema 7, and the latest that is known here is 6"),
            (2, "Pipfile.lock was written by a pipenv of 2017: lock again with a later one"),
            (None, "Pipfile.lock was written by a pipenv of 2017: lock again with a later one"),
        ],
    )
    def test_other_schema(self, tmp_path: Path, spec: int | None, reason: str) -> None:
        """A newer schema is not guessed at, and one of the first year is not read: both are unchecked."""
        data = json.loads(LOCK)
        data["_meta"]["pipfile-spec"] = spec

        outcome = case_of(tmp_path, lock=json.dumps(data)).judge("lock", "Pipfile.lock")

        assert (outcome.status, outcome.reason, outcome.findings) == ("unchecked", reason, ())

    def test_in_one_line(self) -> None:
        """A lock that somebody has written on one line is read; all of it stands on that line."""
        lock = read(lock=json.dumps(json.loads(LOCK)))

        assert lock.faults == ()
        assert {pin.line for pin in lock.pins} == {1}
        assert {pin.requirement for pin in lock.pins} == {pin.requirement for pin in read().pins}

    def test_indented_otherwise(self) -> None:
        """Whatever the indentation is, packages have their lines."""
        text = json.dumps(json.loads(LOCK), indent="\t")

        assert pin_of(read(lock=text), "flask").line == line_of(text, '\t\t"flask"')

    def test_old_entries(self) -> None:
        """An entry may be a version alone; it stands at the line of its section."""
        lock = read(lock=changed(small("00"), '"default": {}', '"default": {\n        "six": "==1.16"\n    }'))

        assert [(pin.name, str(pin.version), pin.line) for pin in lock.pins] == [("six", "1.16", 16)]
