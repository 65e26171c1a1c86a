"""What an environment consists of, written down when it was made: every file's status and content, as data."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.store.hashing import hash_of
from pytest_envrepro.store.looking import differences, scan, untouched

if TYPE_CHECKING:
    from pytest_envrepro.store.looking import Tree

# A change of the format, or of what a store's folder looks like, makes every older entry one that is not there.
SCHEMA = 2
NAME = "manifest"


class Change(NamedTuple):
    """A difference between an environment and what was written down of it.

    Attributes:
        path: relative to the environment, with forward slashes.
        what: to follow the path: "is new", "is gone", "has another content".
    """

    path: str
    what: str


@dataclass(frozen=True, kw_only=True)  # Without slots: what is made of the fields is kept beside them.
class Manifest:
    """An environment of the store.

    Attributes:
        key: the whole key that it was built for.
        build: a random word: two builds for one key differ in it.
        built: when, in seconds since the epoch.
        title: for people; may be empty.
        size: the bytes of its files, each rounded up to a block.
        facts: what the builder said of it: plain JSON.
        carriers: files that hold the environment's own path, and are rewritten in a copy of it.
        records: RECORDs that tell the hashes of carriers, each with those carriers.
        links: symbolic links with their targets.
        tree: the status of everything in it.
        hashed: the SHA-256 of every regular file, as JSON: only what differs at a quick look is looked up there.
    """

    key: str
    build: str
    built: float
    title: str
    size: int
    facts: dict[str, Any]
    carriers: tuple[str, ...]
    records: dict[str, list[str]]
    links: dict[str, str]
    tree: Tree
    hashed: bytes

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every regular file, by path."""
        hashes: dict[str, str] = json.loads(self.hashed)
        return hashes

    @cached_property
    def untouched(self) -> Tree:
        """What is seen of a copy in which nothing was done: see `looking.scan_since`."""
        return untouched(self.tree)

    def encoded(self) -> bytes:
        """Write it: a digest of what follows, then what is read to judge its age, then all."""
        head = {"schema": SCHEMA, "key": self.key, "build": self.build, "built": self.built}
        head |= {"title": self.title, "size": self.size}
        body = {"facts": self.facts, "carriers": self.carriers, "records": self.records, "links": self.links}
        rest = b"\n".join((*map(encoded, (head, body, self.tree)), self.hashed))
        return hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def read(folder: str | Path) -> Manifest | None:
    """Read the manifest of an entry; None where there is none, or it is not as it was written.

    Args:
        folder: the entry's.
    """
    try:
        digest, _, rest = Path(folder, NAME).read_bytes().partition(b"\n")
    except OSError:
        return None
    if digest != hashlib.sha256(rest).hexdigest().encode():
        return None
    first, *others = rest.split(b"\n")
    head = json.loads(first)
    if head.pop("schema") != SCHEMA:
        return None
    body, tree = map(json.loads, others[:2])
    carriers = tuple(body.pop("carriers"))
    return Manifest(**head, **body, carriers=carriers, tree=tree, hashed=others[2])


def encoded(value: object) -> bytes:
    """Write a value as JSON in one line; half a character in a file's name is escaped."""
    return json.dumps(value, separators=(",", ":")).encode()


class Head(NamedTuple):
    """What of a manifest is needed to judge what room an entry takes; nothing of it is checked."""

    title: str
    size: int


def read_head(folder: str | Path) -> Head:
    """Read the beginning of an entry's manifest; of one that cannot be read, nothing is known."""
    try:
        with Path(folder, NAME).open("rb") as file:
            file.readline()
            head = json.loads(file.readline())
        return Head(str(head["title"]), int(head["size"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Head("", 0)


def changes(root: Path, manifest: Manifest, *, full: bool = False, seen: Tree | None = None) -> tuple[Change, ...]:
    """Compare an environment with what was written down of it.

    A file whose status alone is new, with the content that it had, is none of the changes: it was linked, or restored
    from a copy of the store.

    Args:
        full: read every file, and not those alone whose status differs.
        seen: a look at it that was had already.
    """
    try:
        seen = scan(root) if seen is None else seen
    except OSError as error:
        why = f"cannot be read: {error.strerror}" if os.path.lexists(root) else "is gone"
        return (Change(_within(root, error), why),)
    found = [
        Change(path, what)
        for path, then, now in differences(manifest.tree, seen)
        if (what := _what(root, manifest, path, then, now))
    ]
    if full:
        known = {change.path for change in found}
        others = sorted(path for path in manifest.hashes if path not in known)
        found += [Change(path, what) for path in others if (what := _content(root, manifest, path))]
    return tuple(sorted(found))


def _what(root: Path, manifest: Manifest, path: str, then: list[int] | None, now: list[int] | None) -> str | None:
    if then is None or now is None:
        return "is new" if then is None else "is gone"
    if stat.S_IFMT(then[0]) != stat.S_IFMT(now[0]):
        return f"is {_KINDS.get(stat.S_IFMT(now[0]), 'no file')} and was {_KINDS[stat.S_IFMT(then[0])]}"
    if then[0] != now[0]:
        return f"has the mode {stat.S_IMODE(now[0]):o} and had {stat.S_IMODE(then[0]):o}"
    if stat.S_ISREG(then[0]) and then[1] != now[1]:
        return f"has {now[1]} bytes and had {then[1]}"
    return _content(root, manifest, path) or (TOUCHED if then[2] != now[2] else None)


TOUCHED = "was written, with the content that it had"
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFREG: "a file", stat.S_IFLNK: "a link"}


def _content(root: Path, manifest: Manifest, path: str) -> str | None:
    """Say what is wrong with the content of a file, or the target of a link; None where nothing is."""
    try:
        if path in manifest.links:
            target = os.readlink(root / path)
            return None if target == manifest.links[path] else f"leads to {target} and led to {manifest.links[path]}"
        return None if hash_of(root / path) == manifest.hashes.get(path) else "has another content"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _within(root: Path, error: OSError) -> str:
    return os.path.relpath(error.filename or root, root).replace(os.sep, "/")
