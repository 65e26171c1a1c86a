"""The options that are run from a lock's header: those on a list, with values that cannot do harm.

A header is untrusted: whoever opens a pull request can write one. It may choose what is compiled, from files of this
project; it may not write elsewhere, read elsewhere, start a program, or say anything that the list does not know. Where
it says to write is not even read: the output is always the lock.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.compilers.base import RefusedError
from pytest_envrepro.credentials import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.provenance import Recipe

_ABSOLUTE = re.compile(r"/|~|[A-Za-z][A-Za-z0-9+.-]*:")  # Also a drive, and the scheme of a URL.
_REMOTE = re.compile(r"(?:[\w-]+=)?https?://[^\s,]+", re.IGNORECASE)  # uv: `NAME=URL`; and lists within one value.
_NAMED = re.compile(r"[\w-]+=")
_PYTHON = re.compile(r"(?:cpython|pypy|python)?@?\d+(?:\.\d+){0,2}", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f]")
_FOR_SHELLS = re.compile(r"\$\(|`")
_FOR_SHELLS_IN_PATHS = re.compile(r"[$;|&<>*?]")
_OUTPUTS = ("-o", "--output-file")


class Where(NamedTuple):
    """Where a command runs, as `Recipe` has it, and the lock, from there."""

    folder: str
    above: str
    lock: str

    @classmethod
    def of(cls, recipe: Recipe, path: str) -> Where:
        """Take it from a recipe and the path of its lock.

        Raises:
            RefusedError: the command ran where nobody can tell how the project lies from there.
        """
        above = recipe.above
        where = cls(recipe.folder, above, _from(recipe.folder, path))
        if not above or where.is_elsewhere:
            return where
        if ".." in above.split("/"):
            raise RefusedError(f"its command names the project as '{above}', which leads out of every copy of it")
        return where._replace(lock=f"{above}{path}")

    @property
    def is_elsewhere(self) -> bool:
        """Whether the command names the project by an absolute path, which may be one of another machine."""
        return _is_absolute(self.above)

    def within(self, path: str) -> str:
        """Give a path of the project, as it has to be written here.

        Raises:
            ValueError: it leads out of the project.
        """
        clean = path.replace("\\", "/")
        if self.is_elsewhere:
            is_named = clean.startswith(self.above)
            whole = posixpath.normpath(clean[len(self.above) :] if is_named else posixpath.join(self.folder, clean))
            _refuse_outside(whole)
            return _from(self.folder, whole) if is_named else path
        whole = posixpath.normpath(posixpath.join("" if self.above else self.folder, clean))
        _refuse_outside(whole)
        if not f"{whole}/".startswith(self.above):
            raise ValueError("leads out of this project")
        return path


def _is_absolute(path: str) -> bool:
    return _ABSOLUTE.match(path) is not None


def _refuse_outside(whole: str) -> None:
    if _is_absolute(whole) or whole == ".." or whole.startswith("../"):
        raise ValueError("leads out of this project")


def _from(folder: str, path: str) -> str:
    """Give a path that is relative to the root, from a folder below the root."""
    return posixpath.relpath(f"/{path}", f"/{folder}")


class Allowed(NamedTuple):
    """What a tool may be told by a header.

    Attributes:
        flags: the options without a value.
        values: the options with one, each with what looks at the value, gives it back, or raises a ValueError.
    """

    flags: frozenset[str]
    values: Mapping[str, Callable[[str, Where], str]]


def text(value: str, where: Where) -> str:  # noqa: ARG001  # As all of these.
    """Take any text: the option does nothing but choose."""
    if _CONTROL.search(value):
        raise ValueError("holds a control character")
    return value


def file(value: str, where: Where) -> str:
    """Take a file of the project."""
    if _FOR_SHELLS_IN_PATHS.search(value):
        raise ValueError("holds what only a shell understands")
    if value.startswith("-"):
        raise ValueError("reads standard input, or is an option after all")
    return where.within(value)


def output(value: str, where: Where) -> str:  # noqa: ARG001  # As all of these.
    """Write the lock, wherever the command says."""
    return where.lock


def place(value: str, where: Where) -> str:
    """Take a URL of the network, or a folder of the project; one of them, since uv takes lists."""
    if _REMOTE.fullmatch(value):
        return text(value, where)
    if re.search(r"[\s,]", value):
        raise ValueError("holds more than one place")
    named = _NAMED.match(value)
    name, url = (named[0], value[named.end() :]) if named else ("", value)
    return f"{name}{file(url, where)}"


def group(value: str, where: Where) -> str:
    """Take a dependency group, with or without the file that it stands in."""
    path, colon, name = value.rpartition(":")
    return f"{file(path, where)}:{name}" if colon else text(value, where)


def python(value: str, where: Where) -> str:  # noqa: ARG001  # As all of these.
    """Take a version of Python: a path would start a program."""
    if not _PYTHON.fullmatch(value):
        raise ValueError("names no version of Python")
    return value


def looked_at(words: Iterable[str], where: Where, allowed: Allowed, *, inside: str = "") -> Iterator[str]:
    """Give the words of a command again, each of them looked at.

    Args:
        words: what follows the program.
        inside: the option that these words are the value of, where they are; there are no inputs then.

    Raises:
        RefusedError: something is not on the lists.
    """
    rest = iter(words)
    for word in rest:
        if _FOR_SHELLS.search(word):
            raise refused(f"{inside}{word}", "holds what only a shell understands")
        option, value = _parted(word, allowed.values)
        if (option in allowed.flags and value is None) or _is_cluster(word, allowed):
            yield word
        elif option in allowed.values and value is not None:
            equals = "=" if option.startswith("--") else ""
            yield f"{option}{equals}{_checked(f'{inside}{word}', value, allowed.values[option], where)}"
        elif option in allowed.values:
            value = next(rest, "")
            yield option
            yield _checked(f"{inside}{option} {value}", value, allowed.values[option], where)
        elif word == "--" and not inside:
            yield word
            yield from (_checked(path, path, file, where) for path in rest)
        elif (word.startswith("-") and word != "-") or inside:
            raise refused(f"{inside}{word}", "is not on the list of what is run from a header")
        else:
            yield _checked(word, word, file, where)


def trusted(words: Iterable[str], where: Where) -> Iterator[str]:
    """Give the words of a command in the table again: as they are, but that the project is the copy."""
    rest = iter(words)
    for word in rest:
        option, value = _parted(word, _OUTPUTS)
        if option in _OUTPUTS:
            if value is None:
                next(rest, None)
            yield f"--output-file={where.lock}"
            continue
        name, equals, tail = word.partition("=") if word.startswith("--") else ("", "", word)
        if where.is_elsewhere and tail.startswith(where.above):
            tail = _from(where.folder, posixpath.normpath(tail[len(where.above) :] or "."))
        yield f"{name}{equals}{tail}"


def _parted(word: str, values: Iterable[str]) -> tuple[str, str | None]:
    """Part an option from a value that is joined to it: `--extra=dev`, `-orequirements.txt`, and uv's `-o=FILE`."""
    if word.startswith("--"):
        option, has_value, value = word.partition("=")
        return option, value if has_value else None
    if word[:2] in values and len(word) > 2:  # noqa: PLR2004  # `-o`.
        return word[:2], word[2:].removeprefix("=")
    return word, None


def _is_cluster(word: str, allowed: Allowed) -> bool:
    """Tell whether a word is some flags of one letter: `-qq`."""
    letters = word[1:]
    return word[:1] == "-" != letters[:1] and bool(letters) and all(f"-{each}" in allowed.flags for each in letters)


def _checked(shown: str, value: str, kind: Callable[[str, Where], str], where: Where) -> str:
    try:
        return kind(value, where)
    except ValueError as error:
        raise refused(shown, str(error)) from error


def refused(shown: str, why: str) -> RefusedError:
    """Say that a header's command is not run, and how to have it run all the same."""
    return RefusedError(
        f"the command in its header is not run: '{redact(shown)}' {why}; "
        "if it is meant, name it as 'command' in [[tool.envrepro.locks]]"
    )


def values(arguments: Iterable[str]) -> Iterator[str]:
    """Give all that may be a path in some arguments."""
    for word in arguments:
        yield word.partition("=")[2] if word.startswith("--") else word[2:] if word.startswith("-") else word
