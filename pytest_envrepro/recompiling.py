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
from pytest_envrepro.childenv import for_tools, settings_of
from pytest_envrepro.compilers import RefusedError, compiler_of, keeping
from pytest_envrepro.compiling import Originals, Plan, compile_copies, uv_settings_above
from pytest_envrepro.digests import digest_of_file, digest_of_setting
from pytest_envrepro.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.compilers import Compiler
    from pytest_envrepro.compiling import Compiled
    from pytest_envrepro.files import Files
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe

# Where tools look for their settings, beside the inputs and above them.
_SETTINGS = ("pyproject.toml", ".pip-tools.toml", "uv.toml", "poetry.toml", "pdm.toml")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
# Without braces pipenv and conda-lock take one for a variable too, in the URL of a source, a channel or a package; in
# other texts, such as a script, it is a shell's.
_SOURCE = re.compile(r"""\w://[^\s"']+|(?:^|[\s{,])["']?url["']?\s*[=:]\s*["']?(?=\$)[^\s"']+""", re.MULTILINE)
_BARE = re.compile(r"\$([A-Z_][A-Z0-9_]*)")
# An option in a requirements file that names a folder beside it.
_FOLDER = re.compile(r"^\s*(?:-f|-i|--(?:find-links|index-url|extra-index-url))[ =]*(?!\w+:)", re.MULTILINE)
_LOCAL = re.compile(r"file:|\.|/|(?!\w+\+?\w*:)")


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

        None where more decides: what a build tells, a folder of wheels, a file at a URL, a command of the project's own, or
        a tool that nothing tells from another version of it.
        """
        try:
            plan = self._plan(path, mending=False)
        except RefusedError:
            return None
        if plan.whole or plan.lock.unread is not None or not plan.tool.identity:
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
        for above in uv_settings_above(self.files.root):
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
        return Attempt(lock, None, label, tuple(f"{name} says: {line}" for line in compiled.said), left=compiled.left)

    def compile(self, path: str) -> Compiled:
        """Run the recorded command of a lock, on copies.

        Raises:
            RefusedError: it is not run, or it fails; with the tool's own last lines.
        """
        return self._run(self._plan(path, mending=True))

    def _plan(self, path: str, *, mending: bool) -> Plan:
        lock = self.locks[path]
        if lock.partial is not None:
            # A tool would start from nothing, and upgrade everything.
            raise RefusedError(f"{lock.partial}: take a whole version of it first (git checkout HEAD -- {path})")
        if lock.recipe is None and lock.unread is not None:
            raise RefusedError(lock.unread)
        if lock.recipe is None:
            raise RefusedError(f"{lock.unrecorded}: name the command in [[tool.envrepro.locks]]")
        compiler = compiler_of(lock.recipe.tool)
        recipe = lock.recipe if mending or not lock.recipe.is_trusted else keeping(lock.recipe)
        arguments = compiler.arguments(recipe, path, mending=mending)
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
        return Plan(lock, lock.recipe, compiler, tool, arguments, whole, environ, settings, mending)

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

    def _needed(self, plan: Plan) -> set[str]:
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
        found: set[str] = set()
        for file in (path, *self.locks[path].rests_on):
            text = self._text(file)
            if "$" in text:
                plain = _COMMENT.sub("", text)
                found.update(_VARIABLE.findall(plain), *map(_BARE.findall, _SOURCE.findall(plain)))
        return found

    def _text(self, file: str) -> str:
        try:
            return self.files.read(file) if self.files.exists(file) else ""
        except LockError:
            return ""

    def _run(self, plan: Plan) -> Compiled:
        if self.offline:
            raise RefusedError(f"{plan.tool.label} would ask an index, and this session is offline")
        self.tell(f"{'mending' if plan.mending else 'compiling'} {plan.lock.path} with {plan.tool.label} ...")
        originals = Originals(self.files.root, self._needed(plan), self._text(plan.lock.path), self.cache)
        return compile_copies(plan, originals)
