"""Compiles locks again with their own tools, on copies: for a second opinion, and to mend them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro import childenv, process
from pytest_envrepro.checks import Attempt
from pytest_envrepro.compilers import RefusedError, compiler_of
from pytest_envrepro.errors import LockError
from pytest_envrepro.requirement import redact
from pytest_envrepro.workspace import TooLargeError, copy_files, copy_tree, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.compilers import Compiler, Tool
    from pytest_envrepro.files import Files
    from pytest_envrepro.model import Inventory, Lock, Recipe

TIMEOUT = 600.0  # Seconds. A cold pip-compile of some hundred packages with hashes takes one or two minutes.
_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
# Where tools look for their settings, beside the inputs and above them.
_SETTINGS = ("pyproject.toml", ".pip-tools.toml", "uv.toml")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
# An option in a requirements file that names a folder beside it.
_FOLDER = re.compile(r"^\s*(?:-f|-i|--(?:find-links|index-url|extra-index-url))[ =]+(?!\w+:)", re.MULTILINE)
_LOCAL = re.compile(r"file:|\.|/|(?!\w+\+?\w*:)")
_DISCARDED = re.compile(r"^.*\bDiscarding\b.*$", re.MULTILINE)
# The lines of pip, pip-tools and uv that tell why they fail; tracebacks are between them.
_TELLING = re.compile(r"(?:error|fatal|critical|cause)\b|\u00d7|warning: retrying", re.IGNORECASE)
_FIRST, _LAST, _LONGEST = 2, 2, 300  # Such lines, of which the first and the last tell most; and characters of one.


class Compiled(NamedTuple):
    """What a tool has made of a lock.

    Attributes:
        data: the whole file.
        said: lines of the tool that tell of pins it could not have.
    """

    data: bytes
    said: tuple[str, ...]


class _Plan(NamedTuple):
    """All that is needed to compile a lock, decided before anything is started."""

    lock: Lock
    recipe: Recipe
    compiler: Compiler
    tool: Tool
    arguments: tuple[str, ...]
    whole: bool
    variables: Mapping[str, str]
    settings: Mapping[str, str]

    @property
    def label(self) -> str:
        """Name the tool, and the settings outside of the lock that it is given."""
        settings = [*([self.lock.settings] if self.lock.settings else []), *self.settings]
        return f"{self.tool.label} (with {', '.join(settings)})" if settings else self.tool.label


class Recompiler(NamedTuple):
    """Compiles the locks of one project.

    Attributes:
        read: gives the lock that a text would be, at a path.
        tell: is told what is being done, since it takes seconds.
    """

    files: Files
    environ: Mapping[str, str]
    inventory: Inventory
    locks: Mapping[str, Lock]
    cache: Path | None
    read: Callable[[str, bytes], Lock]
    tell: Callable[[str], None]

    def key(self, path: str) -> str | None:
        """Digest the lock, its inputs and settings, the tool, the interpreter, and what the user has configured.

        None where more decides: what a build tells, a folder of wheels, or a command of the project's own.
        """
        try:
            plan = self._plan(path, upgrade=False)
        except RefusedError:
            return None
        if plan.whole:
            return None
        digest = hashlib.sha256()
        interpreter = self.inventory.interpreter
        decisive = [
            *(path, plan.recipe, plan.tool.identity, plan.arguments),
            *(interpreter.version, sorted(interpreter.environment.items()), sorted(plan.settings.items())),
            sorted((name, self.environ.get(name)) for name in self._named(path)),
        ]
        digest.update(json.dumps(decisive).encode())
        for file in sorted(self._needed(plan.lock, plan.recipe)):
            digest.update(f"\0{file}\0{self._text(file)}".encode(errors="surrogatepass"))
        return digest.hexdigest()

    def attempt(self, path: str) -> Attempt:
        """Compile a lock with itself as preference, and read the result."""
        tool = ""
        try:
            plan = self._plan(path, upgrade=False)
            tool = plan.label
            compiled = self._run(plan)
            lock = self.read(path, compiled.data)
        except RefusedError as error:
            return Attempt(None, str(error), tool)
        if lock.partial:
            return Attempt(None, f"what {plan.tool.label} has written cannot be read: {lock.partial}", tool)
        return Attempt(lock, None, tool, compiled.said)

    def compile(self, path: str) -> Compiled:
        """Run the recorded command of a lock, on copies.

        Raises:
            RefusedError: it is not run, or it fails; with the tool's own last lines.
        """
        return self._run(self._plan(path, upgrade=True), "mending")

    def _plan(self, path: str, *, upgrade: bool) -> _Plan:
        lock = self.locks[path]
        if lock.recipe is None:
            raise RefusedError(f"{lock.unrecorded}: name the command in [[tool.envrepro.locks]]")
        compiler = compiler_of(lock.recipe.tool)
        arguments = compiler.arguments(lock.recipe, upgrade=upgrade)
        compiler.check_target(lock, self.inventory)
        tool = compiler.find(lock.recipe, self.inventory, self.environ)
        settings = {
            name: _digest_of(value)
            for kind in compiler.settings
            for name, value in childenv.settings_of(self.environ, kind).items()
        }
        for file in compiler.config_files(self.environ):
            try:
                settings[os.path.basename(file)] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
            except OSError:
                continue  # As for the tool: it is not there, or may not be read.
        return _Plan(
            lock=lock,
            recipe=lock.recipe,
            compiler=compiler,
            tool=tool,
            arguments=arguments,
            whole=self._needs_whole(lock, lock.recipe, arguments),
            variables=compiler.variables(lock.recipe, self.inventory),
            settings=settings,
        )

    def _needs_whole(self, lock: Lock, recipe: Recipe, arguments: tuple[str, ...]) -> bool:
        """Tell whether more than the files that are known is read: a build looks where it likes."""
        if recipe.tool is None or any(os.path.basename(file) in _PROJECT_FILES for file in lock.inputs):
            return True
        if any(requirement.url and _LOCAL.match(requirement.url) for requirement in lock.stated()):
            return True
        folder = self.files.root / recipe.folder
        words = (word.rpartition("=")[2] for word in arguments)
        if any(word and (folder / word).is_dir() for word in words):
            return True
        return any(_FOLDER.search(self._text(file)) for file in (lock.path, *lock.rests_on))

    def _needed(self, lock: Lock, recipe: Recipe) -> set[str]:
        """Give the files that are read: the lock, its inputs and what they read, and settings beside and above them."""
        files = {lock.path, *lock.rests_on, *lock.inputs}
        for file in (*files, f"{recipe.folder}/x"):
            parent = file
            while "/" in parent:
                parent = parent.rpartition("/")[0]
                files.update(f"{parent}/{name}" for name in _SETTINGS)
        return {file for file in (*files, *_SETTINGS) if self.files.exists(file)}

    def _named(self, path: str) -> set[str]:
        """Give the variables that the files of a lock name."""
        lock = self.locks[path]
        return {name for file in (path, *lock.rests_on) for name in _VARIABLE.findall(self._text(file))}

    def _text(self, file: str) -> str:
        try:
            return self.files.read(file) if self.files.exists(file) else ""
        except LockError:
            return ""

    def _run(self, plan: _Plan, doing: str = "compiling") -> Compiled:
        """Run the tool in a folder of its own, and give what it has written there."""
        path, recipe = plan.lock.path, plan.recipe
        self.tell(f"{doing} {path} with {plan.tool.label}")
        try:
            with workspace(self.cache) as folder:
                root = folder / recipe.above if recipe.above and not os.path.isabs(recipe.above) else folder
                root.mkdir(parents=True, exist_ok=True)
                if plan.whole:
                    copy_tree(self.files.root, root, self.cache)
                else:
                    copy_files(self.files.root, self._needed(plan.lock, recipe), root)
                cwd = folder if root != folder else root / recipe.folder
                cwd.mkdir(parents=True, exist_ok=True)
                argv = (*self._program(plan, root), *plan.arguments)
                environ = {
                    **childenv.for_tools(self.environ, besides=self._named(path)),
                    **plan.variables,
                }
                done = process.run(argv, cwd=cwd, environ=environ, timeout=TIMEOUT)
                said = done.stderr.replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
                if done.returncode:
                    raise RefusedError(f"{plan.tool.label} has failed: {_last_words(said or done.stdout)}")
                return Compiled((root / path).read_bytes(), tuple(_discarded(said)))
        except process.NotStartedError as error:
            raise RefusedError(str(error)) from error
        except process.TimedOutError as error:
            raise RefusedError(f"{plan.tool.label} {error}: {_last_words(error.completed.stderr)}") from error
        except TooLargeError as error:
            raise RefusedError(str(error)) from error
        except FileNotFoundError as error:
            raise RefusedError(f"{plan.tool.label} has written no {path}") from error
        except OSError as error:
            raise RefusedError(f"it cannot be copied: {error}") from error
        except ImportError as error:
            raise RefusedError(f"{error.name} is not installed here: pip install {error.name}") from error

    def _program(self, plan: _Plan, root: Path) -> tuple[str, ...]:
        """Give the program; one of the project's own is that of the copy."""
        first, *rest = plan.tool.argv
        is_own = os.path.dirname(first) and not os.path.isabs(first)
        return (str(root / first) if is_own else first, *rest)


def _discarded(said: str) -> Iterator[str]:
    for line in dict.fromkeys(_DISCARDED.findall(said)):
        yield redact(line.strip())


def _last_words(said: str) -> str:
    """Give the lines of a tool that tell why it has failed, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = list(dict.fromkeys(line for line in lines if _TELLING.match(line))) or lines
    if len(telling) > _FIRST + _LAST:
        telling = [*telling[:_FIRST], *telling[-_LAST:]]
    shown = (line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..." for line in telling)
    return redact(" / ".join(shown)) or "it says nothing"


def _digest_of(value: str) -> str:
    """Digest the value of a variable, with the files that it names (`PIP_CONSTRAINT`); it may hold credentials."""
    digest = hashlib.sha256(value.encode(errors="surrogateescape"))
    for word in value.split():
        if os.path.isfile(word):
            with contextlib.suppress(OSError):
                digest.update(Path(word).read_bytes())
    return digest.hexdigest()
