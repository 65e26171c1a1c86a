"""The setting `compose`: what it may be, how layers of it meet, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_envrepro.declared_services import declared
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.settings import Layer, Settings, merge


@pytest.mark.parametrize("kind", ["virtualenv", "container"])
def test_a_path(kind: str) -> None:
    """A path alone is one project for the session, that has a minute; for environments of any kind."""
    found = declared(Settings(kind=kind, compose=Path("deploy/compose.yaml")))

    assert found is not None
    assert found[:3] == ("deploy/compose.yaml", "session", 60.0)


def test_none() -> None:
    """Unless it is set there are no services."""
    assert declared(Settings()) is None


def test_layers() -> None:
    """Layers are merged key by key, and each part says where it is from."""
    layers = [
        Layer("pyproject.toml", {"compose": "compose.yaml"}),
        Layer("a marker", {"compose": {"scope": "worker", "timeout": 5}}),
    ]

    settings = merge(layers, {})

    assert settings.explain() == (
        'compose.file = "compose.yaml"  # pyproject.toml\n'
        'compose.scope = "worker"       # a marker\n'
        "compose.timeout = 5            # a marker"
    )
    assert declared(settings) == ("compose.yaml", "worker", 5.0, {})


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (5, "compose: has to be the path of a Compose file, or a table with 'file', not an integer (5)"),
        ("../compose.yaml", "compose: has to be a path below the root, not '../compose.yaml'"),
        (
            "a\nb.yaml",
            r"compose: 'a\nb.yaml' has a line break or a NUL in it, which not every Compose tool is given as it is",
        ),
        ({"file": None}, "compose.file: has to be the path of a Compose file"),
        ({"scope": "worker"}, "compose: names no Compose file: write compose = { file = 'compose.yaml', ... }"),
        ({"file": "c", "scope": "test"}, "compose.scope: 'test' is not known: it may be 'session' or 'worker'"),
        (
            {"file": "c", "timeout": 0},
            "compose.timeout: has to be a number of seconds above 0, such as 60, not an integer (0)",
        ),
        (
            {"file": "c", "timeout": float("nan")},
            "compose.timeout: has to be a number of seconds above 0, such as 60, not a float (nan)",
        ),
        ({"fiel": "c"}, "compose.fiel: unknown key (did you mean 'file'?)"),
    ],
)
def test_faults(value: Any, fault: str) -> None:
    """What is wrong is said with its place."""
    with pytest.raises(SettingsError) as caught:
        Settings(compose=value)

    assert f"  {fault}" in str(caught.value).splitlines()


def test_secrets_are_hidden() -> None:
    """What a variable holds that may not be shown is taken out of all that a tool or a log says."""
    found = declared(Settings(compose="c", environment={"DB_PASSWORD": "hunter2", "DB_NAME": "orders", "DB_KEY": "a"}))

    assert found is not None
    assert found.hide("cannot log in to orders with 'hunter2' at a") == "cannot log in to orders with '****' at a"
