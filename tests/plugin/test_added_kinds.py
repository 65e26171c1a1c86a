"""Another distribution adds kinds of locks, checks and reports by entry points; one that does not load is told by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import making
import pytest

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core

_ADDED = """
from pytest_envrepro.locks.requirements import RequirementsFormat
from pytest_envrepro.outcome import Finding, Outcome


class Spelling:
    name = "spelling"
    codes = ("misspelled",)

    def subjects(self, facts):
        return tuple(facts.locks)

    def judge(self, facts, subject):
        names = [pin.name for pin in facts.locks[subject].pins]
        found = [Finding(code="misspelled", package=name, file=subject, message="flask") for name in names if name == "flusk"]
        return Outcome(findings=tuple(found))

    def key(self, facts, subject):
        return None


class Pins(RequirementsFormat):
    name = "pins"

    def may_be(self, path):
        return path.endswith((".pins", ".lock"))

    def why_not(self, path, tree):
        return None


class Lines:
    name = "lines"
    suffixes = (".lines",)

    def render(self, summary):
        return "".join(f"{each.subject}::{each.check} {each.outcome.status}\\n" for each in summary.results)


def broken():
    raise RuntimeError("of its own")
"""
_GROUPS = """\
[pytest_envrepro.checks]
spelling = added_kinds:Spelling
[pytest_envrepro.locks]
pins = added_kinds:Pins
[pytest_envrepro.reports]
lines = added_kinds:Lines
"""


@pytest.fixture
def added(clean: Project, site: Site) -> Project:
    """Give a clean project, beside which a distribution with kinds of its own is installed."""
    folder = site.add("added-kinds", "1.0")
    (folder / "entry_points.txt").write_text(_GROUPS)
    (site.path / "added_kinds.py").write_text(_ADDED)
    (site.path / "a-file").touch()
    compiled = making.pip_compiled("flusk==1\n", "pip-compile --output-file=other.pins other.in")
    clean.write({"other.pins": compiled, "other.in": "flusk\n"})
    return clean


def test_added(added: Project) -> None:
    """An added format finds locks, an added check judges every lock after ours, an added report is taken by its suffix."""
    result = added.run("--env-report=report.lines", "-k", "spelling")

    result.assert_outcomes(passed=1, failed=1, deselected=7)
    assert result.ret == 1
    assert sorted((added.path / "report.lines").read_text().splitlines()) == [
        "other.pins::installed unchecked",
        "other.pins::lock clean",
        "other.pins::spelling broken",
        "pyproject.toml::conflicts clean",
        "requirements.txt::installed clean",
        "requirements.txt::lock clean",
        "requirements.txt::spelling clean",
    ]


def test_order_of_formats(added: Project) -> None:
    """An added format is asked after ours, whose names are sure, and before requirements files, which take nearly any."""
    added.write({"odd.lock": "flusk==1\n", "uv.lock": "flusk==1\n"})

    added.run("--env-report=report.lines", "-k", "spelling and lock")

    judged = (added.path / "report.lines").read_text().splitlines()
    assert {"odd.lock::spelling broken", "uv.lock::spelling clean"} <= set(judged)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("added_kinds:broken", "RuntimeError('of its own')"),
        ("added_kinds:Nothing", "*AttributeError*"),
        ("of_no_name:Kind", "ModuleNotFoundError*"),
    ],
)
def test_broken(added: Project, site: Site, value: str, reason: str) -> None:
    """One that does not load is a usage error, with its name and its distribution."""
    (site.path / "added_kinds-1.0.dist-info" / "entry_points.txt").write_text(
        f"[pytest_envrepro.checks]\nspelling = {value}\n"
    )

    result = added.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: the entry point 'spelling' of added-kinds ({value}) does not load: {reason}"])


def test_first_on_the_path_counts(added: Project, site: Site) -> None:
    """A distribution that is installed twice is that which Python imports."""
    (added.path / "later").mkdir()
    later = type(site)(added.path / "later").add("added-kinds", "0.9")
    (later / "entry_points.txt").write_text("[pytest_envrepro.checks]\nspelling = of_no_name:Kind\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(added.path / "later"))
        patch.syspath_prepend(str(site.path))

        assert added.run("requirements.txt::spelling").ret == 0
