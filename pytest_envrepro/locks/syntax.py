"""The syntax of requirements files: text to statements, with line numbers, hashes and comments.

The rules are those of pip 26 (`pip._internal.req.req_file`): physical lines are joined at a trailing backslash, a
comment starts at a `#` after white space, `${NAME}` is expanded, and what begins with `-` is an option. Beyond pip, the
comments are kept, since compilers write there why a package is pinned.
"""

from __future__ import annotations

import optparse
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMMENT = re.compile(r"(?:^|\s+)#(.*)$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?:\s|$)|={7}$")
_PLAIN_HASH = re.compile(r"--hash=(\w+:[0-9a-fA-F]+)")
_HASH = re.compile(r"(\w+):([0-9a-fA-F]+)")
_DIGEST_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A requirement as it stands: the text without its options, the options' values, the comments after it.

    Attributes:
        text: the requirement, variables expanded.
        raw: the same, as written.
    """

    line: int
    text: str
    raw: str
    editable: bool = False
    hashes: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Include:
    """`-r PATH` or `-c PATH`; the path is relative to the file that it stands in, and may be a URL."""

    line: int
    path: str
    constraint: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """An option that concerns the whole file and has a value: `--index-url URL`, `--find-links PATH`."""

    line: int
    option: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A line that cannot be read, with the reason."""

    line: int
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A requirements file, statement by statement.

    Attributes:
        header: the comment lines before the first statement, without their `#`.
        loose: comment lines that belong to no requirement, without their `#`.
        conflicts: the lines on which a merge conflict begins.
    """

    entries: tuple[Entry, ...] = ()
    includes: tuple[Include, ...] = ()
    settings: tuple[Setting, ...] = ()
    faults: tuple[Fault, ...] = ()
    header: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    conflicts: tuple[int, ...] = ()


@dataclass(kw_only=True, slots=True)
class _Logical:
    """A logical line under construction."""

    number: int
    text: str
    comments: list[str] = field(default_factory=list)
    cut: bool = False


def read(text: str, environ: Mapping[str, str]) -> Document:
    """Read a requirements file.

    Args:
        text: the whole file, decoded.
        environ: the environment variables that `${NAME}` may name.
    """
    conflicts = _merge_conflicts(text)
    if conflicts:
        return Document(conflicts=conflicts)
    header: list[str] = []
    loose: list[str] = []
    statements: list[Entry | Include | Setting | Fault] = []
    for logical in _join(text, header, loose):
        statements.extend(_interpret(logical, environ))
    return Document(
        entries=tuple(item for item in statements if isinstance(item, Entry)),
        includes=tuple(item for item in statements if isinstance(item, Include)),
        settings=tuple(item for item in statements if isinstance(item, Setting)),
        faults=tuple(item for item in statements if isinstance(item, Fault)),
        header=tuple(header),
        loose=tuple(loose),
    )


def _merge_conflicts(text: str) -> tuple[int, ...]:
    """Give the line of each merge conflict: where it begins or, of one half resolved, the first mark left."""
    if "<<<<<<<" not in text and ">>>>>>>" not in text and "=======" not in text:
        return ()
    marks = [(number, line) for number, line in enumerate(text.splitlines(), 1) if _CONFLICT.match(line)]
    starts = tuple(number for number, line in marks if line.startswith("<"))
    return starts or tuple(number for number, _ in marks[:1])


def _join(text: str, header: list[str], loose: list[str]) -> Iterator[_Logical]:
    """Join physical lines; comment lines go to the statement before them if they are indented, else to the lists."""
    pending: _Logical | None = None  # Is waiting for the line after its backslash.
    done: _Logical | None = None  # Is whole, and may still be given comments.
    for number, line in enumerate(text.splitlines(), 1):
        is_comment = line.lstrip().startswith("#")
        if is_comment and pending is None:
            comment = line.lstrip()[1:]
            if done is None:
                header.append(comment)
            elif line[0] == "#":
                loose.append(comment)
            else:
                done.comments.append(comment)
            continue
        if not is_comment and line.endswith("\\"):
            if pending is None:
                pending = _Logical(number=number, text="")
            pending.text += line.strip("\\")
            continue
        # A comment always ends a continued line, as it does for pip.
        current = pending or _Logical(number=number, text="")
        current.text += " " + line if is_comment else line
        pending = None
        if not current.text.strip():
            continue
        _strip_comment(current)
        if done is not None:
            yield done
        done = current
    if pending is not None:
        pending.cut = True
    for last in (done, pending):
        if last is not None:
            yield last


def _strip_comment(logical: _Logical) -> None:
    if "#" in logical.text:
        comment = _COMMENT.search(logical.text)
        if comment is not None:
            logical.comments.append(comment[1])
            logical.text = logical.text[: comment.start()]


def _interpret(logical: _Logical, environ: Mapping[str, str]) -> Iterator[Entry | Include | Setting | Fault]:
    number = logical.number
    raw = logical.text.strip()
    if logical.cut:
        yield Fault(line=number, message="the file ends inside a requirement, after a backslash: it is truncated")
        return
    if not raw:
        return
    if "\0" in raw:
        yield Fault(line=number, message="holds a NUL character: this is not a text file")
        return
    expanded = expand(raw, environ)
    requirement, options = _split_options(expanded)
    comments = tuple(logical.comments)
    if not options:
        yield Entry(line=number, text=requirement, raw=raw, comments=comments)
        return
    plain = [_PLAIN_HASH.fullmatch(option) for option in options]
    try:
        if requirement and all(plain):
            hashes = tuple(match[1] for match in plain if match)
            yield Entry(line=number, text=requirement, raw=raw, hashes=_checked(hashes), comments=comments)
            return
        values = _parse_options(" ".join(options))
        if requirement:
            hashes = _checked(tuple(values.hashes or ()))
            yield Entry(line=number, text=requirement, raw=raw, hashes=hashes, comments=comments)
            return
        yield from _file_options(number, values, raw, comments)
    except ValueError as error:
        yield Fault(line=number, message=str(error))


def _split_options(line: str) -> tuple[str, list[str]]:
    """Split a logical line at the first word that begins with `-`, as pip does."""
    words = line.split()
    for index, word in enumerate(words):
        if word.startswith("-"):
            return " ".join(words[:index]), words[index:]
    return " ".join(words), []


def _file_options(
    number: int, values: optparse.Values, raw: str, comments: tuple[str, ...]
) -> Iterator[Entry | Include | Setting]:
    """Give the statements of a line that is options alone."""
    for path in values.editables or ():
        yield Entry(line=number, text=path, raw=raw, editable=True, comments=comments)
    for path in values.requirements or ():
        yield Include(line=number, path=path, constraint=False)
    for path in values.constraints or ():
        yield Include(line=number, path=path, constraint=True)
    for option in ("index_url", "extra_index_urls", "find_links", "trusted_hosts"):
        given = getattr(values, option) or ()
        for value in [given] if isinstance(given, str) else given:
            yield Setting(line=number, option=_LONG_NAMES[option], value=value)


def _checked(hashes: tuple[str, ...]) -> tuple[str, ...]:
    """Raise a ValueError for a hash that can be none: not hexadecimal, or cut short."""
    for value in hashes:
        match = _HASH.fullmatch(value)
        expected = _DIGEST_LENGTHS.get(match[1].lower()) if match else None
        if match is None:
            message = f"the hash '{value}' is not of the form ALGORITHM:HEXADECIMAL"
            raise ValueError(message)
        if expected is not None and len(match[2]) != expected:
            message = f"the hash '{value}' has {len(match[2])} digits, {match[1]} has {expected}: it is truncated"
            raise ValueError(message)
    return hashes


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace `${NAME}` by the variable's value; one that is not set or empty stays as it is, as with pip."""
    if "${" not in text:
        return text
    return _VARIABLE.sub(lambda match: environ.get(match[1]) or match[0], text)


_LONG_NAMES = {
    "index_url": "--index-url",
    "extra_index_urls": "--extra-index-url",
    "find_links": "--find-links",
    "trusted_hosts": "--trusted-host",
}
_LISTS = {
    "requirements": ("-r", "--requirement"),
    "constraints": ("-c", "--constraint"),
    "editables": ("-e", "--editable"),
    "extra_index_urls": ("--extra-index-url",),
    "find_links": ("-f", "--find-links"),
    "trusted_hosts": ("--trusted-host",),
    "hashes": ("--hash",),
    "ignored": (
        *("--no-binary", "--only-binary", "--use-feature", "--global-option", "--install-option"),
        *("-C", "--config-settings", "--config-setting", "--only-final", "--all-releases"),
    ),
}
_FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes", "-Z", "--always-unzip")


class _OptionParser(optparse.OptionParser):
    """Raises where the stock parser prints and exits."""

    def error(self, msg: str) -> NoReturn:
        raise ValueError(msg)


def _option_parser() -> _OptionParser:
    parser = _OptionParser(add_help_option=False)
    parser.add_option("-i", "--index-url", "--pypi-url", dest="index_url")
    for name, options in _LISTS.items():
        parser.add_option(*options, dest=name, action="append")
    for flag in _FLAGS:
        parser.add_option(flag, action="store_true", dest="flag")
    return parser


_PARSER = _option_parser()


def _parse_options(text: str) -> optparse.Values:
    """Parse options as pip's own parser does.

    Raises:
        ValueError: an unknown option, a missing value, or an open quotation.
    """
    values, _ = _PARSER.parse_args(shlex.split(text))
    return values
