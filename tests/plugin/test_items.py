"""Checks are items at real files: selected, repeated, listed and reported as tests are."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core


def _items(result: pytest.RunResult) -> list[str]:
    return [line.split()[0] for line in result.outlines if line.partition(" ")[2].startswith(("PASSED", "FAILED"))]


LOCK, INSTALLED, CONFLICTS = "requirements.txt::lock", "requirements.txt::installed", "pyproject.toml::conflicts"
ONE, TWO = "tests/test_it.py::test_one", "tests/test_it.py::test_two"

SELECTIONS = {
    "all": ((), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "folder": (("tests",), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "root": ((".",), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "file": (("requirements.txt",), [LOCK, INSTALLED, CONFLICTS]),
    "file twice": (("requirements.txt", "./requirements.txt"), [LOCK, INSTALLED, CONFLICTS]),
    "keyword": (("-k", "lock or test_two"), [LOCK, TWO]),
    "mark": (("-m", "not nothing"), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "deselect": (("--deselect=requirements.txt::lock",), [INSTALLED, CONFLICTS, ONE, TWO]),
    "ignore": (("--ignore=requirements.txt",), [CONFLICTS, ONE, TWO]),
    "a check": (("requirements.txt::lock",), [LOCK]),
    "two checks": (("pyproject.toml::conflicts", "requirements.txt::lock"), [LOCK, CONFLICTS]),
    "check and file": (("requirements.txt::lock", "requirements.txt"), [LOCK, INSTALLED]),
    "check and folder": (("requirements.txt::lock", "tests"), [LOCK, ONE, TWO]),
    "check and test": (("requirements.txt::lock", ONE), [LOCK, ONE]),
    "a test": ((ONE,), [ONE]),
    "doctests": (("--doctest-glob=*.txt",), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "doctests, named": (("--doctest-glob=*.txt", "requirements.txt"), [LOCK, INSTALLED, CONFLICTS]),
    "doctests, node id": (("--doctest-glob=*.txt", "requirements.txt::lock"), [LOCK]),
    "doctests, modules": (("--doctest-modules",), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "importlib": (("--import-mode=importlib",), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "pyargs": (("--pyargs", "tests"), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
    "rootdir": (("--rootdir=.", "tests"), [LOCK, INSTALLED, CONFLICTS, ONE, TWO]),
}


@pytest.mark.parametrize(("arguments", "expected"), SELECTIONS.values(), ids=SELECTIONS)
def test_selection(clean: Project, arguments: tuple[str, ...], expected: list[str]) -> None:
    """Checks come first, in their order, and are selected as tests are."""
    result = clean.run("-v", *arguments)

    assert [*dict.fromkeys(_items(result))] == expected  # Old versions of pytest collect what is named twice twice.
    assert result.ret == 0


def test_only_the_named_check_counts(broken: Project) -> None:
    """Where every node id is a check, only those run and only those count; the report holds no other."""
    result = broken.run(INSTALLED)

    result.assert_outcomes(passed=1)
    assert result.ret == 0
    assert [check["check"] for check in broken.report()["checks"]] == ["installed"]

    assert broken.run(LOCK).ret == 1
    assert broken.report()["verdict"] == "broken"


def test_node_id_of_a_test(broken: Project) -> None:
    """With the node id of a test no check is added, and the gate fails the session."""
    result = broken.run(ONE)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["broken: 1 finding in 1 check. The session fails."])
    assert result.ret == 1


class TestIde:
    """An IDE runs a single test of a project that has `--env-lock` in its `addopts`."""

    @pytest.fixture(autouse=True)
    def _addopts(self, broken: Project) -> None:
        broken.write({"pytest.ini": "[pytest]\naddopts = --env-lock -p no:randomly\n"})

    def test_warns(self, broken: Project) -> None:
        """A broken lock is told, and does not fail the test that somebody works on."""
        result = broken.pytester.runpytest_inprocess(ONE)

        result.stdout.fnmatch_lines(
            [
                "requirements.txt   lock        broken   *",
                "single tests were asked for, and --env-lock was not typed: this is a warning only",
                "broken: 1 finding in 1 check. The session does not fail.",
            ]
        )
        assert result.ret == 0

    def test_whole_files_fail(self, broken: Project) -> None:
        """A run of files or of everything is no such case."""
        assert broken.pytester.runpytest_inprocess().ret == 1
        assert broken.pytester.runpytest_inprocess("tests/test_it.py").ret == 1

    def test_strict_fails(self, broken: Project) -> None:
        """Nor is a strict session."""
        assert broken.pytester.runpytest_inprocess("--env-strict", ONE).ret == 1

    def test_typed_fails(self, broken: Project) -> None:
        """Nor one where the option was typed too, be it in a file of arguments."""
        assert broken.pytester.runpytest_inprocess("--env-lock", ONE).ret == 1

    def test_check_fails(self, broken: Project) -> None:
        """Nor the node id of a check, of all of them, or of one without its item (`--deselect`)."""
        assert broken.pytester.runpytest_inprocess(LOCK).ret == 1
        result = broken.pytester.runpytest_inprocess(LOCK, INSTALLED, CONFLICTS)
        assert result.ret == 1
        result.stdout.fnmatch_lines(["broken: 1 finding in 1 check. The session fails."])
        assert broken.pytester.runpytest_inprocess(LOCK, f"--deselect={LOCK}").ret == 1


def test_last_failed(broken: Project) -> None:
    """`--lf` runs the failed check alone."""
    broken.run()

    result = broken.run("--lf", "-v")

    assert _items(result) == [LOCK]
    assert result.ret == 1


def test_failed_first(broken: Project) -> None:
    """With `--ff` a test that failed comes before the others, and after the checks."""
    broken.write({"tests/test_it.py": "def test_one(): pass\ndef test_two(): assert 0\n"})
    broken.run()

    assert _items(broken.run("--ff", "-v")) == [LOCK, INSTALLED, CONFLICTS, TWO, ONE]


def test_conftest_that_reorders(clean: Project) -> None:
    """Whatever a conftest makes of the order, the checks come first and in theirs."""
    clean.write({"conftest.py": "def pytest_collection_modifyitems(items): items.reverse()\n"})

    assert _items(clean.run("-v")) == [LOCK, INSTALLED, CONFLICTS, TWO, ONE]


def test_stepwise(broken: Project) -> None:
    """`--sw` stops at the broken check, and goes on there."""
    assert _items(broken.run("--sw", "-v")) == [LOCK]

    assert _items(broken.run("--sw", "-v")) == [LOCK]


def test_junit(broken: Project) -> None:
    """In JUnit's XML a check is a case of its file: the first finding is its message, all of them its text."""
    broken.run("--junitxml=junit.xml")

    cases = ET.parse(broken.path / "junit.xml").getroot().iter("testcase")  # noqa: S314  # Our own file.
    by_name = {(case.get("classname"), case.get("name")): case for case in cases}
    failure = by_name["requirements.txt", "lock"].find("failure")
    assert failure is not None
    assert failure.get("message") == "missing-direct click (requirements.in:2): not pinned in requirements.txt"
    assert failure.text == (
        "broken, 1 of 1 pin proven\n"
        "  missing-direct  click  requirements.in:2  not pinned in requirements.txt\n"
        "  fix: pip-compile --output-file=requirements.txt requirements.in"
    )
    assert by_name["pyproject.toml", "conflicts"].find("failure") is None


@pytest.mark.requires_integration("rerunfailures")
def test_no_reruns(broken: Project) -> None:
    """pytest-rerunfailures does not try a check again: what it found stays as it is; tests are tried again."""
    broken.write({"tests/test_it.py": "def test_one(): assert 0\n"})

    result = broken.run("--reruns=2", "-p", "rerunfailures")

    assert result.parseoutcomes() == {"failed": 2, "passed": 2, "rerun": 2}


def test_failure_is_at_the_finding(broken: Project) -> None:
    """The failure's place, which a CI annotates, is the line of the first finding."""
    reports = broken.pytester.inline_run("--env-lock", "-p", "no:randomly").getfailures()

    crash = reports[0].longrepr.reprcrash  # type: ignore[union-attr]
    assert (crash.path, crash.lineno) == (str(broken.path / "requirements.in"), 2)


def test_lock_in_a_folder(clean: Project) -> None:
    """A lock in a folder is named by its path from the root, also from within the folder."""
    clean.write({"requirements/dev.in": "flask\n", "requirements/dev.txt": pip_compiled("flask==3.0\n")})
    dev = "requirements/dev.txt::lock"

    assert _items(clean.run("-v", dev)) == [dev]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(clean.path / "requirements")
        result = clean.run("-v", "dev.txt::lock")
        result.assert_outcomes(passed=1)
        result = clean.run("-v", "../requirements.txt::installed")
        result.assert_outcomes(passed=1)
    assert [check["check"] for check in clean.report()["checks"]] == ["lock"]


def test_from_a_folder(broken: Project) -> None:
    """From a folder below the root the same is checked, and the report lies where its path says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(broken.path / "tests")
        result = broken.run()
        assert (broken.path / "tests" / "report.json").exists()

    result.assert_outcomes(passed=4, failed=1)
    assert result.ret == 1


def test_report_of_a_test_that_changes_the_folder(clean: Project) -> None:
    """A test that leaves another current folder behind does not move the report."""
    clean.write({"tests/test_it.py": "import os\ndef test_one(): os.chdir('tests')\ndef test_two(): 1\n"})

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(clean.path)
        clean.run()

    assert not (clean.path / "tests" / "report.json").exists()


ANCHORS = {
    "pytest.ini": ({"pytest.ini": "[pytest]\n"}, (), "pytest.ini"),
    "setup.cfg": ({"setup.cfg": "[tool:pytest]\n"}, (), "setup.cfg"),
    "-c": ({"other.ini": "[pytest]\n", "pytest.ini": "[pytest]\n"}, ("-c", "other.ini"), "other.ini"),
    "nothing": ({}, (), "requirements.txt"),
}


@pytest.mark.parametrize(("files", "arguments", "anchor"), ANCHORS.values(), ids=ANCHORS)
def test_anchor(clean: Project, files: dict[str, str], arguments: tuple[str, ...], anchor: str) -> None:
    """Without a pyproject.toml the environment's checks are at the file that configured pytest, else the first lock."""
    (clean.path / "pyproject.toml").unlink()
    clean.write(files)

    result = clean.run("-v", "--rootdir=.", *arguments)

    assert f"{anchor}::conflicts" in _items(result)
    assert clean.run("-v", "--rootdir=.", *arguments, f"{anchor}::conflicts").ret == 0


@pytest.mark.parametrize("name", ["a b", "it's", "größe", 'say "x"'])
def test_odd_paths(clean: Project, name: str) -> None:
    """Spaces, quotes and other alphabets in a path are no matter, by node id too."""
    clean.write({f"{name}/requirements.in": "flask\n", f"{name}/requirements.txt": pip_compiled("flask==3.0\n")})
    node_id = f"{name}/requirements.txt::lock"

    result = clean.run("-v", node_id)

    result.assert_outcomes(passed=1)
    assert [check["subject"] for check in clean.report()["checks"]] == [f"{name}/requirements.txt"]


@pytest.mark.parametrize("content", [b"\x00\xff\xfe binary", b"", b"flask==\xe9\n"])
def test_lock_that_is_no_text(clean: Project, content: bytes) -> None:
    """A lock that cannot be read is a finding or an error, and never a traceback, also by node id."""
    clean.write({"requirements.txt": content})
    for arguments in [(LOCK,), ("requirements.txt",), ()]:
        result = clean.run(*arguments)

        assert result.ret in (1, 4)
        assert "Traceback" not in result.stdout.str() + result.stderr.str()
        assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_symlinked_root(clean: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A root that is reached through a link is the same root."""
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(clean.path, target_is_directory=True)

    result = clean.run("-v", f"--rootdir={link}", str(link / LOCK))
    result.assert_outcomes(passed=1)

    result = clean.run("-v", f"--rootdir={link}", str(clean.path / LOCK))
    result.assert_outcomes(passed=1)
    assert [check["check"] for check in clean.report()["checks"]] == ["lock"]


def test_testpaths(clean: Project) -> None:
    """`testpaths` narrows where tests are looked for, not what is checked."""
    clean.write({"pytest.ini": "[pytest]\ntestpaths = tests\n"})

    assert _items(clean.run("-v")) == [LOCK, INSTALLED, CONFLICTS, ONE, TWO]


def test_other_plugins_items_stay(clean: Project) -> None:
    """What another plugin collects in a file of ours stays; only pytest's doctests are kept out."""
    clean.write(
        {
            "conftest.py": """
import pytest

class Other(pytest.File):
    def collect(self):
        yield Item.from_parent(self, name="other")

class Item(pytest.Item):
    def runtest(self):
        pass

def pytest_collect_file(file_path, parent):
    if file_path.name == "requirements.txt":
        return Other.from_parent(parent, path=file_path)
"""
        }
    )

    assert "requirements.txt::other" in _items(clean.run("-v", "--doctest-glob=*.txt"))


def test_failures_beside_another_environment(clean: Project, site: Site) -> None:
    """Where tests fail or do not import in an environment that is not the lock, the section says so beside them."""
    clean.write(
        {
            "requirements.in": "flask==2\nclick\n",
            "requirements.txt": pip_compiled("flask==2\nclick==8\n"),
            "tests/test_it.py": "def test_one(): assert 0\n",
            "tests/test_that.py": "import nothing_of_that_name\n",
        }
    )
    del site

    result = clean.run("--continue-on-collection-errors")

    result.stdout.fnmatch_lines(["2 failures in an environment that is not the lock: *flask 3.0 (locked: 2)*"])
    assert result.ret == 1
