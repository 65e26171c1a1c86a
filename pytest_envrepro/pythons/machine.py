"""The interpreters of this machine that need no rules of pyenv: on PATH, uv's own, and those in Windows' registry."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.pythons.questions import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.cache import VerdictCache

# What python-discovery reads, and what interpreters need to start; nothing that would put another in their place, such
# as PYENV_VERSION.
_PASSED = frozenset(
    {
        *("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "TMPDIR"),
        *("MISE_DATA_DIR", "ASDF_DATA_DIR", *PATIENCE),
    }
)
_NAME = re.compile(r"(?:python|pypy|graalpy)(\d+(?:\.\d+)*)?t?(?:d|-dbg|-debug)?(?:\.exe)?", re.IGNORECASE)
_SETTLED = 2_000_000_000  # Nanoseconds, after which a change of a folder has certainly another time than the last.


class Candidate(NamedTuple):
    """A path where an interpreter may be.

    Attributes:
        path: absolute; it may be a link.
        origin: for people: `python3.12 on PATH`.
        claim: the version that its name claims, or None.
    """

    path: str
    origin: str
    claim: str | None = None


class Machine:
    """The interpreters of this machine, as python-discovery lists them, and as PATH has them.

    Args:
        left_out: folders on PATH that are not looked at: shims, which start this or that, and the versions of pyenv.
        memory: lists of before.
    """

    def __init__(
        self, environ: Mapping[str, str], cache: Path | None, memory: VerdictCache, *, left_out: Iterable[str] = ()
    ) -> None:
        self._environ = environ
        self._cache = cache
        self._memory = memory
        beginnings = tuple(os.path.join(os.path.normpath(folder), "") for folder in left_out)
        paths = dict.fromkeys(environ.get("PATH", "").split(os.pathsep))
        self._path = [
            path
            for path in paths
            if os.path.isabs(path) and not os.path.join(os.path.normpath(path), "").startswith(beginnings)
        ]
        self.unlisted: str | None = None

    def listed(self, *, anew: bool = False) -> tuple[Candidate, ...]:
        """Give those that work, PATH's first; `unlisted` tells why there are none, if that is not their own fault.

        A list is remembered until a folder of PATH or uv's folder changes.

        Args:
            anew: do not believe what is remembered: what a link leads to can change without the folder.
        """
        folders = [*self._path, *_uv_folders(self._environ)]
        state = [_state(folder) for folder in folders]
        key = f"interpreters {sys.executable} {list(zip(folders, state, strict=True))}"
        remembered = None if anew else self._memory.get(key)
        if remembered is None:
            now = time.time_ns()
            paths = self._discover()
            remembered = {"paths": paths}
            # On Windows the registry may change: it has no time that is as cheap to look at.
            if self.unlisted is None and os.name != "nt" and all(each + _SETTLED < now for each in state):
                self._memory.put(key, remembered)
        return tuple(Candidate(path, self._origin(path)) for path in remembered["paths"])

    def _discover(self) -> list[str]:
        """List what python-discovery finds: it starts each interpreter by itself, once, and remembers in our folder."""
        try:
            # Only where something has changed: it takes 40 ms to import.
            from python_discovery import DiskCache, iter_interpreters  # noqa: PLC0415
        except ImportError:
            self.unlisted = "python-discovery is not installed: only pyenv and PATH were searched"
            return []
        readable = (path for path in self._path if os.access(path, os.R_OK | os.X_OK))
        passed = {name: value for name, value in self._environ.items() if name.upper() in _PASSED}
        # Without PATH it would take the system's.
        environ = {**PATIENCE, **passed, "PATH": os.pathsep.join(readable) or os.devnull}
        cache = DiskCache(self._cache / "discovery") if self._cache is not None else None
        found: dict[str, None] = {}
        try:
            for each in iter_interpreters(cache=cache, env=environ):
                # Not where a virtualenv's was found: its base is what counts.
                found.setdefault(str(each.system_executable or each.executable))
        except Exception as error:  # noqa: BLE001  # It reads what is not ours; a list that is too short is no failure.
            self.unlisted = f"python-discovery has failed: {error!r}"
        return list(found)

    def on_path(self) -> Iterator[Candidate]:
        """Give all that is called as interpreters are, in the order of PATH: also what does not work."""
        for folder in self._path:
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                continue
            for name in names:
                if match := _NAME.fullmatch(name):
                    yield Candidate(os.path.join(folder, name), f"{name} on PATH", match[1])

    def _origin(self, path: str) -> str:
        for each in (os.path.realpath(path), path):  # One may be there under several names.
            folder, name = os.path.split(each)
            if folder in self._path:
                return f"{name} on PATH"
        uv = next((each for each in _uv_folders(self._environ) if path.startswith(os.path.join(each, ""))), None)
        return f"uv's {os.path.relpath(path, uv).split(os.sep)[0]}" if uv else path


def _state(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _uv_folders(environ: Mapping[str, str]) -> list[str]:
    """Give where uv keeps its Pythons, as `uv python dir` tells it."""
    if chosen := environ.get("UV_PYTHON_INSTALL_DIR"):
        return [os.path.expanduser(chosen)]
    home = environ.get("HOME")
    if os.name == "nt":
        data = environ.get("APPDATA")
        return [os.path.join(data, "uv", *more, "python") for more in ((), ("data",))] if data else []
    folders = [environ.get("XDG_DATA_HOME") or (os.path.join(home, ".local", "share") if home else None)]
    if sys.platform == "darwin" and home:
        folders.append(os.path.join(home, "Library", "Application Support"))
    return [os.path.join(folder, "uv", "python") for folder in folders if folder and os.path.isabs(folder)]
