"""Faults of what is done beside the tests, and at the end: all else is done, and the session tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import ANOTHER, headed, hold_as_another
from boxing import base_of_a_test, table  # noqa: F401  # One is a fixture.

from pytest_envrepro.imagebook import ImageBook, lock_of_image

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

    from pytest_envrepro.engine import Engine

pytestmark = pytest.mark.requires_integration("docker-engine")

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(3))
@pytest.mark.environment("box")
def test_it(throwaway_container, number): throwaway_container.run("true")
"""


def test_lock_of_somebody_else(fresh: Suite, base: Base, engine: Engine) -> None:
    """A left-over note whose lock cannot be had, as of a session of root, disturbs no test and no other note."""
    book = ImageBook(fresh.cache, engine)
    keys = ["1" * 64, "2" * 64]
    for key in keys:
        book.note_layers(key, [f"sha256:{key}"])
    # No user can take that lock, root neither.
    (fresh.cache / "mending" / f"{lock_of_image(keys[0])}.lock").mkdir(parents=True)
    fresh.write(TESTS, table(base.reference))

    result = fresh.run()

    result.assert_outcomes(passed=3)
    assert result.ret == 0
    assert not [line for line in result.outlines + result.errlines if "INTERNALERROR" in line or "Error" in line]
    assert base.containers() == []
    (stays,) = (fresh.cache / "containers").glob("*.layers")
    assert keys[0] in stays.read_text()


# There is no disk here that fails at the very end and not before.
FAILING = """
import pytest_envrepro.loans

def fail(self):
    raise OSError(5, "Input/output error")

pytest_envrepro.loans.Loans.close = fail
"""


def test_disk_that_fails(boxes: Suite, base: Base) -> None:
    """Where environments of this machine cannot be put away, containers are gone all the same, and the verdict stays."""
    boxes.write(TESTS, table(base.reference), conftest=FAILING)

    result = boxes.run(subprocess=True)

    result.assert_outcomes(passed=3)
    assert result.ret == 0
    said = "not all environments could be put away: [Errno 5] Input/output error"
    assert [line for line in headed(result, "environments") if said in line] == [said]
    assert base.containers() == []


@pytest.mark.parametrize("run", ["this", "that"])
def test_another_session_builds(fresh: Suite, base: Base, run: str) -> None:
    """A session that waits for the image that another one builds says for which, unless it is of the same run."""
    fresh.write(TESTS, table(base.reference, 'environment = { IS = "waited-for" }'))
    fresh.run().assert_outcomes(passed=3)
    (path,) = (fresh.cache / "mending").glob("image-*.lock")
    hold_as_another(path)

    result = fresh.run("-n1", f"--testrunuid={run}")

    result.assert_outcomes(passed=3)
    assert len([line for line in result.outlines if f"waiting for {ANOTHER}" in line]) == (run == "that")
