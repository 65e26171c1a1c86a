"""Bodies with threads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from borrowing import Suite

BODY = """
import threading

import pytest


@pytest.mark.environment(inside=True)
def test_all_fail():
    told = []

    def fail(number):
        try:
            assert [number] * 50 == [number + 1] * 50
        except AssertionError as error:
            told.append((number, str(error)))

    threads = [threading.Thread(target=fail, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 20
    for number, text in told:
        assert text.startswith(f"assert [{number}, {number}, {number}, {number}, {number}, {number}, ...]")
        assert f"At index 0 diff: {number} != {number + 1}" in text
"""


def test_threads_of_a_body(suite: Suite) -> None:
    """Each thread whose assertion fails is told what its own is about."""
    suite.write(BODY)

    suite.run().assert_outcomes(passed=1)


UNHANDLED = """
import threading

import pytest

pytestmark = pytest.mark.environment(inside=True)


class Falling:
    def __del__(self):
        raise ValueError("on its way")


def test_thread():
    thread = threading.Thread(target=lambda: 1 / 0, name="worker")
    thread.start()
    thread.join()


def test_deleted():
    Falling()
"""


def test_unhandled(suite: Suite) -> None:
    """What nobody handles in a thread, or while an object is deleted, is pytest's own warning, and fails the test as an error."""
    suite.write(UNHANDLED)

    warned = suite.run("-p", "no:randomly", subprocess=True)
    failed = suite.run("-p", "no:randomly", "-W", "error", subprocess=True)

    warned.assert_outcomes(passed=2, warnings=2)
    said = [line.split("Warning: ")[1] for line in warned.outlines if "ExceptionWarning: Exception" in line]
    assert said[0] == "Exception in thread worker"
    assert re.fullmatch(r"Exception ignored in: <function Falling.__del__ at 0x\w+>", said[1])
    assert [line.strip() for line in warned.outlines if "Error: " in line] == [
        "ZeroDivisionError: division by zero",
        "ValueError: on its way",
    ]
    failed.assert_outcomes(failed=2)


def test_unhandled_without_hooks(suite: Suite) -> None:
    """Where pytest has no hooks for these, they are written as Python writes them."""
    suite.write(UNHANDLED)

    plain = ("-p", "no:threadexception", "-p", "no:unraisableexception")
    result = suite.run("-p", "no:randomly", *plain, "-rP", subprocess=True)

    result.assert_outcomes(passed=2)
    assert [line for line in result.outlines if line.startswith(("Exception ", "ZeroDivision", "ValueError"))][:2] == [
        "Exception in thread worker:",
        "ZeroDivisionError: division by zero",
    ]
    assert "ValueError: on its way" in result.outlines
