"""Tests that run in an environment are reported as they are where pytest runs them itself: word for word."""

from __future__ import annotations

import difflib
import itertools
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from inside import differing
from inside.cases import files, left_out
from inside.sessions import RECORDER, Sessions, Told
from interpreters import VERSIONS, need

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
IN_BOX = "3.11"  # The Python of the image that containers begin with.
HERE_SETTINGS = f'python = "{HERE}"\n'
ROTS = (
    "there: will rot: base-image: 'envrepro-tests/python:3.11' is moved by its publisher: write base-image = "
    '"envrepro-tests/python@sha256:..." (tool.envrepro.environments.there in pyproject.toml)'
)


@pytest.fixture(scope="session")
def hosts() -> dict[bool, Told]:
    """Give what was told of the tests here, once it was: of those for a Python of the same version, and of the others."""
    return {}


def differences(there: Any, here: Any) -> str:
    """Give the first lines that are others there than here."""
    if isinstance(there, dict):
        there, here = (
            {name: told for name, told in one.items() if told != other.get(name)}
            for one, other in ((there, here), (here, there))
        )
    before, after = (json.dumps(each, indent=0, ensure_ascii=False).splitlines() for each in (here, there))
    return "\n".join(itertools.islice(difflib.unified_diff(before, after, "here", "there", lineterm=""), 60))


def compare(sessions: Sessions, hosts: dict[bool, Told], settings: str, version: str) -> list[str]:
    """Run all tests here, and in an environment; they have to agree. Give what we have said ourselves."""
    is_same = version == HERE
    project = files(is_same=is_same)
    if is_same not in hosts:
        hosts[is_same] = sessions.run(project, *left_out())
    here, there = hosts[is_same], sessions.run(project, *left_out(), settings=settings)
    if not is_same:
        here, there = here.without_carets(), there.without_carets()
    assert len(here.reports) > 900
    assert differences(there.reports, here.reports) == ""
    assert [*there.reports] == [*here.reports]
    assert differences(there.warnings, here.warnings) == ""
    assert differences(there.text.splitlines(), here.text.splitlines()) == ""
    assert there.status == here.status == 1
    assert here.ours == []
    return there.ours


@pytest.mark.parametrize("version", VERSIONS)
def test_a_virtualenv(sessions: Sessions, hosts: dict[bool, Told], version: str, tmp_path: Path) -> None:
    """Of each Python, with the same tests."""
    need(version, tmp_path)

    assert compare(sessions, hosts, f'python = "{version}"\n', version) == []


@pytest.mark.requires_integration("docker-engine")
@pytest.mark.usefixtures("base_image")
def test_a_container(sessions: Sessions, hosts: dict[bool, Told]) -> None:
    """It has other files than this machine."""
    settings = 'kind = "container"\nbase-image = "envrepro-tests/python:3.11"\npull = "never"\n'

    assert compare(sessions, hosts, settings, IN_BOX) == [ROTS]


@pytest.mark.parametrize("body", differing.STOPPING.values(), ids=differing.STOPPING)
def test_what_stops_a_session(sessions: Sessions, body: str) -> None:
    """By the same exit code, and in the same words."""
    tests = f"import pytest\n\n\ndef test_first():\n    print('said')\n    {body}\n\n\ndef test_next():\n    pass\n"
    project = {"conftest.py": RECORDER, "test_stopping.py": tests}

    here, there = sessions.run(project), sessions.run(project, settings=HERE_SETTINGS)

    assert there == here
    assert here.status in {2, 7}
    assert [name for name in here.reports if "test_next" in name] == []


def short(told: Told) -> dict[str, str]:
    """Give how each test has ended: the first line of what was wrong, and what was captured."""
    found: dict[str, list[str]] = {}
    for report in told.reports.values():
        words = found.setdefault(report["location"][2], [])
        if report["outcome"] != "passed":
            words.append(f"{report['outcome']}: {_message(report)}")
        if report["when"] == "teardown":
            words += [f"{title}: {text.rstrip()}" for title, text in report["sections"]]
    return {name: "; ".join(words) or "passed" for name, words in found.items()}


def _message(report: Mapping[str, Any]) -> str:
    message: str = report["longrepr"]["reprcrash"]["message"]
    return message.partition("\n")[0]


def test_what_differs(sessions: Sessions) -> None:
    """What ends otherwise, and how."""
    project = {"conftest.py": RECORDER + differing.CONFTEST, "test_differing.py": differing.TESTS}

    here, there = sessions.run(project, *left_out()), sessions.run(project, *left_out(), settings=HERE_SETTINGS)

    found = {name: (told, short(there)[name]) for name, told in short(here).items()}
    assert found == {name: differing.DIFFERENT[name] for name in found}
    assert len(found) >= len(differing.DIFFERENT) - 1  # With an older pytest one of them is left out.
    assert [name for name, (one, other) in found.items() if one == other] == []
    assert here.ours == []


def test_the_documentation() -> None:
    """Tells of each difference, and of no other."""
    text = (Path(__file__).parents[2] / "docs" / "inside.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \|", text.partition("## What differs from a run on the host\n")[2], re.MULTILINE)

    assert rows[1:] == [*dict.fromkeys(differing.NAMED.values()), *differing.NAMED_BESIDE]
    assert [*differing.NAMED] == [*differing.DIFFERENT]


def test_the_end_of_python(sessions: Sessions) -> None:
    """Is the end of a test, which says so, and of no other."""
    project = {"conftest.py": RECORDER, "test_ending.py": differing.ENDING}

    there = sessions.run(project, settings=HERE_SETTINGS)

    stacks = {name: told.partition("; Captured stderr call: ")[2] for name, told in short(there).items()}
    assert {
        name: told.partition("; Captured stderr call: ")[0] for name, told in short(there).items()
    } == differing.ENDED
    # What faulthandler writes of a crash: where it was.
    assert {name: stack.partition("\n")[0] for name, stack in stacks.items() if stack} == {
        "test_segmentation_fault": "Fatal Python error: Segmentation fault",
        "test_abort": "Fatal Python error: Aborted",
    }
    lines = [line.strip() for line in stacks["test_segmentation_fault"].splitlines()]
    assert any(re.fullmatch(r'File ".*test_ending\.py", line 15 in test_segmentation_fault', line) for line in lines)
