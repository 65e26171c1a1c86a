"""The files of a container that are no part of its virtualenv, and which of them are not the same in another one.

Of two containers of one engine, what their images share is one file: its number and its times are the same. So only what
differs in these is read, whatever the size of the images.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.engine import ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pytest_envrepro.engine import Container

_PATIENCE = 600.0  # Seconds: it may have to read some gigabytes.
_MOST_NAMED = 3
# What differs and says nothing: it is made anew, by whoever misses it.
_NOISE = (
    ("logs", re.compile(r"/var/log/.*")),
    ("caches", re.compile(r"/var/cache/.*|(?:/root|/home/[^/]+)/\.cache/.*|/var/lib/apt/lists/.*")),
    ("temporary files", re.compile(r"(?:/tmp|/var/tmp|/run)/.*")),
    ("bytecode", re.compile(r".*/__pycache__/[^/]+\.pyc")),
)
# What an engine mounts into every container, and what is ours there: it says nothing of what is in the image.
_MOUNTED_ALWAYS = re.compile(
    r"/|/(?:proc|sys|dev|run|tmp|var/tmp|envrepro)(?:/.*)?|/etc/(?:hosts|hostname|resolv\.conf)|.*/(?:docker|podman)-init"
)
# Is run by Pythons from 3.8 on with the standard library alone, and without `site`.
_SCRIPT = r"""
import hashlib, json, os, re, stat, sys

def mounted():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:  # proc(5)
        places = [line.split(" ")[4] for line in file]
    return {re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), place) for place in places}

def listed(left_out):
    for folder, folders, names in os.walk("/"):
        inner = [(name, os.path.join(folder, name)) for name in folders + names]
        inner = [(name, path) for name, path in inner if path not in left_out]
        folders[:] = [name for name, path in inner if name in set(folders)]
        for name, path in inner:
            try:
                s = os.lstat(path)
                link = os.readlink(path) if stat.S_ISLNK(s.st_mode) else ""
            except OSError:
                continue
            yield path, [stat.S_IFMT(s.st_mode), stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid, link,
                         s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino]

def digest(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            found.update(block)
    return found.hexdigest()

asked = json.load(sys.stdin)
if "left out" in asked:
    places = mounted()
    answer = {"mounted": sorted(places), "found": dict(listed(places | set(asked["left out"])))}
else:
    answer = {path: digest(path) for path in asked["paths"]}
json.dump(answer, sys.stdout)
"""
_REGULAR, _LINK, _FOLDER = 0o100000, 0o120000, 0o040000  # As `S_IFMT` gives it on Linux (inode(7)).
_KINDS = {_REGULAR: "a file", _LINK: "a link", _FOLDER: "a folder"}


class _Found(NamedTuple):
    """A path in a container: what is there, whose it is, where it leads, and how it is told from another one."""

    kind: int
    mode: int
    uid: int
    gid: int
    link: str
    size: int
    mtime: int
    ctime: int
    inode: int


class _Seen(NamedTuple):
    """What is in a container, by path; and where something is mounted, in which nobody has looked."""

    found: Mapping[str, _Found]
    mounted: frozenset[str]


class Compared(NamedTuple):
    """What comes of a comparison.

    Attributes:
        changes: what differs, by its path and how.
        noise: what differs and says nothing, in words.
        mounted: where something is mounted in one of the two, which is not compared; none of what every container has.
        files: how many files were compared.
    """

    changes: tuple[tuple[str, str], ...]
    noise: tuple[str, ...]
    mounted: tuple[str, ...]
    files: int


class Elsewhere:
    """The files of a container outside its virtualenv; nothing is looked at until they are compared.

    Args:
        container: it runs for as long as this is of use.
        python: a Python in it, by its path.
        prefix: the virtualenv, which is compared by itself; empty for none.
        listed: files that packages list, by their paths: they are compared with those.
    """

    def __init__(self, container: Container, *, python: str, prefix: str, listed: Collection[str] = ()) -> None:
        self.prefix = prefix
        self.listed = frozenset(listed)
        self._container = container
        self._python = python

    def seen(self, left_out: Collection[str]) -> _Seen:
        """Say what is there, and where something is mounted.

        Args:
            left_out: folders in which nobody looks.

        Raises:
            EnvReproError: the container's Python does not tell.
        """
        answer = self._asked({"left out": sorted(left_out)})
        try:
            found = {path: _Found(*seen) for path, seen in answer["found"].items()}
            return _Seen(found, frozenset(answer["mounted"]))
        except (AttributeError, KeyError, TypeError):
            raise self._error("it answers something else than what it was asked") from None

    def digests(self, paths: Collection[str]) -> Mapping[str, str]:
        """Give the digests of files.

        Raises:
            EnvReproError: the container's Python does not tell.
        """
        return self._asked({"paths": sorted(paths)}) if paths else {}

    def _asked(self, question: Mapping[str, Any]) -> dict[str, Any]:
        argv = [self._python, "-I", "-B", "-S", "-X", "utf8", "-c", _SCRIPT]
        given = json.dumps(question).encode()
        try:
            done = self._container.run(argv, user="0", input=given, timeout=_PATIENCE)
        except ProgramNotFoundError:
            raise self._error(f"there is no {self._python} in it, or it cannot be run") from None
        except ExecutionTimeoutError:
            raise self._error(f"it did not answer within {_PATIENCE:g} seconds") from None
        if done.returncode:
            last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise self._error(f"it ended with {done.returncode}: {last}")
        try:
            answer = json.loads(done.stdout)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._error("it answers something else than what it was asked")
        return answer

    def _error(self, why: str) -> EnvReproError:
        return EnvReproError(
            f"which files the container {self._container.name} has is not known: its Python ({self._python}) was asked, "
            f"and {why}"
        )


def compare_elsewhere(left: Elsewhere, right: Elsewhere, heads: tuple[str, str]) -> Compared:
    """Compare two containers outside their virtualenvs: kinds, contents, links, rights and owners.

    Raises:
        EnvReproError: a container's Python does not tell.
    """
    prefixes = {left.prefix, right.prefix} - {""}
    one, other = left.seen(prefixes), right.seen(prefixes)
    mounted, listed = one.mounted | other.mounted, left.listed | right.listed
    lefts, rights = (_comparable(each.found, listed, mounted - {"/"}) for each in (one, other))
    # A folder that is there for what lies in it alone: for something that is mounted, or for a package.
    on_the_way = _parents(mounted | listed)
    paths = [
        path
        for path in sorted(lefts.keys() | rights.keys())
        if lefts.get(path) != rights.get(path)
        if path not in on_the_way or (path in lefts and path in rights)
    ]
    noise = {path: kind for path in paths for kind, pattern in _NOISE if pattern.fullmatch(path)}
    same = _of_one_content(left, right, lefts, rights, paths)
    changes, kinds = [], dict[str, list[str]]()
    for path in paths:
        what = _difference(lefts.get(path), rights.get(path), heads, has_same_content=path in same)
        if what is not None and path in noise:
            kinds.setdefault(noise[path], []).append(path)
        elif what is not None:
            changes.append((path, what))
    return Compared(
        changes=tuple(changes),
        noise=tuple(_worded(kinds)),
        mounted=tuple(sorted(path for path in mounted if not _MOUNTED_ALWAYS.fullmatch(path))),
        files=sum(each.kind == _REGULAR for each in {**lefts, **rights}.values()),
    )


def _comparable(found: Mapping[str, _Found], listed: Collection[str], mounted: Collection[str]) -> dict[str, _Found]:
    """Give what is compared: nothing that packages list, or that lies where in one of the two something is mounted."""
    below = tuple(posixpath.join(path, "") for path in mounted)
    return {
        path: each
        for path, each in found.items()
        if path not in listed and path not in mounted and not path.startswith(below)
    }


def _parents(paths: Collection[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        folder = posixpath.dirname(path)
        while folder not in found and folder != "/":
            found.add(folder)
            folder = posixpath.dirname(folder)
    return found


def _of_one_content(
    left: Elsewhere,
    right: Elsewhere,
    lefts: Mapping[str, _Found],
    rights: Mapping[str, _Found],
    paths: Collection[str],
) -> set[str]:
    """Give the files whose content is the same, of those that are not one file in both."""
    doubtful = [
        path
        for path in paths
        if path in lefts and path in rights and lefts[path].kind == rights[path].kind == _REGULAR
        if lefts[path].size == rights[path].size
    ]
    one, other = left.digests(doubtful), right.digests(doubtful)
    return {path for path in doubtful if one.get(path) == other.get(path)}


def _difference(
    left: _Found | None, right: _Found | None, heads: tuple[str, str], *, has_same_content: bool
) -> str | None:
    """Say how what is at a path differs, or None where it does not."""
    if left is None or right is None:
        return f"only in {heads[0] if left else heads[1]}"
    if left.kind == right.kind == _REGULAR and left.size == right.size and not has_same_content:
        return f"another content, of the same {left.size:,} bytes"
    one, other = _told(left, left, right), _told(right, left, right)
    return None if one == other else f"{one} in {heads[0]}, {other} in {heads[1]}"


def _told(each: _Found, left: _Found, right: _Found) -> str:
    """Say of one of two that differ what tells it from the other; the same of both where nothing does that counts."""
    if left.kind != right.kind:
        return _KINDS.get(each.kind, "a device")
    if left.link != right.link:
        return f"leads to {each.link}"
    if left.kind == _REGULAR and left.size != right.size:
        return f"{each.size:,} bytes"
    if left.mode != right.mode:
        return f"mode {each.mode:o}"
    return f"of {each.uid}:{each.gid}"


def _worded(kinds: Mapping[str, list[str]]) -> Iterator[str]:
    for kind, paths in sorted(kinds.items()):
        few = paths[:_MOST_NAMED]
        more = f" and {len(paths) - len(few)} more" if len(paths) > len(few) else ""
        yield f"{kind} ({', '.join(few)}{more})"
