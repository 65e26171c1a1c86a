"""Asserts that an environment that was made several times from the same settings came out the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.envs.comparing import compare
from pytest_envrepro.outcome import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.envs.comparing import Diff
    from pytest_envrepro.envs.contents import Side


def assert_same(built: Iterable[Environment]) -> None:
    """Compare what is built with the first of it: packages, the files in them, files of no package; of containers all files.

    What differs and says nothing (bytecode, what installers write about themselves) is told beside what counts.

    Args:
        built: each is compared as it comes; all have to last until the iteration ends.

    Raises:
        AssertionError: it is not the same; all that differs is named.
        EnvReproError: a RECORD cannot be read, or a container does not tell what is in it.
    """
    sides: list[Side] = []
    diffs: list[Diff] = []
    label = ""
    for number, environment in enumerate(built, 1):
        side, title = environment.side("system"), f"build {number}"
        side = side._replace(label=title, packages=side.packages.titled(title))
        label = label or environment.label
        diffs += [compare(first, side, "system") for first in sides[:1]]
        sides.append(side)
    if any(diffs):
        title = f"{label} was built {counted(len(sides), 'time')} from the same settings, and is not the same"
        raise AssertionError("\n".join([title, *(str(diff) for diff in diffs if diff)]))
