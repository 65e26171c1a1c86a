"""An engine that does not have the folders of this machine, though its address is here: a socket that was handed on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from boxing import table
from engines.proxying import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

pytestmark = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.skipif(os.name == "nt", reason="sockets of Unix"),
]
INSTALLING = """
import pytest

@pytest.mark.environment("box")
def test_it(throwaway_container):
    throwaway_container.install("gamma", "alpha<2")
    assert {name: str(each.version) for name, each in throwaway_container.inventory().items()} == PINS
    assert throwaway_container.run("find", "/envrepro", "-type", "f", check=False).stdout == ""
"""
PACKAGES = """\
requirements = ["alpha", "tool"]
environment = { FOR = "elsewhere" }
"""


def test_folders_of_wheels(fresh: Suite, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of wheels are copied into the containers then, for the choice of versions and for `install`."""
    pins = {"alpha": "1.0", "beta": "1.0", "gamma": "1.0", "tool": "1.0"}
    fresh.write(INSTALLING.replace("PINS", repr(pins)), table(base.reference, PACKAGES))
    proxy = Proxy(tmp_path / "engine.sock")
    proxy.move(fresh.bench.wheels)
    monkeypatch.setenv("DOCKER_HOST", proxy.address)
    try:
        result = fresh.run()
    finally:
        proxy.cut()

    result.assert_outcomes(passed=1)
    assert base.containers() == []
