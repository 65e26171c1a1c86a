"""Lays the content of a tar archive that an engine has sent into a folder of this machine, without trust."""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.archives import BLOCK, BROKEN, reader, refuse_sparse

if TYPE_CHECKING:
    from collections.abc import Iterable

_RIGHTS = 0o777  # No set-user-id and its like come to this machine.


def unpack(chunks: Iterable[bytes], folder: Path) -> dict[str, str]:
    """Lay the content of an archive into a folder: files, folders, and links that stay within it.

    Nothing is written through a link, or over what is there.

    Returns:
        what was left out, by its path in the archive: the text of a link that leads out, or `device`.

    Raises:
        EngineError: a member has a path that leads out, that another has or that is too long, or it is no whole archive.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    laying = _Laying(Path(os.path.abspath(folder)))
    try:
        with tarfile.open(fileobj=reader(chunks), mode="r|") as archive:
            for member in archive:
                laying.lay(archive, member)
        laying.finish()
    except BROKEN as error:
        raise EngineError(f"what the engine has sent is no whole tar archive: {error}") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise EngineError(f"the engine has sent a path that is too long for this machine: {error.filename}") from error
    return laying.left_out


class _Laying:
    """One archive on its way into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folders: dict[str, int] = {}  # With their rights, which are given last: they may forbid to write.
        self._files: set[str] = set()
        self._links: dict[str, str] = {}
        self.left_out: dict[str, str] = {}

    def lay(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Lay one member.

        Raises:
            EngineError: its path leads out, or is taken.
        """
        name = _inner(member.name)
        if name == ".":
            return
        self._make_parents(name)
        target = self._folder / name
        if member.isdir():
            if name not in self._folders:
                self._refuse_taken(name)
                if target.exists():
                    raise EngineError(f"{target} is there already")
                target.mkdir()
            self._folders[name] = member.mode & _RIGHTS
            return
        self._refuse_taken(name)
        if member.isreg():
            refuse_sparse(member)
            self._write(archive, member, target)
            self._files.add(name)
        elif member.issym() and member.linkname:
            self._links[name] = member.linkname
        elif member.islnk() and (source := _inner(member.linkname)) in self._files:
            shutil.copyfile(self._folder / source, target)
            shutil.copymode(self._folder / source, target)
            self._files.add(name)
        else:
            self.left_out[name] = member.linkname or "device"

    def _make_parents(self, name: str) -> None:
        parents = []
        while name := posixpath.dirname(name):
            parents.append(name)
        for parent in reversed(parents):
            if parent not in self._folders:
                self._refuse_taken(parent)
                (self._folder / parent).mkdir(exist_ok=True)
                self._folders[parent] = 0o755

    def _refuse_taken(self, name: str) -> None:
        if name in self._files or name in self._links or name in self._folders or name in self.left_out:
            raise EngineError(f"the engine has sent {name!r} twice: nothing is written over or through it")
        if os.path.lexists(self._folder / name) and not os.path.isdir(self._folder / name):
            raise EngineError(f"{self._folder / name} is there already")
        if os.path.islink(self._folder / name):
            raise EngineError(f"{self._folder / name} is a link: nothing is written through it")

    @staticmethod
    def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        source = archive.extractfile(member)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        left = member.size
        with open(os.open(target, flags, 0o600), "wb") as file:
            while source is not None and left and (data := source.read(min(left, BLOCK))):
                left -= len(data)
                file.write(data)
        if left:
            raise EngineError(f"{member.name!r} was not sent whole: {left} bytes are missing")
        os.chmod(target, member.mode & _RIGHTS | 0o400)
        os.utime(target, (member.mtime, member.mtime))

    def finish(self) -> None:
        """Make the links, once no more is written, and give the folders their rights."""
        for name, text in self._links.items():
            # By what all links together come to: one of them may lead out by way of another.
            if self._stays(name):
                os.symlink(text, self._folder / name)
            else:
                self.left_out[name] = text
        for name, mode in sorted(self._folders.items(), reverse=True):
            os.chmod(self._folder / name, mode | 0o700)

    def _stays(self, name: str) -> bool:
        """Follow a link step by step, through other links too, as the system does; one that goes in circles stays."""
        waiting = [*reversed(self._links[name].split("/"))]
        if posixpath.isabs(self._links[name]):
            return False
        here = posixpath.dirname(name)
        for _ in range(10_000):
            if not waiting:
                return True
            part = waiting.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                if not here:
                    return False
                here = posixpath.dirname(here)
                continue
            here = posixpath.join(here, part)
            if here in self._links:
                text = self._links[here]
                if posixpath.isabs(text):
                    return False
                waiting += reversed(text.split("/"))
                here = posixpath.dirname(here)
        return True


def _inner(name: str) -> str:
    """Give a path within an archive, normalised.

    Raises:
        EngineError: it leads out.
    """
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if posixpath.isabs(name) or ".." in parts or "\0" in name or (os.name == "nt" and set("\\:") & set(name)):
        raise EngineError(f"the engine has sent the path {name!r}, which leads out of the folder")
    return "/".join(parts) or "."
