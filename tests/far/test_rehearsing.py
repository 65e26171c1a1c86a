"""What a child rehearses while it waits for a body."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from interpreters import VERSIONS, need

import pytest_envrepro

FAR = Path(pytest_envrepro.__file__).parent
REHEARSES = """
import json, os, sys, threading
sys.path.insert(0, sys.argv[1])
from far.rehearsing import prepare, rehearse
prepare()
seen = lambda: [os.getcwd(), dict(os.environ), len(sys.meta_path), sorted(sys.modules), sys.unraisablehook is sys.__unraisablehook__, repr(threading.excepthook)]
before = seen()
told = rehearse()
print(json.dumps([told, seen() == before]))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_it(tmp_path: Path, version: str) -> None:
    """It runs to its end as a test that passes, on what was compiled before, and leaves nothing that a body could see."""
    python = need(version, tmp_path).executable

    done = subprocess.run(
        [python, "-I", "-c", REHEARSES, str(FAR)], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    told, is_same = json.loads(done.stdout)
    assert (told["returned"], told["compiled"], "raised" in told) == (None, False, False)
    assert is_same
