"""Sessions that wait for a wheel of the project which another one builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import making
import pytest
from borrowing import ANOTHER, SLOW_TABLE, hold_as_another

if TYPE_CHECKING:
    from borrowing import Suite


@pytest.mark.parametrize("run", ["this", "that"])
def test_another_session_builds_a_wheel(fresh: Suite, run: str) -> None:
    """It is told for which process, unless that is of the same run."""
    fresh.write(
        'def test_it(environments):\n    environments.get("slow")\n', SLOW_TABLE, backend=making.backend("subject", "1")
    )
    fresh.run().assert_outcomes(passed=1)
    (path,) = (fresh.cache / "mending").glob("wheel-*.lock")
    hold_as_another(path)

    result = fresh.run("-n1", f"--testrunuid={run}")

    result.assert_outcomes(passed=1)
    told = [line for line in result.outlines if f"waiting for {ANOTHER}" in line]
    assert len(told) == (run == "that")
