"""The project itself as something to install: its wheel, built once for each state of its source, or its folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import parse_wheel_filename

from pytest_envrepro import childenv
from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.installing import failed_words
from pytest_envrepro.installers.tools import TIMEOUT, Call
from pytest_envrepro.workspace import CopyError, alone, copy_tree, walk_tree, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.installers.installing import ReadyInstaller
    from pytest_envrepro.interpreter import Python

_DECLARES = ("pyproject.toml", "setup.cfg", "setup.py")
_EPOCH = "315532800"  # 1980-01-01, the first day that a ZIP archive can tell: two builds of one source are one wheel.
_REMEMBERED = 16  # Digests: of one project, or of a few.
_ANY = "any"  # The folder of wheels that every Python can use, whichever has built them.


class ProjectWheel(NamedTuple):
    """The project, ready to be asked for beside other requirements.

    Attributes:
        path: the wheel, in the cache; or the project's folder, where it is editable.
        editable: whether the files of that folder are the ones in use.
        identity: tells it from every other state of it.
    """

    path: Path
    editable: bool
    identity: str

    def requirement(self, extras: Iterable[str] = ()) -> str:
        """Give the line of a requirements file that asks for it."""
        chosen = ",".join(sorted(extras))
        brackets = f"[{chosen}]" if chosen else ""
        if self.editable:
            return f"-e {self.path}{brackets}"
        return f"{parse_wheel_filename(self.path.name)[0]}{brackets} @ {self.path.as_uri()}"


def editable_project(root: Path) -> ProjectWheel:
    """Give a project as it lies in its folder.

    Raises:
        BuildError: it has no file that tells how it is built.
    """
    _check_buildable(root)
    digest = hashlib.sha256(os.fsencode(os.path.realpath(root)))
    for name in _DECLARES:
        with contextlib.suppress(FileNotFoundError):
            digest.update(f"\0{name}\0".encode() + (root / name).read_bytes())
    return ProjectWheel(Path(os.path.realpath(root)), True, f"editable {digest.hexdigest()}")


def project_wheel(  # noqa: PLR0913  # All but the first three are policy, by name.
    root: Path,
    python: Python,
    installer: ReadyInstaller,
    *,
    cache: Path,
    environ: Mapping[str, str],
    offline: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    timeout: float = TIMEOUT,
) -> ProjectWheel:
    """Build a project's wheel, unless one of the same source is there.

    It is built on a copy, with the installer's own isolation, by the Python that it is for; one for every Python is
    built once.

    Args:
        cache: the user's cache folder.
        environ: the user's variables.
        tell: is told what is being done.
        timeout: in seconds.

    Raises:
        BuildError: it cannot be copied or built.
    """
    _check_buildable(root)
    digest = source_digest(root, cache)
    own = hashlib.sha256(python.identity.encode()).hexdigest()[:16]
    shelves = [cache / "wheels" / digest / name for name in (_ANY, own)]
    with alone(cache, f"wheel-{digest[:16]}"):
        path = _on(shelves)
        if path is None:
            tell(f"building this project's wheel with {installer.label}")
            call = Call(cache, childenv.for_environments(environ, resolving=True), offline=offline, timeout=timeout)
            path = _built(root, python, installer, call, shelves)
    return ProjectWheel(path, False, f"wheel {hashlib.sha256(path.read_bytes()).hexdigest()}")


def source_digest(root: Path, cache: Path) -> str:
    """Digest the files of a project that a build is given, and what its history tells a build.

    Where no file has another size or time than the last time, none is read.
    """
    files = sorted(_files(root, cache))
    stamp = json.dumps([str(root), _history(root), [(name, *numbers) for name, *numbers in files]])
    memory = VerdictCache(cache, room="sources", kept=_REMEMBERED)
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


def _files(root: Path, cache: Path) -> Iterator[tuple[str, int, int, int]]:
    for folder, _, entries in walk_tree(root, cache):
        for name, status in entries:
            if name == ".git":  # Of a worktree: says where it lies, and its history is looked at by itself.
                continue
            path = os.path.relpath(os.path.join(folder, name), root)
            yield path, status.st_size, status.st_mtime_ns, status.st_mode


def _check_buildable(root: Path) -> None:
    if not any((root / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise BuildError(f"this project cannot be built: there is no pyproject.toml and no setup.py in {root}")


def _on(shelves: list[Path]) -> Path | None:
    return next((path for shelf in shelves for path in sorted(shelf.glob("*.whl"))), None)


def _built(root: Path, python: Python, installer: ReadyInstaller, call: Call, shelves: list[Path]) -> Path:
    """Build it on a copy, and put it on the shelf that it belongs to."""
    try:
        with workspace(call.folder) as folder:
            source, output = folder / "project", folder / "wheel"
            copy_tree(root, source, call.folder)
            _forget_builds(source)
            _point_to_history(root, source)
            environ = {**call.environ, "SOURCE_DATE_EPOCH": _EPOCH}
            call = call._replace(folder=folder, environ=environ)
            done = installer.run(
                python.executable, installer.kind.wheeling(str(source), str(output)), call, doing="is to build a wheel"
            )
            made = sorted(output.glob("*.whl"))
            if done.returncode or not made:
                what = f"{installer.label} cannot build this project's wheel"
                raise BuildError(failed_words(done, what, (), offline=call.offline))
            shelf = shelves[0] if _is_for_all(made[0]) else shelves[1]
            shelf.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(shelf, ignore_errors=True)
            output.rename(shelf)
            return shelf / made[0].name
    except CopyError as error:
        raise BuildError(f"this project cannot be copied to build its wheel: {error}") from error


def _forget_builds(copy: Path) -> None:
    """Take away what earlier builds have left beside the source: setuptools would put deleted modules into the wheel."""
    for pattern in ("build/lib*", "build/bdist*", "*.egg-info"):
        for folder in copy.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)


def _is_for_all(path: Path) -> bool:
    """Tell whether a wheel is for every Python 3 on every platform, by its name (the binary distribution format)."""
    tags = parse_wheel_filename(path.name)[3]
    return any((tag.interpreter, tag.abi, tag.platform) == ("py3", "none", "any") for tag in tags)


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
