"""The context of a build: a tar archive that is the same for everybody who has the same files."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.containervalues import is_unicode
from pytest_envrepro.errors import BuildError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


class Entry(NamedTuple):
    """A file of a context.

    Attributes:
        name: with forward slashes, relative.
        size: in bytes.
        chunks: gives its content, anew each time; it need not be in memory.
        executable: whether it can be run; nothing else is kept of what its owner may do with it.
        link: what it points to, where it is a symbolic link: it then has no content.
    """

    name: str
    size: int
    chunks: Callable[[], Iterable[bytes]]
    executable: bool = False
    link: str | None = None


def entry(name: str, data: bytes, *, executable: bool = False) -> Entry:
    """Make a file of what is in memory."""
    return Entry(name, len(data), lambda: (data,), executable)


def link(name: str, target: str) -> Entry:
    """Make a symbolic link."""
    return Entry(name, 0, tuple, link=target)


def archive(entries: Iterable[Entry], *, folders: bool = True) -> Iterator[bytes]:
    """Write a tar archive, piece by piece: sorted, of nobody, of no time.

    Args:
        folders: whether folders have entries of their own. Without, unpacking leaves those that are there as they are.

    Raises:
        SettingsError: a name leads outside, stands there twice, or cannot be written.
        BuildError: a file is not as long as it was said to be: it has changed meanwhile.
    """
    known = _by_name(entries)
    parents = sorted({parent for name in known for parent in _parents(name)}) if folders else []
    for name in sorted({*known, *parents}):
        if name in known:
            yield from _file(known[name])
        else:
            yield _header(name, 0, tarfile.DIRTYPE, 0o755)
    yield _END


def packed(name: str, entries: Iterable[Entry], *, below: str) -> Entry:
    """Put files into an archive that is a file of the context itself: `ADD` unpacks it.

    However their places are written, with links on the way or signs of a shell, they come to where they belong, and
    the folders on the way keep their owners and modes.

    Args:
        below: where places belong that are not absolute.

    Raises:
        SettingsError: as of `archive`.
    """
    inner = [
        each._replace(name=each.name.strip("/") if each.name.startswith("/") else f"{below.strip('/')}/{each.name}")
        for each in entries
    ]
    size = len(_END) + sum(len(_header_of(each)) + _padded(each.size) for each in _by_name(inner).values())
    return Entry(name, size, lambda: archive(inner, folders=False))


def _by_name(entries: Iterable[Entry]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for each in entries:
        parts = each.name.split("/")
        if not each.name or ".." in parts or "." in parts or "" in parts or "\0" in each.name:
            raise SettingsError(f"{each.name!r} is no path within a context")
        if each.name in found:
            raise SettingsError(f"{each.name!r} stands in a context twice")
        if not is_unicode(f"{each.name}{each.link or ''}"):
            raise SettingsError(f"{each.name!r} is no Unicode text, and no engine can be given it: rename the file")
        found[each.name] = each
    for name in found:
        inside = next((parent for parent in _parents(name) if parent in found), None)
        if inside is not None:
            raise SettingsError(f"{inside!r} is a file, and {name!r} would have to be in it")
    return found


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _file(each: Entry) -> Iterator[bytes]:
    yield _header_of(each)
    if each.link is not None:
        return
    left = each.size
    for chunk in each.chunks():
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise BuildError(f"{each.name} has changed while it was read: build again")
    yield bytes(_padded(each.size) - each.size)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _header_of(each: Entry) -> bytes:
    if each.link is not None:
        return _header(each.name, 0, tarfile.SYMTYPE, 0o777, each.link)
    return _header(each.name, each.size, tarfile.REGTYPE, 0o755 if each.executable else 0o644)


def _header(name: str, size: int, kind: bytes, mode: int, target: str = "") -> bytes:
    """Write a header: owner 0, group 0, time 0, no names."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mode, info.linkname = size, kind, mode, target
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
