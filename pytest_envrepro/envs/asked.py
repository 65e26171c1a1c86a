"""What tests ask of an environment, checked before anything is done: the words of a command, variables, requirements."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import RefusedError
from pytest_envrepro.requirementlines import parse_listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_envrepro.process import Completed

SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))  # Of the paths of this machine.


class Command(NamedTuple):
    """A command, as a test asks for it; nothing but its words is checked yet.

    Attributes:
        words: the command, as it is shown.
        program: what is started, with all but the first of the words.
        cwd, env, timeout: as of `Environment.run`.
        given: what it reads from its standard input.
    """

    words: tuple[str, ...]
    program: str
    cwd: str | os.PathLike[str] | None
    env: Mapping[str, str]
    given: str | None
    timeout: float | None


class Terms(NamedTuple):
    """How a function runs in an environment.

    Attributes:
        environ: its variables; None for those of the program that runs it.
        cwd: its folder.
        is_elsewhere: whether its files are others than this machine's.
        state: is another one when something was installed there since; None where that cannot be.
    """

    environ: Mapping[str, str] | None
    cwd: str
    is_elsewhere: bool
    state: int | None = None


class LateError(Exception):
    """A command took too long, and was ended.

    Attributes:
        completed: what it had come to.
    """

    def __init__(self, completed: Completed) -> None:
        super().__init__()
        self.completed = completed


def words_of(argv: tuple[object, ...], *, separators: Sequence[str] = SEPARATORS) -> tuple[str, ...]:
    """Check the words of a command.

    Args:
        separators: what tells a path from the name of a program.

    Raises:
        TypeError: they are none.
    """
    __tracebackhide__ = True
    if not argv:
        raise TypeError("run() needs the name of a program")
    if len(argv) == 1 and isinstance(argv[0], (list, tuple)):
        raise TypeError(f"run() takes each word by itself: run({_listed(argv[0])})")
    words = []
    for each in argv:
        word = os.fspath(each) if isinstance(each, (str, os.PathLike)) else None
        if not isinstance(word, str):
            raise TypeError(f"run() takes strings and paths, not {each!r}")
        words.append(word)
    if not words[0]:
        raise TypeError("run() needs the name of a program, not an empty string")
    if " " in words[0] and len(words) == 1 and not any(each in words[0] for each in separators):
        raise TypeError(f"run() takes each word by itself, and uses no shell: run({_listed(words[0].split())})")
    return tuple(words)


def _listed(words: Sequence[object]) -> str:
    return ", ".join(map(repr, words))


def check_terms(given: object, timeout: object) -> None:
    """Check what a command is to read, and how long it may take.

    Raises:
        TypeError: that is no text; or no number of seconds.
    """
    __tracebackhide__ = True
    if isinstance(given, (bytes, bytearray)):
        raise TypeError(f"input has to be a string, which is written as UTF-8, not bytes: {bytes(given)!r}.decode()")
    if given is not None and not isinstance(given, str):
        raise TypeError(f"input has to be a string, not {given!r}")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float)):
        raise TypeError(f"timeout has to be a number of seconds, or None for never, not {timeout!r}")


def variables_of(env: Mapping[str, str]) -> Mapping[str, str]:
    """Check variables for a command.

    Raises:
        TypeError: a value is no string.
    """
    __tracebackhide__ = True
    for name, value in env.items():
        if not isinstance(value, str):
            raise TypeError(f"env: the value of {name} has to be a string, not {value!r}")
    return env


def requirements_of(requirements: tuple[object, ...]) -> tuple[str, ...]:
    """Check what is to be installed.

    Raises:
        TypeError: these are no requirements.
        EnvReproError: one of them is an option, or is malformed.
    """
    __tracebackhide__ = True
    words = tuple(each for each in requirements if isinstance(each, str))
    if not words or len(words) != len(requirements):
        raise TypeError("install() takes requirements: install('flask>=3', 'click')")
    options = [each for each in words if each.lstrip().startswith("-")]
    if options:
        raise RefusedError(f"install() takes requirements, and no options: {options[0]!r}")
    for each in words:
        try:
            parse_listed(each)
        except ValueError as error:
            raise RefusedError(f"install(): '{redact(each)}' is not a requirement (PEP 508): {error}") from None
    return words


def is_shared(label: str, name: str | None, requirements: Sequence[str], fixture: str) -> RefusedError:
    """Give the error for an environment that is not to be changed, with what to do instead."""
    named = f"environments.throwaway('{name}')" if name else "environments.throwaway(...)"
    return RefusedError(
        f"{label} is shared with other tests and is not changed: name {', '.join(requirements)} in its "
        f"requirements, or install into one of the test's own, which {fixture} and {named} give"
    )
