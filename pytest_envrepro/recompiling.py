"""Compiles locks again with their own tools, on copies: for a second opinion, and to mend them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.checks import Attempt
from pytest_envrepro.childenv import for_tools, settings_of, with_temporary
from pytest_envrepro.compilers import RefusedError, Where, compiler_of
from pytest_envrepro.digests import digest_of_file, digest_of_setting
from pytest_envrepro.errors import LockError
from pytest_envrepro.process import NotStartedError, TimedOutError, run
from pytest_envrepro.toolwords import discarded, last_words
from pytest_envrepro.workspace import CopyError, copy_files, copy_tree, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.compilers import Compiler, Tool
    from pytest_envrepro.files import Files
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock, Recipe

TIMEOUT = 600.0  # Seconds. A cold pip-compile of some hundred packages with hashes takes one or two minutes.
# Where tools look for their settings, beside the inputs and above them.
_SETTINGS = ("pyproject.toml", ".pip-tools.toml", "uv.toml", "poetry.toml", "pdm.toml")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}|\$([A-Z_][A-Z0-9_]*)")  # The second as in a Pipfile.
# An option in a requirements file that names a folder beside it.
_FOLDER = re.compile(r"^\s*(?:-f|-i|--(?:find-links|index-url|extra-index-url))[ =]*(?!\w+:)", re.MULTILINE)
_LOCAL = re.compile(r"file:|\.|/|(?!\w+\+?\w*:)")


class Compiled(NamedTuple):
    """What a tool has made of a lock.

    Attributes:
        data: the whole file.
        said: lines of the tool that tell of pins it could not have.
        read: the digests of the lock and of its inputs, as they were copied, by path.
        holds: of a tool that has only looked at the lock, whether it holds; else None.
    """

    data: bytes
    said: tuple[str, ...]
    read: Mapping[str, str]
    holds: bool | None = None


class _Plan(NamedTuple):
    """All that is needed to compile a lock, decided before anything is started."""

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


class Recompiler(NamedTuple):
    """Compiles the locks of one project.

    Attributes:
        folder: the folder that the session was started in: paths in variables are relative to it.
        read: gives the lock that a text would be, at a path.
        tell: is told what is being done, since it takes seconds.
        offline: whether the network is left alone: no tool is started then, since each of them asks an index.
    """

    files: Files
    folder: Path
    environ: Mapping[str, str]
    inventory: Inventory
    locks: Mapping[str, Lock]
    cache: Path | None
    read: Callable[[str, bytes], Lock]
    tell: Callable[[str], None]
    offline: bool = False

    def key(self, path: str) -> str | None:
        """Digest the lock, its inputs and settings, the tool, the interpreter, and what the user has configured.

        None where more decides: what a build tells, a folder of wheels, a file at a URL, or a command of the project's own.
        """
        try:
            plan = self._plan(path, mending=False)
        except RefusedError:
            return None
        if plan.whole or plan.lock.unread is not None:
            return None
        interpreter = self.inventory.interpreter
        decisive = [
            *(path, plan.recipe, plan.tool.identity, plan.arguments),
            *(interpreter.version, sorted(interpreter.environment.items()), sorted(plan.settings.items())),
            sorted((name, self.environ.get(name)) for name in self._named(path)),
        ]
        digest = hashlib.sha256(json.dumps(decisive).encode())
        for file in sorted(self._needed(plan)):
            digest.update(f"\0{file}\0{self._text(file)}".encode(errors="surrogatepass"))
        for above in _above(self.files.root):
            digest.update(f"\0{above}\0".encode(errors="surrogateescape") + above.read_bytes())
        return digest.hexdigest()

    def attempt(self, path: str) -> Attempt:
        """Compile a lock with itself as preference, and read the result."""
        label = name = ""
        try:
            plan = self._plan(path, mending=False)
            label, name = plan.label, plan.tool.name
            compiled = self._run(plan)
            if compiled.holds is not None:
                said = tuple(f"{plan.tool.label} says: {line}" for line in compiled.said)
                return Attempt(None, None, label, said, compiled.holds)
            lock = self.read(path, compiled.data)
        except RefusedError as error:
            return Attempt(None, str(error), label)
        if lock.partial:
            return Attempt(None, f"what {plan.tool.label} has written cannot be read: {lock.partial}", label)
        return Attempt(lock, None, label, tuple(f"{name} says: {line}" for line in compiled.said))

    def compile(self, path: str) -> Compiled:
        """Run the recorded command of a lock, on copies.

        Raises:
            RefusedError: it is not run, or it fails; with the tool's own last lines.
        """
        return self._run(self._plan(path, mending=True))

    def _plan(self, path: str, *, mending: bool) -> _Plan:
        lock = self.locks[path]
        if lock.partial is not None:
            # A tool would start from nothing, and upgrade everything.
            raise RefusedError(f"{lock.partial}: take a whole version of it first (git checkout HEAD -- {path})")
        if lock.recipe is None and lock.unread is not None:
            raise RefusedError(lock.unread)
        if lock.recipe is None:
            raise RefusedError(f"{lock.unrecorded}: name the command in [[tool.envrepro.locks]]")
        compiler = compiler_of(lock.recipe.tool)
        arguments = compiler.arguments(lock.recipe, path, mending=mending)
        missing = next((fault for fault in lock.faults if fault.code == "input-missing"), None)
        if missing is not None:
            raise RefusedError(f"{missing.file}:{missing.line}: {missing.message}")
        compiler.check_target(lock, self.inventory, mending=mending)
        tool = compiler.find(lock.recipe, self.inventory, self.environ)
        environ = for_tools(self.environ, self.folder, besides=self._named(path), of=compiler.settings)
        environ.update(compiler.variables())
        settings = {
            name: digest_of_setting(value)
            for kind in compiler.settings
            for name, value in settings_of(environ, kind).items()
            if name not in compiler.variables()
        }
        for file in compiler.config_files(environ):
            with contextlib.suppress(OSError):  # As for the tool: it is not there, or may not be read.
                settings[file] = digest_of_file(Path(file))
        whole = self._needs_whole(lock, compiler, lock.recipe, arguments)
        return _Plan(lock, lock.recipe, compiler, tool, arguments, whole, environ, settings, mending)

    def _needs_whole(self, lock: Lock, compiler: Compiler, recipe: Recipe, arguments: tuple[str, ...]) -> bool:
        """Tell whether more than the files that are known is read: a build looks where it likes."""
        if compiler.builds(lock, self._text):
            return True
        if any(requirement.url and _LOCAL.match(requirement.url) for requirement in lock.stated()):
            return True
        folder = os.path.join(self.files.root, recipe.folder)
        if any(value and os.path.isdir(os.path.join(folder, value)) for value in compiler.paths(arguments)):
            return True
        return any(_FOLDER.search(self._text(file)) for file in (lock.path, *lock.rests_on))

    def _needed(self, plan: _Plan) -> set[str]:
        """Give the files that are read: the lock, its inputs and what they read, and settings beside and above them."""
        lock, folder = plan.lock, plan.recipe.folder
        files = {lock.path, *lock.rests_on, *lock.inputs, *([lock.settings] if lock.settings else [])}
        files.update(
            os.path.normpath(os.path.join(folder, value)) for value in plan.compiler.paths(plan.arguments) if value
        )
        for file in (*files, f"{folder}/x"):
            parent = file
            while "/" in parent:
                parent = parent.rpartition("/")[0]
                files.update(f"{parent}/{name}" for name in _SETTINGS)
        inside = (file for file in (*files, *_SETTINGS) if not file.startswith(("/", "../")))
        return {file for file in inside if self.files.exists(file)}

    def _named(self, path: str) -> set[str]:
        """Give the variables that the files of a lock name, outside of comments."""
        texts = (self._text(file) for file in (path, *self.locks[path].rests_on))
        found = (pair for text in texts if "$" in text for pair in _VARIABLE.findall(_COMMENT.sub("", text)))
        return {braced or bare for braced, bare in found}

    def _text(self, file: str) -> str:
        try:
            return self.files.read(file) if self.files.exists(file) else ""
        except LockError:
            return ""

    def _run(self, plan: _Plan) -> Compiled:
        """Run the tool in a folder of its own, and give what it has written there."""
        if self.offline:
            raise RefusedError(f"{plan.tool.label} would ask an index, and this session is offline")
        self.tell(f"{'mending' if plan.mending else 'compiling'} {plan.lock.path} with {plan.tool.label} ...")
        try:
            with workspace(self.cache) as folder:
                read = self._copy(plan, folder)
                return self._started(plan, folder)._replace(read=read)
        except NotStartedError as error:
            raise RefusedError(str(error)) from error
        except TimedOutError as error:
            raise RefusedError(f"{plan.tool.label} {error}: {last_words(error.completed.stderr)}") from error
        except CopyError as error:
            raise RefusedError(f"it cannot be copied: {error}") from error
        except ImportError as error:
            raise RefusedError(f"{error.name} is not installed here: pip install {error.name}") from error

    def _copy(self, plan: _Plan, folder: Path) -> dict[str, str]:
        """Copy what the tool reads; give the digests of the lock and its inputs."""
        root = _root_in(folder, plan)
        needed = self._needed(plan)
        if plan.whole:
            copy_tree(self.files.root, root, self.cache)
        else:
            copy_files(self.files.root, needed, root)
        # What uv would find above the project; else nothing, in the place of what lies above the cache.
        (folder / "uv.toml").touch()
        for file in _above(self.files.root):
            (folder / file.name).write_bytes(file.read_bytes())
        read = {file: digest_of_file(root / file) for file in needed if (root / file).is_file()}
        lock = root / plan.lock.path
        text = self._text(plan.lock.path)
        if (given := plan.compiler.given(text)) != text:
            lock.write_text(given, encoding="utf-8")
        # Older than its inputs, for make; and so it can be told whether it is written.
        os.utime(lock, (0, 0))
        return read

    def _started(self, plan: _Plan, folder: Path) -> Compiled:
        path, root = plan.lock.path, _root_in(folder, plan)
        is_above = root != folder / "project"
        cwd = folder / "project" if is_above else root / plan.recipe.folder
        cwd.mkdir(parents=True, exist_ok=True)
        real = str(self.files.root)
        argv = [word.replace(f"{real}{os.sep}", f"{root}{os.sep}") for word in (*plan.tool.argv[1:], *plan.arguments)]
        first = plan.tool.argv[0]
        is_own = os.path.dirname(first) and (not os.path.isabs(first) or plan.recipe.tool is None)
        if is_own:
            first = first.replace(f"{real}{os.sep}", f"{root}{os.sep}") if os.path.isabs(first) else str(root / first)
        places = {name: str(folder / "places" / place) for name, place in plan.compiler.places().items()}
        environ = {**with_temporary(plan.environ, folder), **places}
        done = run((first, *argv), cwd=cwd, environ=environ, timeout=TIMEOUT)
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
        data = lock.read_bytes().replace(root.as_uri().encode(), self.files.root.as_uri().encode())
        return Compiled(data.replace(os.fsencode(root), os.fsencode(real)), tuple(discarded(said)), {})


def _root_in(folder: Path, plan: _Plan) -> Path:
    """Give the folder of the copy that stands for the root."""
    where = Where.of(plan.recipe, plan.lock.path)
    return folder / "project" / ("" if where.is_elsewhere else where.above)


def _above(root: Path) -> Iterator[Path]:
    """Give the settings file above the project that uv would find, if there is one."""
    for parent in root.parents:
        for name in ("uv.toml", "pyproject.toml"):
            file = parent / name
            with contextlib.suppress(OSError):
                if file.is_file() and (name == "uv.toml" or b"[tool.uv" in file.read_bytes()):
                    yield file
                    return
