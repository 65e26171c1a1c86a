"""The memory that a child has at hand."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest
from interpreters import VERSIONS, need

import pytest_envrepro

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
FAR = Path(pytest_envrepro.__file__).parent
USES = """
import sys
sys.path.insert(0, sys.argv[1])
from far.memory import faulted, take

def used():
    before = faulted()
    bytearray(1 << 20)
    [*range(1 << 15)]  # As much in small objects.
    return faulted() - before

take(int(sys.argv[2]))
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
        for size in ("0", str(4 << 20))
    )

    assert without > 1_800_000
    assert with_it < 300_000


IDLE = """
import sys
sys.path.insert(0, sys.argv[1])
from far.memory import has_idle_processor

print(any(has_idle_processor() for _ in range(200)))
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell")
@pytest.mark.parametrize("version", VERSIONS)
def test_no_processor_is_idle(tmp_path: Path, version: str) -> None:
    """Where more processes want a processor than there are, a child takes less before it is needed."""
    python = need(version, tmp_path).executable
    argv = [python, "-I", "-c", "print(flush=True)\nwhile True: pass"]
    busy = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(len(os.sched_getaffinity(0)))]
    try:
        for process in busy:
            assert process.stdout is not None
            process.stdout.readline()
        ran = subprocess.run([python, "-I", "-c", IDLE, str(FAR)], capture_output=True, text=True, check=True)
    finally:
        for process in busy:
            process.kill()
            process.communicate()

    assert ran.stdout == "False\n"
