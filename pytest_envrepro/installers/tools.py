"""The programs that resolve and install: the ports of their kinds, and how they are started."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pytest_envrepro.childenv import with_temporary
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import BuildError, SettingsError, ended
from pytest_envrepro.process import Completed, NotStartedError, TimedOutError, run
from pytest_envrepro.settingkeys import HIGHEST
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.installers.pinning import Pinned
    from pytest_envrepro.interpreter import Python

TIMEOUT = 1800.0  # Seconds. A cold installation of large wheels takes minutes.
PYTHON = "{python}"  # Stands for the interpreter, in the words that start a program.
_SHOWN = 15  # Lines of what a tool has said.
# Nobody listens there: what would touch the network fails at once.
_NOWHERE = "http://127.0.0.1:9"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
# As `-m`, but that the folder it runs in is not searched, and that the module is found where it is found here, which may
# be a folder of PYTHONPATH or the user's site-packages.
_START = (
    "import runpy, sys; folder, name = sys.argv[1:3]; del sys.argv[1:3]; sys.path.append(folder); "
    "runpy.run_module(name, run_name='__main__', alter_sys=True)"
)
# Its calls are of no use to anybody but its own developers; that of a package that is built is indented, and stays.
_TRACEBACK = re.compile(r"^Traceback .*\n(?:[ \t].*\n)*|^(?:During handling of|The above exception).*\n", re.MULTILINE)
_CHATTER = re.compile(
    r"\s*(?:\[?notice|Looking in (?:links|indexes):|Resolving dependencies|Using Python|Processing |INFO: |pip\._vendor\."
    r"|To fix this you could|\d\. (?:loosen|remove) |Ignoring indexes|Using (?:links|indexes):|ROUND \d+\s*$"
    r"|(?:file|https?)://\S+$)"
)


class MissingToolError(Exception):
    """A tool is not here, or cannot do this; the text says why."""


class Program(NamedTuple):
    """A tool, as it is installed here.

    Attributes:
        label: name and version, for people.
        version: empty where only starting it would tell.
        argv: how it is started; `{python}` stands for the interpreter that it works for.
    """

    label: str
    version: str
    argv: tuple[str, ...]

    def command(self, python: str, *words: str) -> tuple[str, ...]:
        """Give the words that start it for an interpreter."""
        return tuple(python if word == PYTHON else word for word in (*self.argv, *words))


class Call(NamedTuple):
    """Where and how programs are started.

    Attributes:
        folder: an empty one of their own, which they run in.
        environ: their variables, chosen by `childenv`.
        resolving: whether versions are still to be chosen.
        timeout: of each, in seconds.
    """

    folder: Path
    environ: Mapping[str, str]
    offline: bool = False
    resolving: bool = False
    timeout: float = TIMEOUT


class Question(NamedTuple):
    """What is to be resolved: requirements files, together, within constraints; into a file, with options of settings.

    Attributes:
        resolution: which of the versions that are allowed: one of the resolver's `resolutions`.
    """

    files: tuple[str, ...]
    constraints: tuple[str, ...]
    output: str
    arguments: tuple[str, ...] = ()
    resolution: str = HIGHEST


class Arguments(NamedTuple):
    """The options of a tool that settings may add: what chooses among files, and nothing that says where they go.

    Attributes:
        online: those of them that would undo what keeps the tool off the network.
    """

    flags: frozenset[str]
    values: frozenset[str]
    online: frozenset[str] = frozenset()

    def offline(self, words: Sequence[str]) -> tuple[str, ...]:
        """Leave out, of words that were checked, what would undo `--env-offline`."""
        kept, rest = [], iter(words)
        for word in rest:
            option, equals, _ = word.partition("=")
            if option in self.online:
                _ = None if equals else next(rest, None)
            else:
                kept.append(word)
                kept += [next(rest)] if word in self.values else []
        return tuple(kept)

    def checked(self, words: Sequence[str], tool: str) -> tuple[str, ...]:
        """Give the words back.

        Raises:
            SettingsError: one of them is not on the list.
        """
        rest = iter(words)
        refused = []
        for word in rest:
            option, equals, _ = word.partition("=")
            is_joined = equals and option.startswith("--") and option in self.values
            if word in self.values:
                if next(rest, None) is None:
                    raise SettingsError(f"installer-args: '{word}' needs a value")
            elif word not in self.flags and not is_joined:
                refused.append(word)
        if refused:
            raise SettingsError(self._refusal(refused, tool))
        return tuple(words)

    def _refusal(self, words: Sequence[str], tool: str) -> str:
        """Say which words a tool may not be told; what follows one without a dash may be its value, and goes with it."""
        allowed = sorted(each for each in self.flags | self.values if each.startswith("--"))
        others = [redact(word) for word in words[1:] if word.startswith("-")]
        first = f"installer-args: '{redact(words[0])}' is not among what {tool} may be told here"
        also = f"; nor is {', '.join(map(repr, others))}" if others else ""
        hints = [hint for word in words if (hint := _meant(word.partition("=")[0], allowed))]
        return f"{first}. It may be: {', '.join(allowed)}{also}{''.join(hints)}"


def _meant(option: str, known: Sequence[str]) -> str:
    """Say which option may have been meant: a longer one, or one that is written much the same."""
    longer = [each for each in known if option.startswith("--") and each.startswith(option)]
    told = f"'{longer[0]}'" if len(longer) == 1 else did_you_mean(option, known)
    if len(longer) != 1 and "did you mean" not in told:
        return ""
    _, near, _ = told.split("'")
    return f"; did you mean '{near}' by '{redact(option)}'?"


class Resolver(Protocol):
    """A tool that chooses versions.

    Attributes:
        resolutions: which of those that are allowed it can choose, in uv's words.
    """

    name: str
    resolutions: frozenset[str]

    def find(self, python: Python, environ: Mapping[str, str]) -> Program:
        """Find it, for an interpreter.

        Raises:
            MissingToolError: it is not here, or cannot resolve for this interpreter.
        """

    def resolving(self, question: Question) -> tuple[str, ...]:
        """Give what it is told; `{python}` stands for the interpreter."""

    def options(self, call: Call) -> tuple[str, ...]:
        """Give what it is told besides, whatever it does."""

    def variables(self, call: Call) -> Mapping[str, str]:
        """Give the variables that it needs besides the user's; settings of theirs that mislead it are set aside."""

    def read(self, text: str, environment: Mapping[str, str]) -> tuple[Pinned, ...]:
        """Read what it has written."""


class Installer(Protocol):
    """A tool that installs and builds wheels."""

    name: str
    arguments: Arguments

    def find(self, python: Python, environ: Mapping[str, str]) -> Program:
        """Find it, for an interpreter.

        Raises:
            MissingToolError: it is not here, or does not know this interpreter.
        """

    def installing(self, *, hashed: bool) -> tuple[str, ...]:
        """Give what it is told before what is to be installed: pins, and nothing besides."""

    def adding(self) -> tuple[str, ...]:
        """Give what it is told before requirements that it resolves itself, over what is there already."""

    def wheeling(self, source: str, output: str) -> tuple[str, ...]:
        """Give what it is told to build a project's wheel into a folder."""

    def options(self, call: Call) -> tuple[str, ...]:
        """Give what it is told besides, whatever it does."""

    def variables(self, call: Call) -> Mapping[str, str]:
        """Give the variables that it needs besides the user's; settings of theirs that mislead it are set aside."""


def offline_variables() -> dict[str, str]:
    """Give the variables that keep well-behaved programs off the network: those of tools, and a proxy that is none.

    A program that opens sockets itself, or an SSH of version control other than git, takes no notice of them.
    """
    proxies = {name: _NOWHERE for upper in _PROXIES for name in (upper, upper.lower())}
    tools = {"UV_OFFLINE": "1", "CONDA_OFFLINE": "1", "GIT_ALLOW_PROTOCOL": "file", "PIP_RETRIES": "0"}
    return {**proxies, **tools, "PIP_PROXY": _NOWHERE, "NO_PROXY": "", "no_proxy": ""}


def here(module: str) -> tuple[str, ...]:
    """Give the words that run a module of this Python, wherever it was found, and nothing of the current folder.

    Raises:
        MissingToolError: it is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingToolError(f"{module} is not installed here")
    return (sys.executable, "-I", "-c", _START, os.path.dirname(os.path.dirname(spec.origin)), module)


def start(argv: Sequence[str], call: Call, *, doing: str, variables: Mapping[str, str] | None = None) -> Completed:
    """Run a program to its end, whatever that is.

    Args:
        doing: for messages: `installing`.

    Raises:
        BuildError: it cannot be started, or takes too long.
    """
    environ = with_temporary({**call.environ, **(variables or {})}, call.folder)
    try:
        return run(argv, cwd=call.folder, environ=environ, timeout=call.timeout)
    except NotStartedError as error:
        raise BuildError(f"{doing}: {error}") from error
    except TimedOutError as error:
        raise BuildError(f"{doing}: it {error}{told(error.completed)}") from error


def told(completed: Completed) -> str:
    """Give the command and the last lines of what it said, to stand below a message."""
    said = [f"    {line}" for line in last_lines(completed)] or ["    nothing"]
    command = redact(shlex.join(_shortened(completed.argv)))
    killed = f"{ended(completed.returncode)}, and had " if completed.returncode < 0 else ""
    return "\n".join(["", f"  the command: {command}", f"  it {killed}said:", *said])


def last_lines(completed: Completed) -> Iterator[str]:
    """Give the last lines of what a program said, without its own tracebacks and without credentials."""
    said = _TRACEBACK.sub("", f"{completed.stdout}\n{completed.stderr}")
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not _CHATTER.match(line)]
    for line in lines[-_SHOWN:]:
        yield redact(line)


def _shortened(argv: Sequence[str]) -> list[str]:
    """Write `python -m NAME` for the way in which modules of ours are started."""
    if _START in argv:
        index = list(argv).index(_START)
        return [argv[0], "-m", argv[index + 2], *argv[index + 3 :]]
    return list(argv)
