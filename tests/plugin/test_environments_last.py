"""What is told of an environment that several tests have: whose command was the last; and of services that there are none of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite

OTHERS = """
import pytest

pytestmark = pytest.mark.environment("box", KIND)

@pytest.fixture(scope="module")
def wide(environments):
    box = environments.get("box", KIND)
    box.run_python("-c", "print('by wide')")
    return box

@pytest.fixture(scope="module")
def own(environments):
    return environments.throwaway("box", KIND)

def test_first(environment, wide, own):
    for each in (environment, own):
        each.run_python("-c", "print('by first')", env={"A": "1"})
    assert wide.last is not None and environment.last.stdout == own.last.stdout == "by first\\n"

def test_second(environment, wide, own):
    raise SystemError

def test_third(wide):
    wide.run_python("-c", "print('by third')")
    raise SystemError

def test_fourth(own):
    own.install("alpha<2")
    raise SystemError
"""


def _told(suite: Suite) -> dict[str, list[str]]:
    """Give what the failed tests are told: all lines of each."""
    result = suite.run("-p", "no:randomly")
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in result.outlines:
        if line.startswith(("___", "===")):
            lines = found.setdefault(line.strip("_= "), [])
        lines.append(line)
    return found


def _titles(lines: list[str]) -> list[str]:
    return [line.strip("- ") for line in lines if line.startswith("---")]


def _last(lines: list[str]) -> list[str]:
    return [line.split(None, 1)[1] for line in lines if line.startswith("last ")]


@pytest.fixture(
    params=["virtualenv", pytest.param("container", marks=pytest.mark.requires_integration("docker-engine"))]
)
def others(request: pytest.FixtureRequest) -> Suite:
    """Give a project whose tests share what they have; all tests of a process have one container."""
    text = OTHERS.replace("KIND", f"kind={request.param!r}")
    if request.param == "virtualenv":
        found: Suite = request.getfixturevalue("suite")
        found.write(text, "[tool.envrepro.environments.box]\n")
    else:
        found = request.getfixturevalue("boxes")
        found.write(text, table(request.getfixturevalue("base").reference))
    return found


def test_of_another_test(others: Suite) -> None:
    """A command of another test is not told as this one's; what a test has twice is told once."""
    found = _told(others)

    titles = _titles(found["test_second"])
    assert titles == ["envrepro: environment 'box', shared", "envrepro: environment 'box', its own"]
    assert {*_last(found["test_second"])} <= {"nothing was run in it", "nothing was run in it by this test"}
    (third,) = _last(found["test_third"])
    assert "by third" in third
    assert _last(found["test_fourth"]) == ["nothing was run in it by this test but what install() runs"]
    assert "test_first" not in found


SEVERAL = """
def test_it(environments):
    first, second = environments.throwaway("box"), environments.throwaway("box")
    second.run_python("-V")
    third = environments.throwaway("box", environment={"A": "b"})
    assert not first
"""


def test_several_of_one_name(suite: Suite) -> None:
    """They are numbered; what two that follow each other are made of is told once."""
    suite.write(SEVERAL, "[tool.envrepro.environments.box]\n")

    told = _told(suite)["test_it"]

    assert _titles(told) == [f"envrepro: environment 'box', its own ({number} of 3)" for number in (1, 2, 3)]
    labels = ("path", "key", "made", "python", "settings", "last", "enter")
    assert [line.split()[0] for line in told if line.startswith(tuple(f"{label} " for label in labels))] == [
        *("path", "key", "python", "settings", "last", "enter"),
        *("path", "made", "last", "enter"),
        *("path", "key", "python", "settings", "last", "enter"),
    ]
    assert "made      as the one above: the same key, Python and settings" in told


NONE = """
import pytest
from pytest_envrepro import UnknownServiceError

def test_it(environments):
    box = environments.get("box")
    for each, label in [(box, "environment 'box'"), (environments.host, "the environment that runs pytest")]:
        assert dict(each.services) == {}
        assert each.services.network is each.services.project is None
        with pytest.raises(UnknownServiceError) as caught:
            each.services["db"]
        assert str(caught.value) == (
            f"there is no service 'db', as {label} declares no compose: write compose = \\"compose.yaml\\", the file that has "
            "it, among its settings"
        )
"""


def test_no_services(suite: Suite) -> None:
    """Where no `compose` is declared, there is no service of any name."""
    suite.write(NONE, "[tool.envrepro.environments.box]\n")

    suite.run().assert_outcomes(passed=1)
