"""Dockerfiles, cut into what the engine counts as steps."""

from __future__ import annotations

import pytest

from pytest_envrepro.builders.dockerfile import counted, instructions, read_lines, stages
from pytest_envrepro.builders.foreign import foreign_images

pytestmark = pytest.mark.core

TEXT = r"""# syntax=docker/dockerfile:1
ARG TAG=1

FROM --platform=linux/amd64 python:$TAG AS Base
RUN echo one \
    # a comment within

    two
ENV A=b
from base
copy --from=base /a /a
WORKDIR /x
RUN ["true"]
FROM debian@sha256:00 AS last
RUN true
"""


def words(text: str, target: str = "") -> list[tuple[str, int]]:
    """Give the instructions and their stages."""
    return [(each.word, each.stage) for each in instructions(read_lines(text), target)]


def test_cut() -> None:
    """Nothing is lost, and an instruction keeps the lines that it goes on in, comments and empty ones included."""
    lines = read_lines(TEXT, "dockerfile")

    assert "\n".join(line.text for line in lines) == TEXT.rstrip("\n")
    assert lines[4].text.splitlines() == ["RUN echo one \\", "    # a comment within", "", "    two"]
    assert {line.setting for line in lines} == {"dockerfile"}


def test_instructions() -> None:
    """Each with its stage, to the end of the one that is wanted."""
    found = words(TEXT)

    assert found[:4] == [("ARG", -1), ("FROM", 0), ("RUN", 0), ("ENV", 0)]
    assert found[4:] == [("FROM", 1), ("COPY", 1), ("WORKDIR", 1), ("RUN", 1), ("FROM", 2), ("RUN", 2)]
    assert words(TEXT, "base") == found[:4]
    assert words(TEXT, "1") == found[:8]


def test_stages() -> None:
    """The images that stages begin with, and which of them an engine has to have."""
    lines = read_lines(TEXT)

    assert stages(lines) == (("python:$TAG", "base"), ("base", ""), ("debian@sha256:00", "last"))
    assert [each.image for each in foreign_images(lines, {}, None)] == ["python:1", "debian@sha256:00"]


@pytest.mark.parametrize(
    ("stage", "place", "text"),
    [
        ("base", 1, "FROM --platform=linux/amd64 python:$TAG AS Base"),
        ("stage-1", 1, "copy --from=base /a /a"),  # Its FROM is another stage.
        ("stage-1", 3, 'RUN ["true"]'),
        ("last", 2, "RUN true"),
        ("last", 3, None),
        ("nothing", 1, None),
        ("", 1, None),  # There are several.
    ],
)
def test_as_buildkit_counts(stage: str, place: int, text: str | None) -> None:
    """What makes a layer, and a FROM that names an image."""
    lines = read_lines(TEXT)
    found = counted(lines, stage, place)

    assert (None if found is None else lines[found].text) == text


def test_as_buildkit_counts_from_nothing() -> None:
    """`scratch` is no image: the first step is what is put there."""
    lines = read_lines("FROM scratch\nCOPY a /a\n")

    assert counted(lines, "", 1) == 1


def test_other_escape() -> None:
    """A directive at the top chooses what a line goes on after."""
    assert words("# escape=`\nFROM a\nRUN one `\n two\nRUN c:\\\nRUN x\n") == [
        *[("FROM", 0), ("RUN", 0), ("RUN", 0), ("RUN", 0)]
    ]


def test_here_document() -> None:
    """Its lines are no instructions; where nothing ends it, `<<` is a word of the shell's."""
    assert words("FROM a\nRUN <<EOF\nFROM b\nEOF\nRUN <<-'X' cat\n\tRUN c\n\tX\nCMD x\n") == [
        *[("FROM", 0), ("RUN", 0), ("RUN", 0), ("CMD", 0)]
    ]
    assert words("FROM a\nRUN cat <<NEVER\nUSER b\n") == [("FROM", 0), ("RUN", 0), ("USER", 0)]
