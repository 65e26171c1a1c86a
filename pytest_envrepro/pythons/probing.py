"""What an interpreter says of itself: it is started for it once, and after that only where it has changed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from typing import TYPE_CHECKING, Any

from pytest_envrepro.errors import InterpreterNotFound
from pytest_envrepro.interpreter import Layout, Python
from pytest_envrepro.inventory import Interpreter
from pytest_envrepro.pythons.questions import QUESTION_DIGEST, Answer, ask
from pytest_envrepro.pythons.tags import tag_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_envrepro.cache import VerdictCache

_NAMES = {False: "python", True: "python.exe"}  # Elsewhere, and on Windows.
_KERNEL = {"platform_release": platform.release, "platform_version": platform.version}


def probe(executable: str, environ: Mapping[str, str], memory: VerdictCache | None = None) -> Python:
    """Give what an interpreter says of itself: of a virtualenv's python or of a wrapper, the base interpreter.

    Args:
        executable: an absolute path.
        memory: what interpreters have said before.

    Raises:
        InterpreterNotFound: there is none at this path, or it does not work; the message says why.
    """
    base, answer = _probe(executable, environ, memory)
    if answer is None:
        return base
    # A wrapper, or a virtualenv that has a copy: the base is asked itself, and what led to it is not remembered.
    found, other = _probe(base.executable, environ, memory)
    if other is not None or found.interpreter.version != base.interpreter.version:
        raise InterpreterNotFound(f"{executable} says that its base is {base.executable}, which says something else")
    return found


def _probe(executable: str, environ: Mapping[str, str], memory: VerdictCache | None) -> tuple[Python, Answer | None]:
    """Give what an interpreter says, and besides, the answer if that was of another one than its base."""
    path = os.path.realpath(executable)
    key = stamp(path)
    if key is None:
        what = "is a link to nothing" if os.path.islink(executable) else "is not there, or may not be looked at"
        raise InterpreterNotFound(f"{executable} {what}")
    if memory is not None and (said := memory.get(key)) is not None:
        return _python(said, path), None
    answer = ask(path, environ)
    base = answer.executable if not _is_in_virtualenv(answer.executable) else _base_of(answer)
    if base != path:
        return _python(answer.said, base), answer
    if memory is not None:
        memory.put(key, answer.said)
    return _python(answer.said, path), None


def _base_of(answer: Answer) -> str:
    """Give the base interpreter of a virtualenv that has a copy of it; up to Python 3.10 it does not know it."""
    major, minor = answer.said["version_info"]
    names = ("python.exe",) if os.name == "nt" else (f"python{major}.{minor}", f"python{major}", "python")
    folder = os.path.join(answer.said["base_prefix"], *([] if os.name == "nt" else ["bin"]))
    paths = [os.path.realpath(os.path.join(folder, name)) for name in names]
    found = next((path for path in paths if os.path.isfile(path) and not _is_in_virtualenv(path)), None)
    if found is None:
        raise InterpreterNotFound(f"{answer.asked} is a virtualenv's, and its base is not at {folder}")
    return found


def _is_in_virtualenv(path: str) -> bool:
    folder = os.path.dirname(path)
    return any(os.path.isfile(os.path.join(each, "pyvenv.cfg")) for each in (folder, os.path.dirname(folder)))


def stamp(path: str) -> str | None:
    """Give a text that changes with a file, or None where there is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if os.path.isdir(path):
        return None
    return f"interpreter {path} {status.st_size} {status.st_mtime_ns} {status.st_ino} {QUESTION_DIGEST}"


def _python(said: Mapping[str, Any], path: str) -> Python:
    # Not the inode: an installation that CI has restored is the same.
    file = os.stat(path)
    return described(said, path, decisive=[path, file.st_size, file.st_mtime_ns], name=_NAMES[sys.platform == "win32"])


def described(said: Mapping[str, Any], path: str, *, decisive: Sequence[Any], name: str = "python") -> Python:
    """Take what an interpreter has said of itself.

    Args:
        path: of the interpreter, where it lies.
        decisive: what else makes it another one, as plain JSON.
        name: what environments call theirs.
    """
    # The kernel's version may have changed since, and is the same for all interpreters.
    environment = {**said["environment"], **{name: ask_it() for name, ask_it in _KERNEL.items()}}
    words = ("cache_tag", "soabi", "platform", "threaded", "debug", "bits", "base_prefix")
    whole = json.dumps([[said[word] for word in words], said["environment"], *decisive], sort_keys=True)
    paths = said["paths"]
    return Python(
        executable=path,
        interpreter=Interpreter(
            implementation=environment["implementation_name"],
            version=environment["python_full_version"],
            platform=said["platform"],
            environment=dict(sorted(environment.items())),
        ),
        base_prefix=said["base_prefix"],
        identity=hashlib.sha256(whole.encode()).hexdigest(),
        layout=Layout(paths["scripts"], paths["purelib"], paths["platlib"], name),
        origin=path,
        is_threaded=said["threaded"],
        is_debug=said["debug"],
        bits=said["bits"],
        libc=said["libc"],
        tag_groups=tag_groups(said),
    )
