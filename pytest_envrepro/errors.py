"""What can go wrong, in the words of the person who can mend it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.process import Completed


_LONGEST = 500  # Characters of a command, in a message.
_SPECIAL = frozenset('"$`\\!')  # To a shell, between double quotes.
# The end of a stream, in a message.
_MOST_LINES = 40
_MOST_CHARACTERS = 6000


class EnvReproError(Exception):
    """The root of every error that this package raises on purpose."""


class SettingsError(EnvReproError):
    """The configuration, or what was asked on the command line, cannot be followed.

    The message is complete: what is wrong, where, and what to write instead.
    """


class LockError(EnvReproError):
    """A lock or an input cannot be read.

    Attributes:
        file: the path, relative to the root, with forward slashes.
        line: the line, counted from 1, or None where the fault has none.
        message: the fault alone, without the place.
    """

    def __init__(self, file: str, line: int | None, message: str) -> None:
        self.file = file
        self.line = line
        self.message = message
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")


class InterpreterNotFound(EnvReproError):  # noqa: N818  # Is public, and named so since before it was written.
    """There is no Python on this machine that was asked for; the message says which ones there are.

    Attributes:
        found: their versions, where that is known.
        message: what there is none of, in a line.
        table: what there is, in lines.
        advice: what to do, in a line; may be empty.
        fix: the command that installs it; may be empty.
    """

    def __init__(
        self,
        message: str,
        *,
        found: Iterable[str] = (),
        table: Iterable[str] = (),
        advice: str = "",
        fix: str = "",
        is_brief: bool = False,
    ) -> None:
        self.message = message
        self.found = tuple(dict.fromkeys(found))
        self.table = tuple(table)
        self.advice = advice
        self.fix = fix
        super().__init__(self.line if is_brief else "\n".join([message, *self.table, *filter(None, [advice])]))

    @property
    def line(self) -> str:
        """The message with the versions that there are and the advice, without where they are."""
        there = f" (on this machine: {', '.join(self.found)})" if self.found else ""
        return f"{self.message}{there}{f': {self.advice}' if self.advice else ''}"

    def again(self, *, by: str = "", is_brief: bool = False) -> InterpreterNotFound:
        """Give another one of the same, which has a traceback of its own.

        Args:
            by: who asks for it.
            is_brief: whether its text is the line alone: the table is told elsewhere.
        """
        message = f"{self.message}, which {by} asks for" if by else self.message
        parts = {"found": self.found, "table": self.table}
        return InterpreterNotFound(message, **parts, advice=self.advice, fix=self.fix, is_brief=is_brief)


class BuildError(EnvReproError):
    """An environment cannot be made of its settings; the message says what failed, and what was asked for it.

    Attributes:
        message: that, without what is shown below it.
        listing: what it was made by, in lines; empty where there is nothing to show.
    """

    def __init__(self, message: str, *, listing: str = "") -> None:
        self.message = message
        self.listing = listing
        super().__init__("\n".join(filter(None, [message, listing])))

    def again(self) -> BuildError:
        """Give the same for one more who asks: what was shown already is not shown again."""
        return BuildError(
            self.message, listing=self.listing and "  the Dockerfile: see the first test that asked for it"
        )


class RefusedError(EnvReproError):
    """An environment cannot do what was asked of it; the message says why, and what to do instead."""


class CommandFailed(EnvReproError):  # noqa: N818  # The same.
    """A program in an environment has ended with another status than 0; the message holds the ends of both streams.

    Attributes:
        completed: the command, its status, and all of its output.
        environment: where it ran, for people: `environment 'client'`; may be empty.
    """

    def __init__(self, completed: Completed, environment: str = "", why: str = "") -> None:
        self.completed = completed
        self.environment = environment
        how = f"{ended(completed.returncode)}{why}"
        super().__init__(f"{_shown(completed, environment)} {how}{_streams(completed)}")


class CommandTimeout(EnvReproError):  # noqa: N818  # The same.
    """A program in an environment took too long, and was ended with all that it had started.

    Attributes:
        completed: the command, and what it had written until then.
        timeout: in seconds.
        environment: where it ran, for people: `environment 'client'`; may be empty.
    """

    def __init__(self, completed: Completed, timeout: float, environment: str = "") -> None:
        self.completed = completed
        self.timeout = timeout
        self.environment = environment
        said = f"took longer than timeout={timeout:g} seconds, and was ended with all that it had started"
        super().__init__(f"{_shown(completed, environment)} {said}{_streams(completed)}")


def _shown(completed: Completed, environment: str) -> str:
    """Write a command as it would be typed, and where it ran."""
    command = typed(completed.argv)
    shown = command if len(command) <= _LONGEST else f"{command[:_LONGEST]}..."
    return f"{shown} in {environment}" if environment else shown


def typed(argv: Iterable[str]) -> str:
    """Write a command as a person would type it."""
    return " ".join(map(_quoted, argv))


def _quoted(word: str) -> str:
    """Quote a word for a shell as a person would: code in single quotes is hard to read in single quotes."""
    return f'"{word}"' if "'" in word and not _SPECIAL.intersection(word) else shlex.quote(word)


def ended(returncode: int) -> str:
    """Say how a program has ended: `ended with 1`, `was ended by SIGKILL`."""
    if returncode >= 0:
        return f"ended with {returncode}"
    import signal  # noqa: PLC0415  # Is needed for a program that crashed alone.

    try:
        return f"was ended by {signal.Signals(-returncode).name}"
    except ValueError:  # One that Python has no name for.
        return f"was ended by signal {-returncode}"


def _streams(completed: Completed) -> str:
    shown = _stream("standard output", "stdout", completed.stdout) + _stream(
        "standard error", "stderr", completed.stderr
    )
    return shown or ", and wrote nothing"


def _stream(name: str, attribute: str, text: str) -> str:
    """Give the end of what was written, where errors stand; the whole of it would push all else off the screen."""
    whole = text.rstrip()
    if not whole:
        return ""
    lines = whole.split("\n")
    end = "\n".join(lines[-_MOST_LINES:])[-_MOST_CHARACTERS:]
    if end == whole:
        return f"\n{name}:\n{end}"
    return f"\n{name}, the end of {len(lines):,} lines, {len(whole):,} characters (all: .completed.{attribute}):\n{end}"
