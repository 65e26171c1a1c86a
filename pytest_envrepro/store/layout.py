"""Where a store keeps what: its folders, how what lies in them is called, and what is said where they cannot be written.

    at/KEY/env        an environment that all sessions share; `manifest` beside it says that it is whole
    at/KEY/spares     private copies that lie ready for the next who needs one
    at/NAME-OWNER-... a private copy, or one that is being built: of the session called OWNER
    owners/           the locks and leases of sessions
    locks/            a lock for each key
    mends/            what was put right in an environment, a file for each
    trash/            what is to be deleted

All folders in `at` have names of one length: see `relocating`. They are on one disk by construction, so that a rename
between them cannot be refused for that (EXDEV).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.errors import BuildError
from pytest_envrepro.store import cloning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LENGTH = 28  # Of a name in `at`: 112 bits of a key. Longer ones would make first lines of scripts too long.
_OWNED = re.compile(r".*-(?P<owner>[0-9a-f]{8})-[0-9a-f]+")
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Environments of pytest-envrepro: may be deleted at any time.\n"
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_ELSEWHERE = "set PYTEST_ENVREPRO_CACHE to another folder"


class Layout:
    """The folders of a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = folder / "at"
        self.owners = folder / "owners"
        self.locks = folder / "locks"
        self.mends = folder / "mends"
        self.trash = folder / "trash"

    def entry(self, key: str) -> Path:
        """Give the folder of a key's environment."""
        return self.at / name_of_entry(key)

    def lock(self, name: str) -> Path:
        """Give the file that is locked while an entry is made, changed or taken away."""
        return self.locks / f"{name}.lock"


def name_of_entry(key: str) -> str:
    """Give the name of the folder of a key's environment: the beginning of the key, where that is a digest."""
    is_digest = re.fullmatch(r"[0-9a-f]{40,}", key)
    return (key if is_digest else hashlib.sha256(key.encode()).hexdigest())[:_LENGTH]


def name_of_private(name: str, owner: str) -> str:
    """Make a name for a folder that is one session's: the beginning is for people."""
    shown = re.sub(r"[^A-Za-z0-9_.]", "_", name)[: _LENGTH - len(owner) - 6] or "env"
    return f"{shown}-{owner}-{os.urandom(_LENGTH).hex()}"[:_LENGTH]


def owner_of(name: str) -> str | None:
    """Give the session that a folder in `at` belongs to, None where it is an entry."""
    owned = _OWNED.fullmatch(name)
    return owned["owner"] if owned else None


def opened(folder: Path, tell: Callable[[str], None], *, may_move: bool = True) -> Layout:
    """Make the folders of a store, or, where that may not be written, of one among the machine's temporary files.

    Args:
        may_move: whether that may take its place.

    Raises:
        BuildError: neither can be made.
    """
    try:
        return _made(folder)
    except OSError as error:
        if not may_move or error.errno not in (*_REFUSED, errno.ENOTDIR, errno.EEXIST):
            raise BuildError(words(error, folder)) from error
        told = words(error, folder)
    other = Path(tempfile.gettempdir(), f"pytest-envrepro-{os.geteuid() if hasattr(os, 'geteuid') else 'envs'}")
    try:
        other.mkdir(mode=0o700, exist_ok=True)
        status = other.lstat()
        # Its name is known beforehand: whoever made it could put programs there for us to run.
        if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
            raise BuildError(f"{told}; and {other} belongs to somebody else")
        layout = _made(other)
    except OSError as error:
        raise BuildError(f"{told}; and {words(error, other)}") from error
    tell(f"{told}; until then, environments are kept in {other}")
    return layout


def _made(folder: Path) -> Layout:
    folder.mkdir(parents=True, exist_ok=True)
    layout = Layout(Path(os.path.realpath(folder)))
    for part in (layout.at, layout.owners, layout.locks, layout.mends, layout.trash):
        part.mkdir(exist_ok=True)
        if not os.access(part, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(part))
    cloning.spread(layout.at)
    with contextlib.suppress(FileExistsError), (layout.folder / "CACHEDIR.TAG").open("x") as file:
        file.write(_TAG)
    return layout


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Say what is wrong with a store's folder where the system refuses something.

    Raises:
        BuildError: it does; the error's cause is the system's.
    """
    try:
        yield
    except OSError as error:
        raise BuildError(words(error, folder)) from error


def words(error: OSError, folder: Path) -> str:
    """Say what the system refuses, and what can be done."""
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else folder
    fault = f"{path} cannot be written: {error.strerror or error}"
    if error.errno in _REFUSED:
        return f"{fault}{_belongs(path)}. Make it writable, or {_ELSEWHERE}"
    return f"{fault}. Environments are to be kept in {folder}: mend that, or {_ELSEWHERE}"


def _belongs(path: Path) -> str:
    """Say whose a file is that is not ours: one session as the superuser is enough to lock its user out."""
    there = next((each for each in (path, *path.parents) if os.path.lexists(each)), path)
    try:
        if not hasattr(os, "geteuid") or there.stat().st_uid == os.geteuid():
            return ""
        return f" ({there} belongs to {there.owner()})"
    except (OSError, KeyError):
        return ""


def is_full(error: BaseException | None) -> bool:
    """Tell whether a disk is full, by an error, by those it comes from, or by the words of a program in it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(os.strerror(number) in str(error) for number in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False
