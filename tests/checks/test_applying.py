"""Which pins of a lock are for an environment, where a reader of another distribution gives what nobody can read."""

from __future__ import annotations

import pytest

from pytest_envrepro.checks.applying import applying
from pytest_envrepro.model import Lock, Pin, Root
from pytest_envrepro.requirement import parse

pytestmark = pytest.mark.core


def pin(name: str, *requires: str) -> Pin:
    """Give a pin with what it needs."""
    requirement = parse(f"{name}==1")
    return Pin(requirement=requirement, version=None, file="some.lock", line=1, requires=requires)


@pytest.mark.parametrize("wrong", [f"c>={'9' * 700}", "c ; nonsense", "c==", ""])
def test_unreadable(wrong: str) -> None:
    """What is needed and cannot be read asks for nothing; the rest of the list is followed."""
    lock = Lock(
        path="some.lock",
        pins=(pin("a", wrong, "b"), pin("b", wrong), pin("c")),
        roots=(Root(requirement=parse("a"), file="some.in", line=1),),
        by_need=True,
    )

    assert [each.name for each in applying(lock, {})] == ["a", "b"]
