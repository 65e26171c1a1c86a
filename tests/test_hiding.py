"""What is never shown is taken out of all that is: however it is written, and nothing besides."""

from __future__ import annotations

import pytest

from pytest_envrepro.hiding import LEAST, NOTHING, Hiding
from pytest_envrepro.settings import Settings

pytestmark = pytest.mark.core


def test_hide() -> None:
    """Credentials of URLs, and what is said to be secret, the longest first; nothing short, as it is everywhere."""
    text = "get https://me:word@host/x?token=abc with hunter22 and hunter and a"

    hidden = Hiding.of(["hunter", "hunter22", "a"]).hide(text)

    assert hidden == "get https://****@host/x?token=**** with **** and **** and a"
    assert NOTHING.hide(text) == "get https://****@host/x?token=**** with hunter22 and hunter and a"


@pytest.mark.parametrize(("secret", "shown"), [("xyz", "**** xy"), ("xy", "xyz xy")])
def test_the_least(secret: str, shown: str) -> None:
    """There is one least length for all that is hidden."""
    assert (len(secret) >= LEAST) == ("*" in shown)
    assert Hiding.of([secret]).hide("xyz xy") == shown


@pytest.mark.parametrize(
    "written",
    [
        'ENV A="a\\"b\\$c\\\\d é"',  # As in a Dockerfile.
        '["a\\"b$c\\\\d é"]',  # As in JSON.
        '["a\\"b$c\\\\d \\u00e9"]',
        'a"b$c\\d é',
    ],
)
def test_forms(written: str) -> None:
    """One is found as it stands in a Dockerfile and in JSON."""
    hidden = Hiding.of(['a"b$c\\d é']).hide(written)

    assert "****" in hidden
    assert not set(hidden) & set("bcd")


def test_lines() -> None:
    """Of one that has several lines each is found by itself, as programs write it line by line."""
    key = Hiding.of(["-----BEGIN-----\n  sesame\n}\n"])

    assert key.hide("db_1 | sesame }") == "db_1 | **** }"
    assert key.hide("<-----BEGIN-----\n  sesame\n}\n>") == "<****>"


def test_both() -> None:
    """What either of two hides is hidden; a text that one name may show and another may not is not shown."""
    found = Hiding.of(["sesame"]) | Hiding.of_shown([("postgres://me:pw@db", "postgres://****@db"), ("open", "open")])

    assert found.hide("sesame open postgres://me:pw@db") == "**** open postgres://****@db"
    assert Hiding.of_shown([("orders", "****"), ("orders", "orders")]).hide("orders") == "****"


def test_of_settings() -> None:
    """Of settings, the values of variables of programs and of the build are hidden, that may be secret, and no others."""
    settings = Settings(
        kind="container",
        environment={"API_TOKEN": "alpha", "MODE": "fast"},
        build_environment={"PIP_KEY": "beta", "COLOUR": "red"},
    )

    assert settings.hiding.hide("alpha beta fast red") == "**** **** fast red"
