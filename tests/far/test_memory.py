"""The memory that a child has at hand."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest
from interpreters import VERSIONS, need

import pytest_envrepro
from pytest_envrepro.far.memory import NOTHING, AtHand, Needs

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
FAR = Path(pytest_envrepro.__file__).parent
USES = """
import sys
sys.path.insert(0, sys.argv[1])
from far.memory import AtHand, faulted, take

def used():
    before = faulted()
    bytearray(1 << 20)
    [*range(1 << 15)]  # As much in small objects.
    return faulted() - before

take(AtHand(int(sys.argv[2]), int(sys.argv[2])))
print(used())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps no memory at hand")
@pytest.mark.skipif(PAGE != 4096, reason="pages are counted")
@pytest.mark.parametrize("version", VERSIONS)
def test_it(tmp_path: Path, version: str) -> None:
    """What was taken is at hand, for large objects and for small ones: without it, each page of both is waited for."""
    python = need(version, tmp_path).executable

    without, with_it = (
        int(
            subprocess.run(
                [python, "-I", "-c", USES, str(FAR), size], capture_output=True, text=True, check=True
            ).stdout
        )
        for size in ("0", str(2 << 20))
    )

    assert without > 1_800_000
    assert with_it < 300_000


MIB = 1 << 20


def after(needs: Needs, bodies: int, small: int, large: int, most: int = 32 * MIB) -> list[tuple[AtHand, int]]:
    """Let so many bodies run that need so much: give what each had at hand, and what it still waited for."""
    ran = []
    for _ in range(bodies):
        had = needs.at_hand(most)
        missing = max(0, small - had.small) + max(0, large - had.large)
        needs.learn(missing + MIB, had)  # What each waits for that does nothing.
        ran.append((had, missing))
    return ran


@pytest.mark.parametrize(("small", "large"), [(6, 2), (8, 0), (0, 8), (4, 4)])
def test_what_is_needed_is_found_out(small: int, large: int) -> None:
    """The first body has nothing at hand, the second all for small objects; from the third on, each has what it needs."""
    ran = after(Needs(), 12, small * MIB, large * MIB)

    assert ran[0] == (NOTHING, (small + large) * MIB)
    assert ran[1][0].small >= (small + large) * MIB
    assert all(missing == 0 for _, missing in ran[2:])
    assert all(sum(had) <= (small + 2 * large + 1) * MIB for had, _ in ran[2:])


def test_what_is_needed_no_more() -> None:
    """Some time after bodies that need much have ended, nothing is taken any more; at times one looks whether it is so."""
    needs = Needs()
    after(needs, 8, 6 * MIB, 2 * MIB)

    ran = after(needs, 100, 0, 0)

    assert ran[0][0] != NOTHING
    assert {had for had, _ in ran[-20:]} == {NOTHING}


def test_what_is_needed_seldom() -> None:
    """One of two bodies that needs nothing does not keep the other one from having what it needs."""
    needs = Needs()

    ran = [after(needs, 1, small * MIB, 0)[0] for small in [8, 0] * 50]

    waited = sum(missing for _, missing in ran)
    assert waited < 0.4 * 50 * 8 * MIB


def test_in_vain() -> None:
    """Where nobody gains by what is at hand, only few have it; and they have it again where it is of use."""
    needs = Needs()
    after(needs, 1, 0, 6 * MIB)

    def faults(times: int) -> int:
        taken = 0
        for _ in range(times):
            had = needs.at_hand(32 * MIB)
            taken += had != NOTHING
            needs.learn(7 * MIB, had)
        return taken

    assert 0 < faults(180) < 40
    assert sum(missing == 0 for _, missing in after(needs, 60, 6 * MIB, 0)) > 35


@pytest.mark.parametrize("most", [2, 3, 5])
def test_no_more_than_there_is_time_for(most: int) -> None:
    """All that one has at hand is no more than it is allowed; what would be too little to gain by is not taken."""
    ran = after(Needs(), 30, 20 * MIB, 20 * MIB, most * MIB)

    assert max(sum(had) for had, _ in ran) <= most * MIB
    assert {had for had, _ in after(Needs(), 30, 20 * MIB, 0, MIB)} == {NOTHING}


def test_a_body_that_does_nothing() -> None:
    """What a body waits for that does nothing is none of its needs."""
    assert {had for had, _ in after(Needs(), 30, MIB, 0)} == {NOTHING}
