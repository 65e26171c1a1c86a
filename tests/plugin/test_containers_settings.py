"""Settings of containers as they arrive: hostile ones, locks without a resolver, and what agrees with a virtualenv."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import making
import pytest
from borrowing import lines

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")

TESTS = """
import docker
import pytest

@pytest.mark.environment("hard")
def test_hard(environment):
    assert environment.run("id", "-u").stdout == "1234\\n"
    assert environment.run("pwd").stdout == "/srv/it's $HOME\\n"
    assert environment.read("/etc/absolute.conf") == environment.read("/opt/environment/a b/$x.txt") == DATA
    assert environment.run("printenv", "V").stdout == VALUE + "\\n"
    assert environment.run("find", "/", "-xdev", "-name", "pwned", check=False).stdout == ""
    assert environment.run("test", "-f", "/ran; touch pwned $(touch pwned)", check=False).returncode == 0
    client = docker.APIClient(version="auto")
    host = client.inspect_container(environment.container.id)["HostConfig"]
    client.close()
    assert (host["NetworkMode"], host["Memory"], host["PidsLimit"], host["NanoCpus"]) == ("none", 2**28, 64, 5 * 10**8)

@pytest.mark.environment("locked")
def test_locked(environment):
    assert {name: str(each.version) for name, each in environment.inventory().items()} == {"alpha": "2.0", "beta": "1.0"}
"""
VALUE = 'it\'s "$HOME" `id`\n\\ ü'
TABLE = """
[tool.envrepro.environments.hard]
kind = "container"
base-image = "BASE"
pull = "never"
network = "none"
user = "1234:1234"
workdir = "/srv/it's $HOME"
limits = { memory = "256m", pids = 64, cpus = 0.5 }
files = { 'a b/$x.txt' = "data.txt", "/etc/absolute.conf" = "data.txt" }
run = [["touch", "/ran; touch pwned $(touch pwned)"]]

[tool.envrepro.environments.hard.environment]
V = VALUE

[tool.envrepro.environments.locked]
kind = "container"
base-image = "BASE"
pull = "never"
lock = "requirements.txt"
"""
DATA = b"it's $data\n"


def hashed(path: Path) -> str:
    """Give a pin of a wheel."""
    name, version, *_ = path.name.split("-")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_arrive(boxes: Suite, base: Base) -> None:
    """Offline: all settings arrive as they are; a lock with hashes needs nobody to choose versions."""
    wheels = [next(boxes.bench.wheels.glob(f"{name}-*.whl")) for name in ("alpha-2.0", "beta-1.0")]
    lock = "".join(f"{hashed(wheel)}\n" for wheel in wheels)
    value = '"""' + VALUE.replace("\\", "\\\\") + '"""'
    table = TABLE.replace("BASE", base.reference).replace("VALUE", value)
    boxes.project.write({"data.txt": DATA, "requirements.txt": lock})
    boxes.write(TESTS.replace("DATA", repr(DATA)).replace("VALUE", repr(VALUE)), table)

    result = boxes.run("--env-offline")

    result.assert_outcomes(passed=2)
    assert lines(result, "envrepro: locked: choosing versions") == []
    assert len(lines(result, "envrepro: locked: built in ")) == 1


AGREE = """
def test_agree(environments):
    client, box, other = map(environments.get, ("client", "box", "other"))
    assert client.inventory() == box.inventory()
    assert not client.diff(box)
    assert not box.diff(client)
    told = str(box.diff(other))
    assert "alpha" in told and "beta" not in told
"""
CLIENT = """
[tool.envrepro.environments.client]
requirements = ["alpha @ ALPHA", "beta"]

[tool.envrepro.environments.box]
extends = "client"
kind = "container"
base-image = "BASE"
pull = "never"

[tool.envrepro.environments.other]
requirements = ["alpha @ OTHER", "beta"]
installer = "pip"
"""


def test_same_archive(boxes: Suite, base: Base) -> None:
    """An archive of this machine is the same in a container, wherever it stood there; another of its version is not."""
    other = making.wheel(boxes.path, "alpha", "2.0", ["beta", "beta>0"])
    alpha = next(boxes.bench.wheels.glob("alpha-2.0-*.whl"))
    table = CLIENT.replace("ALPHA", alpha.as_uri()).replace("OTHER", other.as_uri()).replace("BASE", base.reference)
    boxes.write(AGREE, table)

    boxes.run().assert_outcomes(passed=1)
