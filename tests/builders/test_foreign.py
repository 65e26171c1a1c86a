"""What Dockerfiles have from elsewhere: images, with variables filled in as engines do, and what is fetched."""

from __future__ import annotations

import pytest

from pytest_envrepro.builders.dockerfile import read_lines
from pytest_envrepro.builders.foreign import fetching, foreign_images, frontend

pytestmark = pytest.mark.core

MOUNTED = ("RUN --mount=from=b c", "RUN --mount=from=d")
OPEN = "it names no image as it is filled in: write a default (ARG NAME=...) before the first FROM, or set it in build-environment"


def images(text: str, arguments: dict[str, str] | None = None, platform: str | None = None) -> list[str]:
    """Give the images that a Dockerfile needs, with the words before them, or why that is not known."""
    found = foreign_images(read_lines(text), arguments or {}, platform)
    return [f"{each.how}{each.image}" if not each.why else f"{each.how}{each.written}: {each.why}" for each in found]


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("ARG BASE=python:3.12\nFROM ${BASE}", {}, ["FROM python:3.12"]),
        ("ARG BASE=python:3.12\nFROM $BASE", {"BASE": "debian"}, ["FROM debian"]),
        ("ARG BASE\nFROM $BASE", {"BASE": "debian"}, ["FROM debian"]),
        ('ARG A=3 B="$A.12"\nARG TAG=${B}-slim\nFROM python:$TAG', {"A": "4"}, ["FROM python:4.12-slim"]),
        ("FROM ${BASE:-debian}", {}, ["FROM debian"]),
        ("FROM ${BASE:-debian}", {"BASE": "nobody/declares"}, ["FROM debian"]),
        ("ARG A=x\nFROM ${B:-${A:-y}}", {}, ["FROM x"]),
        ("ARG A=x\nFROM img${A:+-x}${B+-y}", {}, ["FROM img-x"]),
        ("ARG A=\nFROM img${A-1}${A:-2}${B-3}", {}, ["FROM img23"]),
        ("ARG REGISTRY\nFROM ${REGISTRY}debian:12", {}, ["FROM debian:12"]),
        ("# escape=`\nARG A=1 `\n  B=2\nFROM a:$A$B", {}, ["FROM a:12"]),
        ("FROM one AS base\nARG N=base\nFROM $N", {}, ["FROM one", f"FROM $N: {OPEN}"]),
        ("ARG N=base\nFROM one AS base\nFROM $N", {}, ["FROM one"]),
        ("FROM python:$V", {}, [f"FROM python:$V: {OPEN}"]),
        (
            "FROM a\nARG B=2\nCOPY --from=c:$B /x /x",
            {"B": "2"},
            [
                "FROM a",
                "COPY --from=c:$B: nobody fills in variables there: have a stage (FROM ... AS name), and take it from that",
            ],
        ),
        (
            "FROM a AS one\nFROM b\nCOPY --from=one /x /x\nCOPY --chown=1 --from=0 /x /x\nCOPY --from=ONE / /",
            {},
            ["FROM a", "FROM b"],
        ),
        ("FROM a\ncopy --link --from=busybox:1 /x \\\n /y", {}, ["FROM a", "COPY --from=busybox:1"]),
        ("FROM a\nCOPY --from=7 /x /y", {}, ["FROM a", "COPY --from=7"]),
        (
            "FROM a\nRUN --mount=type=bind,from=tools:1,target=/t x --mount=from=no",
            {},
            ["FROM a", "RUN --mount=from=tools:1"],
        ),
        ("FROM a\nRUN\t--mount=type=bind,\"from=b c\" \t--mount='type=bind,FROM=d' x", {}, ["FROM a", *MOUNTED]),
        ('FROM a\nRUN --mount=type=bind,\\"from=b,c\\",target=/t x', {}, ["FROM a", "RUN --mount=from=b,c"]),
        ("FROM a\nRUN -- --mount=from=b x", {}, ["FROM a"]),
        ("FROM a\nCOPY\t--chown=0:0\t--from='b' /x /y", {}, ["FROM a", "COPY --from=b"]),
        ("FROM a\nONBUILD\tCopy --from=b /x /y", {}, ["FROM a", "COPY --from=b"]),
        ("FROM a\nonbuild RUN --mount=from=b x", {}, ["FROM a", "RUN --mount=from=b"]),
        ("FROM a AS one\nONBUILD COPY --from=one /x /y", {}, ["FROM a"]),
        ("FROM a\nONBUILD", {}, ["FROM a"]),
        ("FROM a\nCOPY --from=\\\nb /x /y", {}, ["FROM a", "COPY --from=b"]),
        ("FROM a\nRUN <<EOF\nFROM users\nCOPY --from=none\nEOF\n", {}, ["FROM a"]),
        ("FROM a\nCOPY --from=a /x /y", {}, ["FROM a", "COPY --from=a"]),
        ("FROM scratch", {}, []),
    ],
)
def test_images(text: str, arguments: dict[str, str], expected: list[str]) -> None:
    """Those of other stages are none; what cannot be known is told."""
    assert images(text, arguments) == expected


def test_platforms() -> None:
    """What an engine sets by itself is known where the settings name the platform."""
    text = "FROM a AS base-arm64\nFROM base-${TARGETARCH}\nFROM c-$TARGETOS$TARGETVARIANT\n"

    assert images(text, platform="linux/arm64") == ["FROM a", "FROM c-linux"]
    assert images(text)[1] == (
        "FROM base-${TARGETARCH}: what $TARGETARCH stands for is not known before it is built: set platform"
    )
    assert images("FROM a-$BUILDARCH", platform="linux/arm64") == [
        "FROM a-$BUILDARCH: what $BUILDARCH stands for is not known before it is built: write it out"
    ]
    assert images("ARG A=x.y\nFROM a-${A%.y}") == [
        "FROM a-${A%.y}: it has a form of variable that is not followed here: write ${NAME} or ${NAME:-default}"
    ]


@pytest.mark.parametrize(
    ("text", "is_fetching"),
    [
        ("ADD https://h/a.tgz /a", True),
        ("add --chown=1:1 --checksum=sha256:0 HTTP://h/a /a", True),
        ('ADD ["b c", "https://h/a", "/x/"]', True),
        ("ADD b \\\n  git@h:a.git /a", True),
        ("ADD git://h/a.git /a", True),
        ("ADD user@h:a.git /a", True),
        ("ARG URL=https://h/a\nADD $URL /a", True),
        ("ENV URL=https://h/a\nADD ${URL} /a", True),
        ("ADD $OF_THE_BASE /a", True),
        ("ARG HOST\nADD $HOST /a", True),
        ("ADD --chown=0:0\thttps://h/a /a", True),
        ("ADD\thttps://h/a\t/a", True),
        ('ADD --chmod=\'0 6\' --link \t ["https://h/a", "/a"]', True),
        ("ONBUILD ADD https://h/a /a", True),
        ("onbuild\tadd\t--link\thttps://h/a /a", True),
        ("ADD https:\\\n//h/a /a", True),
        ('ADD --unpack="https://h/a b" a /a', False),
        ("ONBUILD ADD a /a", False),
        ("ONBUILD RUN ADD https://h/a /a", False),
        ("ARG NAME=a.txt\nADD $NAME dir/$NAME /a/", False),
        ("ADD a$OF_THE_BASE.txt /a", False),
        ("ADD a.txt b@c /a/", False),
        ("ADD a /https://h", False),
        ("COPY https:/h /a", False),
        ("ADD <<EOF /a\nhttps://h/a\nEOF", False),
    ],
)
def test_fetching(text: str, *, is_fetching: bool) -> None:
    """An `ADD` of an address is found, also by a variable; one that only the base may set is taken for one."""
    found = fetching(read_lines(f"ARG HOST=https://h\nFROM a\n{text}\n"), {})

    assert bool(found) is is_fetching
    assert all(each.upper().split()[0] == "ADD" for each in found)


def test_frontend() -> None:
    """The image that reads a Dockerfile is named in a directive at its top."""
    assert frontend(read_lines("# escape=\\\n#Syntax = docker/dockerfile:1\nFROM a\n")) == "docker/dockerfile:1"
    assert frontend(read_lines("FROM a\n# syntax=docker/dockerfile:1\n")) is None
