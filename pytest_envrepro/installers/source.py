"""A project's source: what of its folder a build is given, what tells one state of that from another, and a copy of it.

What does not count is not given to the build either, so that no wheel can depend on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING

from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.workspace import copy_tree, walk_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

ROOM = "sources"  # In the user's cache folder.
REMEMBERED = 128  # Digests of sources, and which wheel was built of one: some hundred bytes each.
# What earlier builds leave: setuptools would put deleted modules into the wheel.
_BUILDS = ("build/lib*", "build/bdist*", "*.egg-info", "src/*.egg-info")
_MADE = (".whl", ".tar.gz")  # In `dist`.
# What the machine, an editor or a measurement of coverage leaves, and nobody ships.
_LEFT = frozenset({".coverage", ".DS_Store", "Thumbs.db"})
_LEFT_FOLDERS = frozenset({".hypothesis", ".benchmarks", ".idea", ".vscode", ".ipynb_checkpoints", "htmlcov"})
_BYTECODE = (".pyc", ".pyo")


def source_digest(root: Path, cache: Path, written: Collection[Path] = ()) -> str:
    """Digest the files of a project that a build is given, and what its history tells a build.

    Where no file has another size or time than the last time, none is read.

    Args:
        written: files and folders that this session writes, such as its reports.
    """
    files = sorted(_files(root, cache, written))
    stamp = json.dumps([str(root), _history(root), [(name, *numbers) for name, *numbers in files]])
    memory = VerdictCache(cache, room=ROOM, kept=REMEMBERED)
    known = memory.get(stamp)
    if known is not None:
        return str(known["digest"])
    digest = hashlib.sha256(_history(root).encode())
    for name, _, _, mode in files:
        with contextlib.suppress(OSError):  # As for the copy: what cannot be read is left out.
            content = hashlib.sha256((root / name).read_bytes()).hexdigest()
            digest.update(f"{name}\0{mode & 0o111}\0{content}\0".encode(errors="surrogateescape"))
    memory.put(stamp, {"digest": digest.hexdigest()})
    return digest.hexdigest()


def copy_source(root: Path, copy: Path, cache: Path, written: Collection[Path] = ()) -> None:
    """Copy what a build is given, with the project's history where it has one.

    Raises:
        CopyError: it is too large, or there is no room.
    """
    copy_tree(root, copy, cache)
    for build in _builds(copy):
        shutil.rmtree(build, ignore_errors=True)
    of_session = _below(root, written)
    for folder, _, entries in walk_tree(copy):
        for name, _ in entries:
            path = os.path.relpath(os.path.join(folder, name), copy)
            if _is_left(path) or _is_one_of(path, of_session):
                (copy / path).unlink()
    _point_to_history(root, copy)


def _files(root: Path, cache: Path, written: Collection[Path]) -> Iterator[tuple[str, int, int, int]]:
    no_source = (*_below(root, written), *(os.path.relpath(folder, root) for folder in _builds(root)))
    for folder, _, entries in walk_tree(root, cache):
        here = os.path.relpath(folder, root)
        if _is_one_of(here, no_source):
            continue
        for name, status in entries:
            path = name if here == os.curdir else os.path.join(here, name)
            if not _is_left(path) and not _is_one_of(path, no_source):
                yield path, status.st_size, status.st_mtime_ns, status.st_mode


def _builds(root: Path) -> list[Path]:
    return [folder for pattern in _BUILDS for folder in root.glob(pattern) if folder.is_dir()]


def _is_left(path: str) -> bool:
    """Tell whether a file, by its path below the root, is a leaving of some tool by its name."""
    folder, _, rest = path.replace(os.sep, "/").partition("/")
    name = rest.rpartition("/")[2] or folder
    return (
        path == ".git"  # Of a worktree: says where it lies, and its history is looked at by itself.
        or name in _LEFT
        or name.startswith(".coverage.")
        or name.endswith(_BYTECODE)
        or (folder in _LEFT_FOLDERS and bool(rest))
        or (folder == "dist" and name == rest and name.endswith(_MADE))
    )


def _below(root: Path, written: Collection[Path]) -> tuple[str, ...]:
    """Give the paths of what the session writes, relative to the root, as far as it lies there."""
    real = os.path.realpath(root)
    paths = (os.path.relpath(os.path.realpath(each), real) for each in written)
    return tuple(path for path in paths if path != os.curdir and not path.startswith(os.pardir))


def _is_one_of(path: str, paths: Collection[str]) -> bool:
    """Tell whether a path is one of others, or lies in one."""
    return any(path == each or path.startswith(f"{each}{os.sep}") for each in paths)


def _git_folder(root: Path) -> Path | None:
    """Give the folder of a project's history: of a worktree or a submodule, `.git` is a file that names it."""
    git = root / ".git"
    if git.is_dir():
        return git.resolve()
    try:
        named = git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
    except (OSError, UnicodeDecodeError):
        return None
    return (root / named).resolve() if named else None


def _point_to_history(root: Path, copy: Path) -> None:
    """Let the copy have the history of the original, for versions that are told by it, and write nothing there.

    It is made a worktree that only the copy knows of (git's `gitrepository-layout`): even `git describe --dirty` writes
    to the index, and here that is one of its own.
    """
    git = _git_folder(root)
    if git is None:
        return
    own = copy / ".git"
    own.unlink(missing_ok=True)  # The file that a worktree has.
    own.mkdir()
    for path in (git / "HEAD", git / "index", *git.glob("sharedindex.*")):
        with contextlib.suppress(OSError):
            shutil.copy2(path, own / path.name)
    (own / "commondir").write_text(f"{_common_folder(git)}\n", encoding="utf-8")


def _common_folder(git: Path) -> Path:
    """Give the folder of what the worktrees of a repository share."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (git / (git / "commondir").read_text(encoding="utf-8").strip()).resolve()
    return git


def _history(root: Path) -> str:
    """Digest what a build may read of the history: the commit that is checked out, and the tags."""
    git = _git_folder(root)
    if git is None:
        return ""
    common = _common_folder(git)
    digest = hashlib.sha256()
    head = _content(git / "HEAD")
    reference = head.partition(b"ref:")[2].strip()
    tags = sorted(path for path in (common / "refs" / "tags").rglob("*") if path.is_file())
    paths = [common / "packed-refs", *([common / os.fsdecode(reference)] if reference else []), *tags]
    for path in paths:
        digest.update(os.fsencode(path) + b"\0" + _content(path) + b"\0")
    digest.update(head)
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
