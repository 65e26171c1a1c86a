"""Runs the tool of a lock on copies, in a folder of its own, and gives what it has written there."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.childenv import with_temporary
from pytest_envrepro.compilers import RefusedError, Where
from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.process import NotStartedError, TimedOutError, run
from pytest_envrepro.toolwords import discarded, last_words
from pytest_envrepro.workspace import CopyError, copy_files, copy_tree, workspace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.compilers import Compiler, Tool
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe

TIMEOUT = 600.0  # Seconds. A cold pip-compile of some hundred packages with hashes takes one or two minutes.


class Compiled(NamedTuple):
    """What a tool has made of a lock.

    Attributes:
        data: the whole file.
        said: lines of the tool that tell of pins it could not have.
        read: the digests of the lock and of its inputs, as they were copied, by path.
        holds: of a tool that has only looked at the lock, whether it holds; else None.
        left: what of the lock it has only looked at, where it has written the rest.
    """

    data: bytes
    said: tuple[str, ...]
    read: Mapping[str, str]
    holds: bool | None = None
    left: str = ""


class Plan(NamedTuple):
    """All that is needed to compile a lock, decided before anything is started.

    Attributes:
        recipe: how the lock says that it was compiled.
        arguments: the words that the tool is given.
        whole: whether more of the project may be read than the files that are known.
        environ: the variables that the tool is given.
        settings: the digests of the user's settings that it follows, by the names of variables and files.
        mending: whether what it writes is to be put in place.
    """

    lock: Lock
    recipe: Recipe
    compiler: Compiler
    tool: Tool
    arguments: tuple[str, ...]
    whole: bool
    environ: Mapping[str, str]
    settings: Mapping[str, str]
    mending: bool

    @property
    def label(self) -> str:
        """Name the tool, and the settings outside of the lock that it is given."""
        named = dict.fromkeys(map(os.path.basename, self.settings))
        settings = [*([self.lock.settings] if self.lock.settings else []), *named]
        return f"{self.tool.label} (with {', '.join(settings)})" if settings else self.tool.label


class Originals(NamedTuple):
    """What a tool is given copies of.

    Attributes:
        root: the project's.
        needed: the files of it that are read; there may be more, where a plan says so.
        lock: the text of the lock.
        cache: where the folders for copies are made.
    """

    root: Path
    needed: Collection[str]
    lock: str
    cache: Path | None


def compile_copies(plan: Plan, originals: Originals) -> Compiled:
    """Run the tool in a folder of its own, and give what it has written there.

    Raises:
        RefusedError: it cannot be run, or it fails; with its own last lines.
    """
    try:
        with workspace(originals.cache) as folder:
            read = _copy(plan, originals, folder)
            return _started(plan, originals.root, folder)._replace(read=read)
    except NotStartedError as error:
        raise RefusedError(str(error)) from error
    except TimedOutError as error:
        raise RefusedError(f"{plan.tool.label} {error}: {last_words(error.completed.stderr)}") from error
    except CopyError as error:
        raise RefusedError(f"it cannot be copied: {error}") from error
    except ImportError as error:
        raise RefusedError(f"{error.name} is not installed here: pip install {error.name}") from error


def _copy(plan: Plan, originals: Originals, folder: Path) -> dict[str, str]:
    """Copy what the tool reads; give the digests of the lock and its inputs."""
    root = _root_in(folder, plan)
    if plan.whole:
        copy_tree(originals.root, root, originals.cache)
    else:
        copy_files(originals.root, originals.needed, root)
    # What uv would find above the project; else nothing, in the place of what lies above the cache.
    (folder / "uv.toml").touch()
    for file in uv_settings_above(originals.root):
        (folder / file.name).write_bytes(file.read_bytes())
    read = {file: digest_of_file(root / file) for file in originals.needed if (root / file).is_file()}
    lock = root / plan.lock.path
    if (given := plan.compiler.given(originals.lock)) != originals.lock:
        lock.write_text(given, encoding="utf-8")
    # Older than its inputs, for make; and so it can be told whether it is written.
    os.utime(lock, (0, 0))
    return read


def _started(plan: Plan, original: Path, folder: Path) -> Compiled:
    """Run the tool in a folder that has the copies of what lies in the original; give what it has written."""
    path, root = plan.lock.path, _root_in(folder, plan)
    is_above = root != folder / "project"
    cwd = folder / "project" if is_above else root / plan.recipe.folder
    cwd.mkdir(parents=True, exist_ok=True)
    real = str(original)
    arguments = [word.replace(f"{real}{os.sep}", f"{root}{os.sep}") for word in plan.arguments]
    first, *words = plan.tool.argv
    is_own = os.path.dirname(first) and (not os.path.isabs(first) or plan.recipe.tool is None)
    if is_own:
        first = first.replace(f"{real}{os.sep}", f"{root}{os.sep}") if os.path.isabs(first) else str(root / first)
    places = {name: str(folder / "places" / place) for name, place in plan.compiler.places().items()}
    environ = {**with_temporary(plan.environ, folder), **places}
    options = plan.tool.options
    if plan.tool.version is None and plan.compiler.versioned:
        asked = run((first, *words, "--version"), cwd=cwd, environ=environ, timeout=TIMEOUT)
        options = plan.compiler.for_version(asked.stdout)
    done = run((first, *words, *arguments, *options), cwd=cwd, environ=environ, timeout=TIMEOUT)
    said = done.stderr.replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
    holds = None if plan.mending else plan.compiler.verdict(done)
    if holds is not None:
        return Compiled(b"", (last_words(said or done.stdout),), {}, holds)
    if done.returncode:
        raise RefusedError(f"{plan.tool.label} has failed: {last_words(said or done.stdout)}")
    lock = root / path
    if not lock.is_file() or (lock.stat().st_mtime == 0 and not plan.compiler.leaves):
        raise RefusedError(f"{plan.tool.label} has not written {path}: {last_words(said or done.stdout)}")
    # A project below the root is written by its absolute path: it is that of the original.
    data = lock.read_bytes().replace(root.as_uri().encode(), original.as_uri().encode())
    data = data.replace(os.fsencode(root), os.fsencode(real))
    return Compiled(data, tuple(discarded(said)), {}, left=plan.compiler.left(done))


def _root_in(folder: Path, plan: Plan) -> Path:
    """Give the folder of the copy that stands for the root."""
    where = Where.of(plan.recipe, plan.lock.path)
    return folder / "project" / ("" if where.is_elsewhere else where.above)


def uv_settings_above(root: Path) -> Iterator[Path]:
    """Give the settings file above the project that uv would find, if there is one."""
    for parent in root.parents:
        for name in ("uv.toml", "pyproject.toml"):
            file = parent / name
            with contextlib.suppress(OSError):
                if file.is_file() and (name == "uv.toml" or b"[tool.uv" in file.read_bytes()):
                    yield file
                    return
