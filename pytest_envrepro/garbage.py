"""Puts off the collection of garbage, which would take half of the time that the checks take."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Put it off within the block.

    Thousands of small values are made there, few of them in a circle; and each full collection would look through all
    that pytest, its plugins and the conftests have imported.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # What was made here stays for the session: as old objects at once, it is not looked through when collection goes
        # on, which would take a tenth of the time again. (PyPy has no such generations.)
        if enabled and hasattr(gc, "freeze") and not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if enabled:
            gc.enable()
