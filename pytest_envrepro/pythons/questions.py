"""Asks an interpreter what it is: the one program that is run for it, by the interpreter itself."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import packaging

from pytest_envrepro.errors import InterpreterNotFound
from pytest_envrepro.process import NotStartedError, TimedOutError, run

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST = (3, 8)  # Of the Pythons that environments are made with.
# Seconds. On a loaded machine an interpreter takes one to start for the first time.
PATIENCE = {"PY_DISCOVERY_TIMEOUT": "10"}  # What tells python-discovery too.
_LONGEST = 3600.0
_PASSED = frozenset({"PATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "TMPDIR"})
_MARK = "pytest-envrepro:"
PACKAGING = os.path.dirname(os.path.abspath(packaging.__file__))  # Its folder.

# Is run by Pythons from 3.8 on, with its standard library alone; `packaging` is read from where this process has it.
_QUESTION = r"""
import json, os, platform, struct, sys, sysconfig

v = sys.implementation.version
implementation_version = "%d.%d.%d" % v[:3] + ("" if v[3] == "final" else v[3][0] + str(v[4]))
schemes = sysconfig.get_scheme_names()
scheme = next((s for s in ("venv", "nt" if os.name == "nt" else "posix_prefix") if s in schemes), None)
anywhere = os.path.join(os.path.abspath(os.sep), "anywhere")
names = ("base", "platbase", "installed_base", "installed_platbase")
paths = sysconfig.get_paths(scheme, dict.fromkeys(names, anywhere)) if scheme else {}
groups = []
try:
    sys.path.append(sys.argv[1])
    from packaging.tags import sys_tags
    for tag in sys_tags():
        start = tag.interpreter + "-" + tag.abi
        if not groups or groups[-1][0] != start:
            groups.append((start, []))
        groups[-1][1].append(tag.platform)
except Exception:
    groups = []
executable = getattr(sys, "_base_executable", None) or sys.executable
answer = {
    "asked": os.path.realpath(sys.executable),
    "executable": os.path.realpath(executable),
    "prefix": os.path.realpath(sys.prefix),
    "base_prefix": os.path.realpath(sys.base_prefix),
    "version_info": list(sys.version_info[:2]),
    "cache_tag": sys.implementation.cache_tag,
    "soabi": sysconfig.get_config_var("SOABI"),
    "platform": sysconfig.get_platform(),
    "threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "debug": bool(hasattr(sys, "gettotalrefcount") or sysconfig.get_config_var("Py_DEBUG")),
    "bits": struct.calcsize("P") * 8,
    "libc": " ".join(filter(None, platform.libc_ver())),
    "paths": {n: os.path.relpath(paths[n], anywhere).replace(os.sep, "/") for n in paths},
    "tags": groups,
    "environment": {
        "implementation_name": sys.implementation.name,
        "implementation_version": implementation_version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_system": platform.system(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
}
sys.stdout.write("\n" + sys.argv[2] + json.dumps(answer) + "\n")
"""
# Changes with what is asked: answers to another question are not believed.
QUESTION_DIGEST = hashlib.sha256(_QUESTION.encode()).hexdigest()[:16]


class Answer(NamedTuple):
    """What an interpreter has said: plain JSON, with the real paths of the program that was asked and of its base."""

    said: dict[str, Any]
    asked: str
    executable: str


def ask(executable: str, environ: Mapping[str, str], *, with_site: bool = False) -> Answer:
    """Start an interpreter and ask it: without its user's settings and packages, nor those in the current folder.

    Args:
        with_site: let it run its `site` module: without, `sys.prefix` is that of the base up to Python 3.13.

    Raises:
        InterpreterNotFound: it does not start, does not answer, takes longer than 10 seconds (`PY_DISCOVERY_TIMEOUT`), or is older than 3.8.
    """
    patience = _seconds(environ)
    passed = {name: value for name, value in environ.items() if name.upper() in _PASSED}
    folder = os.path.dirname(PACKAGING)
    try:
        completed = run(
            question(executable, folder, with_site=with_site),
            cwd=Path(os.path.abspath(os.sep)),
            environ=passed,
            timeout=patience,
        )
    except NotStartedError as error:
        raise InterpreterNotFound(str(error)) from error
    except TimedOutError as error:
        raise InterpreterNotFound(f"{executable} does not answer within {patience:g} seconds") from error
    return answer_of(executable, completed.returncode, completed.stdout, completed.stderr)


def question(executable: str, folder: str, *, with_site: bool = False) -> tuple[str, ...]:
    """Give the words that ask an interpreter.

    Args:
        folder: where it finds `packaging`, which tells what wheels it can use.
        with_site: let it run its `site` module.
    """
    return (executable, "-I", "-B", *(() if with_site else ("-S",)), "-c", _QUESTION, folder, _MARK)


def answer_of(executable: str, returncode: int, stdout: str, stderr: str) -> Answer:
    """Read what an interpreter has answered.

    Raises:
        InterpreterNotFound: that is no answer, or the interpreter is older than 3.8.
    """
    if "Unknown option: -I" in stderr:
        raise InterpreterNotFound(f"{executable} is Python 2: environments are made with 3.8 and later")
    try:
        line = next(line for line in reversed(stdout.split("\n")) if line.startswith(_MARK))
        told: object = json.loads(line.removeprefix(_MARK))
    except (StopIteration, ValueError):
        last = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), None)
        why = f": {last}" if last else f": it ends with {returncode}" if returncode else ""
        raise InterpreterNotFound(f"{executable} does not answer as a Python does{why}") from None
    said = told if isinstance(told, dict) else {}
    if "environment" not in said:
        raise InterpreterNotFound(f"{executable} does not answer as a Python does")
    if tuple(said["version_info"]) < OLDEST:
        version = said["environment"]["python_full_version"]
        raise InterpreterNotFound(f"{executable} is Python {version}: environments are made with 3.8 and later")
    return Answer(said, said["asked"], said["executable"])


def _seconds(environ: Mapping[str, str]) -> float:
    ((name, default),) = PATIENCE.items()
    try:
        seconds = float(environ.get(name, default))
    except ValueError:
        seconds = 0.0
    return seconds if 0 < seconds < _LONGEST else float(default)
