"""Children of the warm process, where no more may be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_envrepro

FAR = Path(pytest_envrepro.__file__).parent
REFUSED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from far import children

def refuse():
    raise OSError("no more processes")

os.fork = refuse
before = os.listdir("/proc/self/fd")
for _ in range(3):
    try:
        children.fork(())
    except OSError as error:
        print(error)
print(before == os.listdir("/proc/self/fd"))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted there")
def test_none_may_be_had() -> None:
    """Nothing is left open where a process cannot be forked: it is tried again for each body."""
    done = subprocess.run([sys.executable, "-I", "-c", REFUSED, str(FAR)], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [*["no more processes"] * 3, "True"]
