"""Imports what is installed, in a process of its own: metadata can be right where a library does not load."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pytest_envrepro.integrations.variables import for_imports
from pytest_envrepro.process import NotStartedError, TimedOutError, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_TIMEOUT = 120.0  # Seconds: the largest packages take twenty from a cold disk.
# Whatever an import prints goes to standard error; the last line of standard output is ours. Names after `?` are guesses.
_PROGRAM = """
import importlib, importlib.util, json, os, sys
out = os.dup(1)
os.dup2(2, 1)
sys.path[:] = [path for path in sys.path if path]
said = None
for name in sys.argv[1:]:
    try:
        if name[0] != "?":
            importlib.import_module(name)
        elif importlib.util.find_spec(name[1:]):
            importlib.import_module(name[1:])
    except BaseException as error:
        said = f"{name.lstrip('?')} does not import: {type(error).__name__}: {error}"
        break
os.write(out, json.dumps(said).encode())
os._exit(0)
"""


def why_not_imported(
    modules: Iterable[str], *, environ: Mapping[str, str], folder: Path, besides: Iterable[str] = ()
) -> str | None:
    """Import modules with the interpreter that runs this.

    Args:
        modules: dotted names; one after a `?` is imported only if it can be found.
        folder: where the process runs; it is not on the module search path.
        besides: further environment variables that it sees.

    Returns:
        why the first of them that fails does, in one line; None where all can be imported.
    """
    variables = for_imports(environ, besides)
    try:
        done = run([sys.executable, "-B", "-c", _PROGRAM, *modules], cwd=folder, environ=variables, timeout=_TIMEOUT)
    except NotStartedError as error:
        return str(error)
    except TimedOutError as error:
        return f"its import {error}"
    if done.returncode != 0 or not done.stdout:
        ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        return f"its import ended Python ({ended})"
    said: str | None = json.loads(done.stdout)
    return None if said is None else " ".join(said.split())
