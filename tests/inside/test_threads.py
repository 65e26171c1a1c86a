"""Bodies with threads."""

from __future__ import annotations

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
