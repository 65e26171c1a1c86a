"""The command as users have it: installed from its wheel, on each Python that it supports."""

import pytest

from pytest_envrepro import CommandFailed, Environment

PYTHONS = ["3.9", "3.11", "3.13"]


@pytest.fixture(
    params=[pytest.param(each, marks=pytest.mark.environment("installed", python=each)) for each in PYTHONS]
)
def installed(environment: Environment) -> Environment:
    return environment


def test_version(installed: Environment) -> None:
    assert installed.run("wordtally", "--version").stdout == "wordtally 1.0\n"


def test_counts(installed: Environment) -> None:
    done = installed.run("wordtally", "--most", "2", input="The end of the story is the end.\n")

    assert done.stdout == "    2 end\n    1 story\n"


def test_wrong_option(installed: Environment) -> None:
    with pytest.raises(CommandFailed, match="error: --most has to be 1 or more"):
        installed.run("wordtally", "--most", "0")


def test_nothing_else_is_needed(installed: Environment) -> None:
    assert list(installed.inventory()) == ["wordtally"]
    installed.assert_intact()
