"""What of a module a function needs is found with no more work where the module is long."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_envrepro.slicing import Module

if TYPE_CHECKING:
    from types import FrameType


def _work(functions: int) -> tuple[int, str]:
    """Count the calls of functions that it takes to cut one test out of so many; and give its source."""
    tests = (f"@pytest.mark.slow\ndef test_{each}():\n    assert helper({each})\n" for each in range(functions))
    module = Module("\n".join(("def helper(number):\n    return number\n", *tests)), "test_it.py", lambda _: True)
    calls = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        sliced = module.part(4 * 7 + 4, "test_7")
    finally:
        sys.setprofile(before)
    return calls, sliced.source


def test_long_module() -> None:
    """Where there are a hundred times as many functions beside it, none of them is looked at for one test."""
    short, source = _work(20)
    long, same = _work(2000)

    assert source.split("\n") == [
        *("def helper(number):", "    return number"),
        *[""] * 30,
        *("def test_7():", "    assert helper(7)", ""),
    ]
    assert same == source
    assert long == short


def test_deep_methods() -> None:
    """A chain of `elif` is no recursion, however long: a class that the test does not use may have one."""
    chain = "".join(f"        elif number == {each}:\n            pass\n" for each in range(2000))
    source = f"class Deep:\n    def method(self, number):\n        if not number:\n            pass\n{chain}\ndef test_it():\n    pass\n"

    sliced = Module(source, "test_it.py", lambda _: True).part(source.count("\n") - 1, "test_it")

    assert sliced.source.strip() == "def test_it():\n    pass"
