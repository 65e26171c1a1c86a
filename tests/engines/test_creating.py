"""What an engine is asked for: hostile values arrive as they are, or are refused."""

from __future__ import annotations

import re

import pytest

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.creating import creation, is_ours, name_of, reference, repository_and_tag, variables
from pytest_envrepro.enginevalues import Order

HOSTILE = ["a b", "'\"", "$HOME", "$(id)", "`id`", "a\nb", "é\U0001f600", "; rm -rf /", "-x", "\\", "\t", "=", ""]


def order(**changed: object) -> Order:
    """Give an order."""
    return Order(**{"image": "img", "title": "it", **changed})  # type: ignore[arg-type]  # Checked where it is used.


@pytest.mark.parametrize("value", HOSTILE)
def test_variables(value: str) -> None:
    """A variable's value arrives as it is."""
    assert variables({"A": value}) == [f"A={value}"]
    assert creation(order(environment={"A": value}), {"l": value})["Env"] == [f"A={value}"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"": "x"}, "'' cannot be the name of a variable in a container"),
        ({"a=b": "x"}, "'a=b' cannot be the name of a variable in a container"),
        ({"a": "x\0y"}, "the variable 'a' holds a NUL character, which no program can be given: 'x\\x00y'"),
        ({"a": "\udcff"}, "the variable 'a' is no text that UTF-8 can write: '\\udcff'"),
    ],
)
def test_no_variables(environ: dict[str, str], said: str) -> None:
    """What no program can be given is refused."""
    with pytest.raises(EngineError, match=f"^{re.escape(said)}$"):
        variables(environ)


@pytest.mark.parametrize(
    "text", ["img", "a/b:c", "reg:5000/a/b@sha256:0", "sha256:00", "localhost/x_y.z-1:v+1", "[::1]:5/a"]
)
def test_references(text: str) -> None:
    """What may be an image's name is one."""
    assert reference(text) == text


@pytest.mark.parametrize(
    "text",
    ["", " img", "-img", "../containers/json", "a/../b", "a//b", "a?b", "a#b", "a\nb", "$(id)", "é", "a/./b", "/a"],
)
def test_no_references(text: str) -> None:
    """What would lead to another question of the API, or cannot be a name, is refused."""
    with pytest.raises(EngineError, match=f"^{re.escape(repr(text))} is no name, digest or id of an image$"):
        reference(text)


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("img", ("img", "latest")),
        ("reg:5000/a/b", ("reg:5000/a/b", "latest")),
        ("reg:5000/a/b:1.0", ("reg:5000/a/b", "1.0")),
        ("a@sha256:0f", ("a", "sha256:0f")),
    ],
)
def test_split(text: str, both: tuple[str, str]) -> None:
    """A registry's port is no tag."""
    assert repository_and_tag(text) == both


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("client", "envrepro-client-7"),
        ("it's é $(x)", "envrepro-it-s-x-7"),
        ("", "envrepro-7"),
        ("--", "envrepro-7"),
        ("x" * 300, f"envrepro-{'x' * 40}-7"),
    ],
)
def test_names(title: str, name: str) -> None:
    """A title becomes a name as far as names may say it."""
    assert name_of(title, "7") == name


def test_order() -> None:
    """All of an order stands where the API wants it."""
    config = creation(
        order(
            user="1000:1000",
            workdir="/a b",
            network="none",
            memory=1 << 29,
            cpus=0.5,
            pids=64,
            scratch=("/tmp", "/home/me"),  # noqa: S108  # In the container.
            binds={"/here:x": "/there"},
            ports=(80,),
        ),
        {"l": "1"},
    )

    host = config.pop("HostConfig")
    assert config == {
        "Image": "img",
        "Entrypoint": ["cat"],
        "Cmd": [],
        "Env": [],
        "Labels": {"l": "1"},
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "ExposedPorts": {"80/tcp": {}},
        "Healthcheck": {"Test": ["NONE"]},
        "User": "1000:1000",
        "WorkingDir": "/a b",
    }
    assert host == {
        "AutoRemove": True,
        "Init": True,
        "Tmpfs": {"/tmp": "exec,mode=1777", "/home/me": "exec,mode=1777"},  # noqa: S108  # The same.
        "Mounts": [{"Type": "bind", "Source": "/here:x", "Target": "/there", "ReadOnly": True}],
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
        "ReadonlyRootfs": False,
        "NetworkMode": "none",
        "Memory": 1 << 29,
        "MemorySwap": 1 << 29,
        "NanoCpus": 500_000_000,
        "PidsLimit": 64,
    }


def test_one_that_stays() -> None:
    """One that stays is not held by this process, nor removed at its end."""
    config = creation(order(keep=True), {})

    assert "StdinOnce" not in config
    assert not config["HostConfig"]["AutoRemove"]


@pytest.mark.parametrize("field", ["workdir", "scratch", "binds"])
def test_relative_paths(field: str) -> None:
    """A path that is not absolute is refused."""
    value = {"workdir": "a", "scratch": ("a",), "binds": {"/x": "a"}}[field]

    with pytest.raises(EngineError, match="'a' is no absolute path in the container"):
        creation(order(**{field: value}), {})


def test_what_is_ours() -> None:
    """Mount points and the init are no changes of a user's."""
    made = order(scratch=("/tmp/",), workdir="/app")  # noqa: S108  # In the container.

    assert [path for path in ("/tmp", "/app", "/usr/sbin/docker-init", "/app/x", "/opt") if is_ours(path, made)] == [  # noqa: S108
        "/tmp",  # noqa: S108
        "/app",
        "/usr/sbin/docker-init",
    ]
