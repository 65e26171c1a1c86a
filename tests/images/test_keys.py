"""Keys: what changes one, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pytest_envrepro import Settings
from pytest_envrepro.images import (
    Facts,
    Installation,
    apt_words,
    digest,
    key_of_container,
    key_of_own,
    key_of_stage,
    whole,
)

pytestmark = pytest.mark.core

PIP = ("python", "pip.whl/pip")
INSTALLATION = Installation(PIP, ((*PIP, "install"),))
FULL: dict[str, Any] = {
    "apt_packages": ["git", "curl"],
    "apt_snapshot": "20260415T000000Z",
    "build_environment": {"B": "1"},
    "environment": {"A": "1"},
    "run": ["a b"],
    "user": "me",
    "workdir": "/w",
    "installer_args": ["--pre"],
    "project": True,
}


def key(
    *,
    installation: Installation = INSTALLATION,
    digests: dict[str, str] | None = None,
    identity: str = "sha256:a",
    platform: str = "linux/amd64",
    facts: dict[str, Any] | None = None,
    **changed: Any,
) -> str:
    """Give the key of an image."""
    settings = Settings(kind="container", **{**FULL, **changed})
    known = Facts(
        **{
            "base": "python:3.12",
            "apt_packages": apt_words(settings.apt_packages),
            "installation": installation,
            "project": "p-1-py3-none-any.whl",
            **(facts or {}),
        }
    )
    recipe = whole(settings, known)
    return key_of_stage(recipe, identity=identity, platform=platform, files=digests or {"installing/hashed.txt": "f"})


CHANGES: list[dict[str, Any]] = [
    {"apt_packages": ["git"]},
    {"apt_packages": ["git=1", "curl"]},
    {"apt_snapshot": None},
    {"build_environment": {"B": "2"}},
    {"environment": {"A": "2"}},
    {"environment": {"A": "1", "C": ""}},
    {"environment": {"A": "1\n"}},
    {"environment": {"A": "1\n\n"}},
    {"run": ["a", "b"]},
    {"run": ["ab"]},
    {"run": [["a b"]]},
    {"user": "you"},
    {"user": None},
    {"workdir": "/v"},
    {"installer": "uv"},
    {"installer_args": ["--pre", "-v"]},
    {"files": {"a": "a"}},
    {"digests": {"installing/hashed.txt": "g"}},
    {"digests": {"installing/hashed.txt": "f", "files.tar": "f"}},
    {"project": False, "facts": {"project": None}},
    {"facts": {"path": "/x"}},
    {"facts": {"python": "python3.12"}},
    {"facts": {"user": "app"}},
    {"identity": "sha256:b"},
    {"platform": "linux/arm64"},
]


def test_what_changes_it() -> None:
    """Each of these comes to a key of its own."""
    keys = [key(), *(key(**each) for each in CHANGES)]

    assert len({*keys}) == len(keys)


@pytest.mark.parametrize(
    "same",
    [
        {"apt_packages": ["curl", "git", "curl"]},
        {"environment": {"A": "1"}},
        {"pull": "always"},
        {"builder": "buildkit"},
        {"name": "another"},
        {"installer": "pip"},
        {"network": "none"},
        {"limits": {"pids": 9}},
        {"ca_bundle": "host", "facts": {"bundle": True}},
        {"facts": {"base": "python@sha256:0"}},
        {"facts": {"key": "k", "created_by": "2.0"}},
        {
            "installation": Installation(
                PIP, ((*PIP, "install", "--verbose"),), {"PIP_INDEX_URL": "https://mine"}, ("TOKEN",)
            )
        },
    ],
    ids=str,
)
def test_what_does_not_change_it(same: dict[str, Any]) -> None:
    """Who builds it, where and when is no part of it, nor the order of what has none."""
    assert key(**same) == key()


@given(some.lists(some.lists(some.text(alphabet="ab1:()", max_size=3), max_size=3), max_size=3), some.data())
def test_lengths_tell_apart(groups: list[list[str]], data: Any) -> None:
    """No two lists of lists come to one digest."""
    others = data.draw(some.lists(some.lists(some.text(alphabet="ab1:()", max_size=3), max_size=3), max_size=3))

    assert (digest(groups) == digest(others)) == (groups == others)


def test_borders_count() -> None:
    """The same characters, with borders elsewhere, come to another digest."""
    lists = ([["ab", "c"]], [["a", "bc"]], [["abc", ""]], [["ab"], ["c"]], [["abc"]], [["1:ab", "c"]])

    assert len({digest(each) for each in lists}) == len(lists)


def test_own_dockerfile() -> None:
    """One's own image goes by the text, the arguments, the files and the platform."""

    def made(text: bytes = b"FROM a", arguments: Any = (), platform: str = "p", files: Any = ()) -> str:
        return key_of_own(text, arguments=dict(arguments), platform=platform, files=dict(files))

    keys = [made(), made(b"FROM b"), made(arguments=[("A", "1")]), made(files=[("A", "1")]), made(platform="q")]
    assert len({*keys}) == len(keys)


def test_containers() -> None:
    """What a container is started with tells environments of one image apart."""
    keys = [
        key_of_container(image, network=network, limits=limits)
        for image in ("a", "b")
        for network in (None, "none", "")
        for limits in ({}, {"pids": 1}, {"cpus": 1})
    ]

    assert len({*keys}) == len(keys)
    assert key_of_container("a", network=None, limits={"cpus": 1, "pids": 2}) == key_of_container(
        "a", network=None, limits={"pids": 2.0, "cpus": 1.0}
    )
