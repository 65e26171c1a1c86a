"""The files of containers outside their virtualenvs, compared in two real ones of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.enginevalues import Order
from pytest_envrepro.envs.elsewhere import Elsewhere, compare_elsewhere
from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from pytest_envrepro.engine import Container, Engine

pytestmark = pytest.mark.requires_integration("docker-engine")
PYTHON = "/usr/bin/python3"
BOTH = """
mkdir -p /kind /opt/environment "/srv/odd a'$(id)"; cd /srv
printf 1 > same; printf 1 > mode; printf 1 > owner; ln -s same link; ln -s same likewise
date +%N > /opt/environment/left-out; date +%N > /var/log/it; date +%N > /memory/it
mkdir -p /root/.cache /usr/lib/x/__pycache__
date +%N > /root/.cache/it; date +%N > /usr/lib/x/__pycache__/m.cpython-311.pyc
"""
OTHER = """
cd /srv; sleep 0.01; touch same; chmod 600 mode; chown daemon owner; ln -sf mode link; rmdir /kind; echo > /kind
printf 12345678 > size; printf b > content; printf x > "/srv/odd a'$(id)/$(printf '\\303\\251\\377')"
"""
ONE = "cd /srv; printf 1 > size; printf a > content; printf 1 > alone; ls > /dev/null"


@pytest.fixture
def two(engine: Engine, base_image: str) -> tuple[Container, Container]:
    """Give two containers of one image, in which these commands were run."""
    order = Order(image=base_image, title="elsewhere", network="none", scratch=("/memory",))
    both = engine.start(order), engine.start(order)
    for each, script in zip(both, (ONE, OTHER), strict=True):
        done = each.run(["sh", "-ec", f"{BOTH}{script}"])
        assert not done.returncode, done.stderr
    return both


@pytest.mark.parametrize("said", ["nothing", "[]", ""])
def test_strange_answer(engine: Engine, base_image: str, said: str) -> None:
    """A Python that answers something else is told as such."""
    container = engine.start(Order(image=base_image, title="strange", network="none"))
    container.write("/strange", f"#!/bin/sh\nprintf '{said}'\n", mode=0o755)

    with pytest.raises(EnvReproError) as caught:
        Elsewhere(container, python="/strange", prefix="").seen(())

    assert str(caught.value) == (
        f"which files the container {container.name} has is not known: its Python (/strange) was asked, and it answers "
        "something else than what it was asked"
    )


def test_all_that_counts(two: tuple[Container, Container]) -> None:
    """Kinds, links, sizes, contents, rights and owners count; times, what is mounted and the virtualenv do not."""
    left, right = (Elsewhere(each, python=PYTHON, prefix="/opt/environment") for each in two)

    compared = compare_elsewhere(left, right, ("a", "b"))

    assert dict(compared.changes) == {
        "/kind": "a folder in a, a file in b",
        "/srv/alone": "only in a",
        "/srv/content": "another content, of the same 1 bytes",
        "/srv/link": "leads to same in a, leads to mode in b",
        "/srv/mode": "mode 644 in a, mode 600 in b",
        "/srv/odd a'uid=0(root) gid=0(root) groups=0(root)/\u00e9\udcff": "only in b",
        "/srv/owner": "of 0:0 in a, of 1:0 in b",
        "/srv/size": "1 bytes in a, 8 bytes in b",
    }
    assert compared.noise == (
        "bytecode (/usr/lib/x/__pycache__/m.cpython-311.pyc)",
        "caches (/root/.cache/it)",
        "logs (/var/log/it)",
    )
    assert compared.mounted == ("/memory",)


def test_one_with_itself(two: tuple[Container, Container]) -> None:
    """Nothing differs, and nothing is read for it."""
    one = Elsewhere(two[0], python=PYTHON, prefix="")

    assert compare_elsewhere(one, one, ("a", "b"))[:2] == ((), ())
