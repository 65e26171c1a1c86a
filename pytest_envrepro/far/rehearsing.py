"""A child that waits for a body rehearses one that does nothing.

A child begins with the memory of its parent, and each page that it writes to, if only to count a reference, is copied then:
some 400 pages before the first line of a body runs, which takes ten times as long as what is done with them. It has time
for that while it waits.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from typing import TYPE_CHECKING

from .body import run
from .sources import compiled

if TYPE_CHECKING:
    from typing import Any

_NAME = "@envrepro rehearsal"
_MODULE = {
    "name": _NAME,
    "file": "<rehearsal>",
    "package": "",
    "source": "def test_it(it):\n    assert it == 1\n",
    "given": {},
    "rewrite": True,
}
_REQUEST = {
    "function": [_NAME, "test_it"],
    "positional": [],
    "named": {"it": 1},
    "made": [],
    "folders": None,
    "randomness": None,
    "coverage": None,
    "most": None,
    "filters": [],
    "log level": None,
    "sources": False,
    "detail": 0,
}


def prepare() -> None:
    """Compile what is rehearsed, in the process that forks those who rehearse."""
    compiled(_MODULE)


def rehearse() -> dict[str, Any]:
    """Run a test that does nothing, and leave nothing of it; give what came of it."""
    changing = {"module": _MODULE, "is_test": True, "environ": {**os.environ}, "cwd": os.curdir}
    said = json.dumps({**_REQUEST, **changing})
    hooks = sys.unraisablehook, threading.excepthook
    told = run(json.loads(said), lambda _: None)
    sys.unraisablehook, threading.excepthook = hooks
    json.dumps(told)
    sys.modules.pop(_NAME, None)
    gc.freeze()  # What is left of it is none of the garbage of a body.
    return told
