"""Runs the programs of an environment that lies on this machine: its own alone, and without the developer's settings."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.childenv import WORK, for_tests
from pytest_envrepro.envs.asked import SEPARATORS, Command, LateError, Terms, variables_of
from pytest_envrepro.envs.base import Environment
from pytest_envrepro.errors import RefusedError
from pytest_envrepro.process import NotStartedError, TimedOutError, converse, run
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Unpack

    from pytest_envrepro.conversing import Conversation
    from pytest_envrepro.envs.base import Identity
    from pytest_envrepro.process import Completed

# They change the shell that reads them, and are nothing to run.
_FOR_SHELLS = re.compile(r"(?:de)?activate(?:[._]\w+)*|.*\.(?:dll|pdb)")
_INSTALLERS = {"pip": "pip", "pip3": "pip", "uv": "uv"}
_MOST_NAMED = 12
_FIRST_LINE = re.compile(rb"#![ \t]*(?P<program>[^\s]+)")


class Folders(NamedTuple):
    """Where an environment lies.

    Attributes:
        prefix: the folder of the environment.
        scripts: that of its programs.
        scratch: one of the test's own, which need not be there yet.
    """

    prefix: Path
    scripts: Path
    scratch: Path


class LocalEnvironment(Environment):
    """An environment in a folder of this machine.

    Attributes:
        prefix: its folder.
        scripts: the folder of its programs.
        scratch: the folder that its programs may write to: `work` in it is where they run.
    """

    is_private = False
    python_name = "python"
    ended_with = "the test that it was made for"
    is_held = False

    def __init__(self, folders: Folders, **identity: Unpack[Identity]) -> None:
        super().__init__(**identity)
        self.prefix, self.scripts, self.scratch = folders

    def _python(self) -> str:
        return self.python_name

    def _execute(self, command: Command) -> Completed:
        __tracebackhide__ = True
        folder = self._folder(command.cwd)
        program = self._program(command.program, folder)
        environ = {**self.environ(), **variables_of(command.env)}
        argv = [program, *command.words[1:]]
        try:
            done = run(argv, cwd=folder, environ=environ, timeout=command.timeout, input=command.given)
        except NotStartedError as error:
            raise RefusedError(f"{error}{_why_not_started(program)}") from None
        except TimedOutError as error:
            raise LateError(error.completed._replace(argv=command.words)) from None
        return done._replace(argv=command.words)

    @property
    def place(self) -> str:
        """What tells where it is from all others."""
        return str(self.prefix)

    def terms(self) -> Terms:
        """Give how functions run in it: see `Environment.terms`."""
        __tracebackhide__ = True
        self._refuse_gone()
        return Terms(self.environ(), str(self._folder(None)), is_elsewhere=False, state=self._state())

    def _state(self) -> int | None:
        """Give `Terms.state`."""
        return None

    def converse(self, program: str) -> Conversation:
        """Start its Python with a program: see `Environment.converse`."""
        __tracebackhide__ = True
        folder = self._folder(None)
        python = self._program(self._python(), folder)
        try:
            return converse([python, "-c", program], cwd=folder, environ=self.environ())
        except NotStartedError as error:
            raise RefusedError(f"{error}{_why_not_started(python)}") from None

    def environ(self) -> dict[str, str]:
        """Give the variables that its programs are given, those of its settings among them."""
        given = self.settings.environment if self.settings else {}
        base = for_tests(os.environ, scripts=self.scripts, scratch=self.scratch, is_shared=not self.is_private)
        return {**base, **given}

    def _refuse_gone(self) -> None:
        """Refuse what is asked of an environment that is gone: of an empty folder, all would be true.

        Raises:
            EnvReproError: it is.
        """
        __tracebackhide__ = True
        if not self.prefix.is_dir():
            why = "its folder was removed" if self.is_held else f"it ended with {self.ended_with}"
            raise RefusedError(f"{self.label} is gone: {why} ({self.prefix})")

    def _folder(self, cwd: str | os.PathLike[str] | None) -> Path:
        __tracebackhide__ = True
        folder = self.scratch / WORK if cwd is None else Path(cwd)
        if cwd is None:
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise RefusedError(f"cwd={os.fspath(folder)!r} is no folder")
        return folder.absolute()

    def _program(self, word: str, folder: Path) -> str:
        """Find the program that a word names: in the environment alone.

        Args:
            folder: what a relative path is relative to.
        """
        __tracebackhide__ = True
        self._refuse_gone()
        if word.endswith(SEPARATORS) or any(separator in word for separator in SEPARATORS):
            return self._at(word, folder)
        for name in (word, *(f"{word}{suffix}" for suffix in _suffixes())):
            path = self.scripts / name
            if path.is_file() and not _FOR_SHELLS.fullmatch(name):
                return str(path)
        raise RefusedError(self._no_program(word))

    def _at(self, word: str, folder: Path) -> str:
        """Give a path that lies in the environment; its last part may be a link that leads out, as of its Python."""
        __tracebackhide__ = True
        path = os.path.abspath(folder / word)
        parent = os.path.join(os.path.realpath(os.path.dirname(path)), "")
        if not parent.startswith(os.path.join(os.path.realpath(self.prefix), "")):
            is_script = word.endswith(".py")
            hint = f"run_python({word!r}) gives it to its Python" if is_script else "subprocess.run() is for all else"
            raise RefusedError(
                f"{word} is outside of {self.label} ({self.prefix}), and run() starts what is inside: {hint}"
            )
        return path

    def _no_program(self, word: str) -> str:
        """Say that there is no such program, what there is, and what to do."""
        if word in _INSTALLERS:
            how = "install() needs none" if self.is_private else "install() of a throwaway environment needs none"
            return f"there is no {word} in {self.label}: name {_INSTALLERS[word]} in its requirements to have it; {how}"
        said = [f"there is no program '{word}' in {self.label}{_instead(word, sorted(set(self._programs())))}"]
        outside = shutil.which(word)
        if outside:
            said.append(f"{outside} is outside, and run() starts what is inside alone")
        how = f"install('{word}')" if self.is_private else "install() of a throwaway environment"
        said.append(f"name the package that provides it in its requirements, or use {how}")
        return "; ".join(said)

    def _programs(self) -> Iterator[str]:
        suffixes = _suffixes()
        try:
            entries = sorted(os.listdir(self.scripts))
        except OSError:
            return
        for name in entries:
            if not _FOR_SHELLS.fullmatch(name) and os.access(self.scripts / name, os.X_OK):
                root, suffix = os.path.splitext(name)
                yield root if suffix.lower() in suffixes else name


def _instead(word: str, known: list[str]) -> str:
    """Say what may have been meant; of many programs, some."""
    told = did_you_mean(word, known)
    if "did you mean" in told or len(known) <= _MOST_NAMED:
        return told
    return f" (known: {', '.join(known[:_MOST_NAMED])}, and {len(known) - _MOST_NAMED} more)"


def _suffixes() -> tuple[str, ...]:
    """Give what programs' names may end in without it being said: nothing, but on Windows."""
    return tuple(os.environ.get("PATHEXT", "").lower().split(os.pathsep)) if os.name == "nt" else ()


def _why_not_started(program: str) -> str:
    """Say what is wrong with a script whose interpreter is not there; the system blames the script itself."""
    try:
        with open(program, "rb") as file:
            match = _FIRST_LINE.match(file.read(4096))
    except OSError:
        return ""
    interpreter = os.fsdecode(match["program"]) if match else ""
    return f" (its first line names {interpreter})" if interpreter and not os.path.exists(interpreter) else ""
