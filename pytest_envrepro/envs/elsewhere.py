"""The files of a container that are no part of its virtualenv, and which of them are not the same in another one.

Of two containers of one engine, what their images share is one file: its number and its times are the same. So only what
differs in these is read, whatever the size of the images.
"""

from __future__ import annotations

import json
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
    answer = dict(listed(mounted() | set(asked["left out"])))
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


class Elsewhere:
    """The files of a container outside its virtualenv; nothing is looked at until they are compared.

    Args:
        container: it runs for as long as this is of use.
        python: a Python in it, by its path.
        prefix: the folder that is left out; empty for none.
    """

    def __init__(self, container: Container, *, python: str, prefix: str) -> None:
        self._container = container
        self._python = python
        self._prefix = prefix

    def found(self) -> dict[str, _Found]:
        """Say what is there, by path; what is mounted does not count.

        Raises:
            EnvReproError: the container's Python does not tell.
        """
        answer = self._asked({"left out": [self._prefix] if self._prefix else []})
        try:
            return {path: _Found(*seen) for path, seen in answer.items()}
        except TypeError:
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


def changes_elsewhere(
    left: Elsewhere, right: Elsewhere, heads: tuple[str, str]
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Compare two containers of one engine outside their virtualenvs: kinds, contents, links, rights and owners.

    Returns:
        what differs, by its path and how; and in words what differs and says nothing.

    Raises:
        EnvReproError: a container's Python does not tell.
    """
    lefts, rights = left.found(), right.found()
    paths = sorted(path for path in lefts.keys() | rights.keys() if lefts.get(path) != rights.get(path))
    noise = {path: kind for path in paths for kind, pattern in _NOISE if pattern.fullmatch(path)}
    # The same in both, but for what tells one file from another.
    doubtful = [
        path
        for path in paths
        if path in lefts and path in rights and lefts[path].kind == rights[path].kind == _REGULAR
        if lefts[path].size == rights[path].size
    ]
    one, other = left.digests(doubtful), right.digests(doubtful)
    same = {path for path in doubtful if one.get(path) == other.get(path)}
    changes, kinds = [], dict[str, list[str]]()
    for path in paths:
        what = _difference(lefts.get(path), rights.get(path), heads, has_same_content=path in same)
        if what is not None and path in noise:
            kinds.setdefault(noise[path], []).append(path)
        elif what is not None:
            changes.append((path, what))
    return tuple(changes), tuple(_worded(kinds))


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
