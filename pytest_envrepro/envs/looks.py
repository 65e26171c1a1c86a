"""Looks into a container: its own Python sends what lies there about packages, which is then read as a virtualenv is.

Metadata alone is sent, in one archive on the standard output: a look costs the same whether the packages have a megabyte
or ten gigabytes. The files themselves are copied where somebody wants to compare them.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import posixpath
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.engine import ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.envs.loose import is_own
from pytest_envrepro.envs.metadata import SETTLED
from pytest_envrepro.envs.parcels import Member, ParcelError, lay_out, unpack
from pytest_envrepro.envs.sending import SCRIPT
from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.engine import Container

DPKG = "/var/lib/dpkg/status"
RELEASES = ("/etc/os-release", "/usr/lib/os-release")  # The second where the first is not there (os-release(5)).
_PATIENCE = 120.0  # Seconds: a look takes a tenth of one.
_LARGEST = 64 * 1024 * 1024  # Bytes of one file.
_MOST = 192 * 1024 * 1024  # Bytes of all: an engine gives no more than 256 MiB of what a program writes.
_AT_ONCE = 500  # Paths that one command names.


class Look(NamedTuple):
    """What was seen in a container at one moment; its paths are those of the container.

    Attributes:
        root: the folder of this machine that stands for `/`.
        prefix: the virtualenv that its Python belongs to; empty where it is the image's own.
        paths: the folders that packages are found in, in the order of `sys.path`.
        others: the kinds of packages that the image has besides, and that are not read: `apk`, `rpm`.
        is_fleeting: whether some of it lies on a file system of its own, whose changes nobody tells.
    """

    root: Path
    prefix: str
    paths: tuple[str, ...]
    others: tuple[str, ...]
    is_fleeting: bool

    def place(self, path: str) -> str:
        """Give where a path of the container is on this machine."""
        return f"{self.root}{path}" if path else ""

    def read(self, *paths: str) -> str:
        """Give the text of the first of some files that is there; empty where none is."""
        for path in paths:
            try:
                return Path(self.place(path)).read_text("utf-8", "replace")
            except OSError:
                continue
        return ""


class Looks:
    """Looks into one container.

    Each time its Python is asked, and sends nothing where sizes, times and inodes of all that it would send are as they
    were. The files of packages are copied once of a container that is shared and as its image is, else each time.

    Args:
        container: it runs.
        python: the program to ask: an absolute path in it.
        folder: where what is seen is kept; it need not be there yet. The looks are of use for as long as it is.
        is_private: whether a test may change it.

    Attributes:
        sent: how often something was sent.
    """

    def __init__(self, container: Container, *, python: str, folder: Path, is_private: bool) -> None:
        self._container = container
        self._python = python
        self._folder = folder
        self._is_private = is_private
        self._metadata: tuple[str, Look] | None = None  # With the state that it is of.
        self._whole: Look | None = None
        self.sent = 0

    def look(self, *, whole: bool = False) -> Look:
        """Look at what is installed.

        Args:
            whole: with the files of the packages, and of a virtualenv all that is in it.

        Raises:
            EnvReproError: its Python does not answer, or with something else than what it was asked for.
            EngineError: the container is gone, or the engine is.
        """
        if not whole:
            return self._seen()
        # The engine takes longer to tell what has changed than a look takes, and less time than all files.
        is_unchanged = not self._is_private and not self._container.changes()
        if not is_unchanged or self._whole is None:
            seen = self._copied()
            if not is_unchanged or seen.is_fleeting:
                return seen
            self._whole = seen
        return self._whole

    def _seen(self) -> Look:
        known, seen = self._metadata or ("", None)
        answer, members = self._sent("packages", [DPKG, *RELEASES], known=known)
        if seen is not None and answer.get("known") is True:
            return seen
        seen = self._look(answer)
        with _kept_if_whole(seen.root):
            self._lay_out(members, seen)
        self._metadata = (str(answer.get("state") or ""), seen)
        return seen

    def _copied(self) -> Look:
        answer, members = self._sent("packages", [DPKG, *RELEASES])
        look = self._look(answer)
        with _kept_if_whole(look.root):
            self._copy(look, members)
        return look

    def _copy(self, look: Look, members: list[Member]) -> None:
        fetched: list[str] = []
        for path in [look.prefix] if look.prefix else sorted(look.paths):
            if _is_folder(path, members) or path == look.prefix:
                fetched += [] if _is_below(path, fetched) else [path]
        lacking = {*_listed(look, members)} - {each.path for each in members}
        lacking = {path for path in lacking if not _is_below(path, fetched)}
        for path in fetched:
            parent = posixpath.dirname(path)
            place = Path(look.place(parent))
            place.mkdir(parents=True, exist_ok=True)
            # What a link names elsewhere is sent as a file: it is one to all that read it.
            links = self._container.fetch(path, place)
            lacking.update(posixpath.join(parent, link) for link in links)
        self._lay_out([each for each in members if not _is_below(each.path, fetched)], look)
        beside = sorted(path for path in lacking if not is_own(posixpath.relpath(path, look.prefix or "/")))
        for start in range(0, len(beside), _AT_ONCE):
            _, files = self._sent("files", beside[start : start + _AT_ONCE])
            self._lay_out([each for each in files if each.data is not None], look)

    def _lay_out(self, members: Iterable[Member], look: Look) -> None:
        try:
            lay_out(members, look.root)
        except OSError as error:
            advice = "; free some space there" if error.errno == errno.ENOSPC else ""
            raise self._error(f"what it sends cannot be kept in {look.root}: {error.strerror}{advice}") from None

    def _look(self, answer: dict[str, Any]) -> Look:
        """Read an answer, and make the folder for what came with it."""
        try:
            look = Look(
                root=self._folder,
                prefix=_path(answer["prefix"]) if answer["prefix"] else "",
                paths=tuple(map(_path, answer["paths"])),
                others=tuple(map(str, answer["others"])),
                is_fleeting=bool(answer["fleeting"]),
            )
        except (KeyError, TypeError, ValueError):
            raise self._error("it answers something else than what it was asked") from None
        self._folder.mkdir(parents=True, exist_ok=True)
        return look._replace(root=Path(tempfile.mkdtemp(prefix="look-", dir=self._folder)).resolve())

    def _sent(self, what: str, paths: Sequence[str], *, known: str = "") -> tuple[dict[str, Any], list[Member]]:
        """Have the container's Python send files.

        Args:
            what: `packages` for what is told of packages, and these paths; `files` for these paths alone.
            known: the state of which nothing need be sent.
        """
        mark = secrets.token_hex(16)
        flags = ("-I", "-B", "-S", "-X", "utf8", "-c", SCRIPT)
        limits = (str(_LARGEST), str(_MOST), str(SETTLED))
        try:
            done = self._container.run([self._python, *flags, mark, what, known, *limits, *paths], timeout=_PATIENCE)
        except ProgramNotFoundError:
            raise self._error(f"there is no {self._python} in it, or it cannot be run") from None
        except ExecutionTimeoutError:
            raise self._error(f"it did not answer within {_PATIENCE:g} seconds") from None
        if done.returncode:
            last = next((line for line in reversed(done.stderr.decode("utf-8", "replace").splitlines()) if line), None)
            raise self._error(f"it ended with {done.returncode}{f': {last.strip()}' if last else ''}")
        try:
            answer, members = unpack(done.stdout, mark)
        except ParcelError as error:
            raise self._error(str(error)) from None
        self.sent += bool(members)
        return answer, members

    def _error(self, why: str) -> EnvReproError:
        return EnvReproError(
            f"what is installed in the container {self._container.name} is not known: its Python ({self._python}) was "
            f"asked to list it, and {why}"
        )


@contextlib.contextmanager
def _kept_if_whole(root: Path) -> Iterator[None]:
    """Remove a folder again where it could not be filled."""
    try:
        yield
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise


def _path(value: object) -> str:
    """Give a path of the container, as it is compared.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ValueError(value)
    return posixpath.normpath("/" + value.lstrip("/"))


def _is_folder(path: str, members: Iterable[Member]) -> bool:
    return any(each.path == path and each.data is None for each in members)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(posixpath.join(folder, "")) for folder in folders)


def _listed(look: Look, members: Iterable[Member]) -> Iterator[str]:
    """Give the paths that the RECORDs of packages list; of those that are none, nothing: they are told when read."""
    for each in members:
        folder = posixpath.dirname(each.path)
        if (
            each.data is None
            or not each.path.endswith(".dist-info/RECORD")
            or posixpath.dirname(folder) not in look.paths
        ):
            continue
        text = each.data.decode("utf-8", "replace")
        try:
            rows = [row[0] for row in csv.reader(text.splitlines()) if row and row[0] and "\0" not in row[0]]
        except csv.Error:
            continue
        yield from (posixpath.normpath(posixpath.join("/", posixpath.dirname(folder), path)) for path in rows)
