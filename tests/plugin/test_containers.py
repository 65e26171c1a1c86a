"""Containers that tests are given: shared and private, plain and by pytest-xdist, and what a session leaves of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])


def table(base: Base, more: str = "") -> str:
    """Declare an environment of a container with one package."""
    return f"""
[tool.envrepro.environments.box]
kind = "container"
base-image = "{base.reference}"
pull = "never"
requirements = ["alpha"]
{more}
"""


SHARED_AND_PRIVATE = """
import pytest

@pytest.mark.environment("box")
def test_shared(environment):
    assert environment.kind == "container"
    assert environment.run_python("-c", "import alpha, sys; print(sys.prefix)").stdout == "/opt/environment\\n"
    assert {name: str(each.version) for name, each in environment.inventory().items()} == {"alpha": "2.0", "beta": "1.0"}

@pytest.mark.environment("box")
def test_again(environment):
    done = environment.run("sh", "-c", "touch /opt/environment/x", check=False)
    assert done.returncode and "Read-only file system" in done.stderr

@pytest.mark.environment("box")
def test_private(throwaway_container):
    throwaway_container.write("/opt/mine", "1")
    throwaway_container.install("gamma", "alpha<2")
    assert sorted(throwaway_container.inventory()) == ["alpha", "beta", "gamma"]

@pytest.mark.environment("box")
def test_another(throwaway_container):
    assert throwaway_container.run("test", "-e", "/opt/mine", check=False).returncode == 1

def test_by_call(environments):
    box = environments.get("box")
    assert box is not environments.throwaway("box")
    with environments.throwaway(kind="container", base_image=BASE, pull="never") as bare:
        assert bare.run("true").returncode == 0
    assert not bare.container.is_running()
    assert environments.get(kind="container", base_image=BASE, pull="never").name is None
"""


@BOTH
def test_given(boxes: Suite, base: Base, workers: tuple[str, ...]) -> None:
    """All ways of asking for a container give one; after the session there is none left."""
    boxes.write(SHARED_AND_PRIVATE.replace("BASE", repr(base.reference)), table(base))

    boxes.run(*workers).assert_outcomes(passed=5)

    assert [(row["name"], row["kind"]) for row in boxes.rows() if row["name"] == "box"] == [("box", "container")]
    assert base.containers() == []
