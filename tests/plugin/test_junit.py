"""In JUnit's XML the checks and the session have properties, whatever runs them and whatever they found."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projects import Project, Site

pytestmark = pytest.mark.core

FIX = "pip-compile --output-file=requirements.txt requirements.in"
Properties = dict[str, str | None]


def _properties(element: ET.Element | None) -> Properties:
    found: Iterable[ET.Element] = [] if element is None else element.iterfind("properties/property")
    return {str(each.get("name")): each.get("value") for each in found}


def _read(project: Project) -> tuple[Properties, dict[str, Properties]]:
    """Give the properties of the session, and those of each case that has some."""
    root = ET.parse(project.path / "junit.xml").getroot()  # noqa: S314  # Our own file.
    cases = {f"{case.get('classname')}::{case.get('name')}": _properties(case) for case in root.iter("testcase")}
    return _properties(root.find("testsuite")), {name: found for name, found in cases.items() if found}


@pytest.mark.parametrize(
    "arguments", [(), ("-n2",), ("-p", "no:terminal"), ("-o", "junit_family=xunit1")], ids=" ".join
)
def test_properties(broken: Project, site: Site, arguments: tuple[str, ...]) -> None:
    """Each check has its outcome and what it found, the session its verdict and fingerprint; tests have nothing."""
    site.add("extra", "1.0")
    broken.write({"requirements.txt": pip_compiled("flask==3.0\nextra==1.0\n")})

    broken.run("--junitxml=junit.xml", *arguments, subprocess=True)

    session, cases = _read(broken)
    assert session == {"envrepro.verdict": "broken", "envrepro.fingerprint": broken.report()["fingerprint"]}
    assert cases == {
        "requirements.txt::lock": {
            "envrepro.outcome": "broken",
            "envrepro.proven": "2/2",
            "envrepro.codes": "missing-direct,orphan",
            "envrepro.fix": FIX,
        },
        "requirements.txt::installed": {"envrepro.outcome": "clean"},
        "pyproject.toml::conflicts": {"envrepro.outcome": "clean"},
    }


def test_reasons_and_waivers(clean: Project) -> None:
    """What could not be judged says why, and what is accepted is named apart; several commands are one line."""
    clean.write(
        {
            "requirements.in": "flask\nclick\nhttpx\n",
            "envrepro.toml": '[[waivers]]\ncode = "missing-direct"\npackage = "click"\nreason = "later"\n',
            "pyproject.toml": "",
            "uv.lock": "version = 99\n",
        }
    )

    clean.run("--junitxml=junit.xml")

    cases = _read(clean)[1]
    reason = "uv.lock has schema 99, and the latest that is known here is 1"
    assert cases["uv.lock::installed"] == {"envrepro.outcome": "unchecked", "envrepro.reason": reason}
    assert cases["requirements.txt::lock"] == {
        "envrepro.outcome": "broken",
        "envrepro.proven": "1/1",
        "envrepro.codes": "missing-direct",
        "envrepro.waived": "missing-direct",
        "envrepro.fix": FIX,
    }


def test_control_characters(clean: Project) -> None:
    """The XML is valid whatever a lock says, and what is no text stands there escaped."""
    command = "pip-compile -o requirements.txt 'a\x01\x1b[31m.in'"
    clean.write({"a\x01\x1b[31m.in": "flask\nclick\n", "requirements.txt": pip_compiled("flask==3.0\n", command)})

    clean.run("--junitxml=junit.xml")

    found = _read(clean)[1]["requirements.txt::lock"]
    assert found["envrepro.codes"] == "missing-direct"
    assert str(found["envrepro.fix"]).replace("'", "") == r"pip-compile -o requirements.txt a\x01\x1b[31m.in"


def test_reason_of_a_skip(clean: Project) -> None:
    """Why a check was skipped is escaped wherever it is shown: there is a path in it."""
    clean.write({"##[error]/uv.lock": "version = 99\n"})

    clean.run("--junitxml=junit.xml")

    root = ET.parse(clean.path / "junit.xml").getroot()  # noqa: S314  # Our own file.
    messages = [str(each.get("message")) for each in root.iter("skipped")]
    assert len(messages) == 2
    assert all(r"\x23#[error]/uv.lock has schema 99" in message for message in messages)


def test_not_asked(broken: Project) -> None:
    """Where nothing was judged the XML says nothing of us."""
    broken.pytester.runpytest_inprocess("--env-report=report.json", "--junitxml=junit.xml")

    assert _read(broken) == ({}, {})


def test_no_junit(broken: Project) -> None:
    """Without pytest's own plugin for it, the session is as it was."""
    assert broken.run("-p", "no:junitxml").ret == 1
