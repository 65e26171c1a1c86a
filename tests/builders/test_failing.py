"""What is advised about a build that has failed: by what its program has said, and not by the command itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders.test_engines_that_fail import MADE, Engine, built, job

from pytest_envrepro.builders import builder_for
from pytest_envrepro.buildhints import hints
from pytest_envrepro.errors import BuildError
from pytest_envrepro.images.apt import SCRIPT

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("kind", "ended"),
    [
        ("classic", "The command '/bin/sh -c {} jq=9' returned a non-zero code: 100"),
        ("buildkit", 'process "/bin/sh -c {} jq=9" did not complete successfully: exit code: 100'),
    ],
)
def test_hints_of_what_was_said(kind: str, ended: str) -> None:
    """The engine repeats the command, and so what our script would say: that is no reason of anything."""
    said = {"stream": "E: Version '9' for 'jq' was not found\n"}
    engine = Engine({"1": [*MADE, said, {"error": ended.format(SCRIPT + " # exit code: 7")}]})

    with pytest.raises(BuildError) as caught:
        built(engine)

    told = str(caught.value).splitlines()
    assert told[0] == "the image of environment 'x' cannot be built: step 3 of 3 failed (its program ended with 100)", (
        kind
    )
    assert [line for line in told if "hint" in line] == [
        (
            "  hint: apt has no version '9' (any more: Debian's mirrors keep only the newest); leave the version out of "
            "apt-packages, or set apt-snapshot to a day that had it"
        )
    ]


def test_ended_by_the_engine() -> None:
    """What the status itself tells still counts."""
    engine = Engine({"1": [*MADE, {"error": "The command 'two' returned a non-zero code: 137"}]})

    with pytest.raises(BuildError, match="which mostly means that the memory did not suffice"):
        built(engine)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            (
                "COPY failed: file not found in build context or excluded by .dockerignore: stat ok.txt: file does not exist"
            ),
            (
                "what a Dockerfile copies has to lie in the folder of the setting context, less what the .dockerignore there "
                "names; without context there is the Dockerfile alone"
            ),
        ),
        (
            'failed to solve: failed to compute cache key: failed to walk: "/ok.txt": not found',
            "what a Dockerfile copies has to lie in the folder of the setting context",
        ),
        ("no build stage in current context", "a Dockerfile begins with a FROM"),
        ("the Dockerfile (Dockerfile) cannot be empty: file with no instructions", "a Dockerfile begins with a FROM"),
        *(
            (
                said,
                "the virtualenv of the image has no pip: name it among the requirements, or there what it is to install",
            )
            for said in (
                "/usr/bin/env: 'pip': No such file or directory",
                "/bin/sh: 1: pip: not found",
                'exec: "pip": executable file not found in $PATH: unknown',
                "/opt/environment/bin/python: No module named pip",
            )
        ),
    ],
)
def test_first_mistakes(said: str, advice: str) -> None:
    """What everybody comes to once is told with what to do."""
    (told,) = hints(said)

    assert told.startswith(advice)


@pytest.mark.parametrize("said", ["mypip: not found", "pipx: not found", "cat: 'pip.conf': No such file or directory"])
def test_other_programs(said: str) -> None:
    """Those whose names are like pip's are not meant."""
    assert hints(said) == ()


def test_no_step() -> None:
    """Where the engine refuses the whole of a Dockerfile that comes from one setting, that is named."""
    engine = Engine({"1": [{"error": "no build stage in current context"}]})

    with pytest.raises(BuildError) as caught:
        built(engine)

    assert "  the setting: run (pyproject.toml)" in str(caught.value).splitlines()


def test_who_asks() -> None:
    """Where a package is refused, who asks for it is told, and not what was to install it."""
    said = {"stream": "ERROR: No matching distribution found for six\n"}
    engine = Engine({"1": [*MADE, said, {"error": "The command 'two' returned a non-zero code: 1"}]})
    whole = job(trails={"six": "six, asked for by bad.lock:1"})
    lines = tuple(line._replace(setting="installer (default)") for line in whole.lines)
    given: Any = engine

    with pytest.raises(BuildError) as caught:
        builder_for("engine", lambda _: given).build(
            given, replace(whole, lines=lines), tell=lambda _: None, say=lambda _: None
        )

    told = str(caught.value).splitlines()
    assert "  six, asked for by bad.lock:1" in told
    assert not [line for line in told if "the setting" in line]
