"""The syntax of requirements files: text to statements, with line numbers, hashes and comments.

The rules are those of pip 26 (`pip._internal.req.req_file`): physical lines are joined at a trailing backslash, a
comment starts at a `#` after white space, `${NAME}` is expanded, and what begins with `-` is an option. Beyond pip, the
comments are kept, since compilers write there why a package is pinned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.statements import Comment, Document, Entry, Fault, Include, Setting
from pytest_envrepro.requirement import LONGEST
from pytest_envrepro.requirementlines import is_place, parse_line

if TYPE_CHECKING:
    import optparse
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.locks.statements import Statement

_COMMENT = re.compile(r"(?:^|(?<=\s))#(.*)$")
_HASHES = re.compile(r"--hash=\S*")
_PLAIN_HASHES = re.compile(r"(?: *--hash=(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})(?= |$))+ *")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_VARIABLE_AT = re.compile(r"\$\{[A-Z0-9_]+\}\s*(?:\[[^\]]*\]\s*)?@")  # Holds the name of what is at a URL.
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?:\s|$)|={7}$")


@dataclass(kw_only=True, slots=True)
class _Logical:
    """A logical line: the number of its first physical line, its parts, and the comments after it."""

    number: int
    parts: list[str] = field(default_factory=list)
    text: str = ""
    comments: list[str] = field(default_factory=list)
    cut: bool = False  # The file ended before the line did.

    def end(self) -> None:
        """Join the parts, and part them from a comment."""
        self.text = "".join(self.parts)
        if "#" in self.text:
            comment = _COMMENT.search(self.text)
            if comment is not None:
                self.comments.append(comment[1])
                self.text = self.text[: comment.start()]


def read(text: str, environ: Mapping[str, str]) -> Document:
    """Read a requirements file.

    Args:
        text: the whole file, decoded.
        environ: the environment variables that `${NAME}` may name.
    """
    conflicts = _merge_conflicts(text)
    if conflicts:
        return Document(conflicts=conflicts)
    header: list[Comment] = []
    loose: list[Comment] = []
    statements: list[Statement] = []
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


def _join(text: str, header: list[Comment], loose: list[Comment]) -> Iterator[_Logical]:
    """Join physical lines; comment lines go to the statement before them if they are indented, else to the lists."""
    pending: _Logical | None = None  # Is waiting for the line after its backslash.
    done: _Logical | None = None  # Is whole, and may still be given comments.
    for number, line in enumerate(text.splitlines(), 1):
        is_comment = "#" in line and line.lstrip().startswith("#")
        if is_comment and pending is None:
            comment = line.lstrip()[1:]
            if done is None:
                header.append(Comment(number, comment))
            elif line[0] == "#":
                loose.append(Comment(number, comment))
            else:
                done.comments.append(comment)
            continue
        current = pending or _Logical(number=number)
        if line.endswith("\\") and not is_comment:
            current.parts.append(line.strip("\\"))
            pending = current
            continue
        # A comment always ends a continued line, as it does for pip.
        current.parts.append(f" {line}" if is_comment else line)
        current.end()
        pending = None
        if not current.text.strip():
            continue
        if done is not None:
            yield done
        done = current
    if done is not None:
        yield done
    if pending is not None:
        pending.cut = True
        yield pending


def _interpret(logical: _Logical, environ: Mapping[str, str]) -> Iterator[Statement]:
    number = logical.number
    raw = logical.text.strip()
    fault = _why_unread(logical, raw)
    if fault is not None:
        yield Fault(line=number, message=fault)
        return
    if not raw:
        return
    requirement, options = _split_options(expand(raw, environ))
    try:
        requirement = _unexpanded(_split_options(raw)[0], requirement)
    except ValueError as error:
        yield Fault(line=number, message=redact(str(error)))
        return
    comments = tuple(logical.comments)
    hashes = _plain_hashes(options)
    if requirement and hashes is not None:
        yield Entry(line=number, text=requirement, raw=raw, hashes=hashes, comments=comments)
        return
    from pytest_envrepro.locks.options import given, parse_options  # noqa: PLC0415

    try:
        values = parse_options(options)
        written = parse_options(_split_options(raw)[1]) if "${" in raw else values
    except ValueError as error:
        yield Fault(line=number, message=redact(str(error)))
        return
    if requirement:
        hashes, editable = tuple(values.hashes or ()), bool(values.editables)
        yield Entry(line=number, text=requirement, raw=raw, editable=editable, hashes=hashes, comments=comments)
        yield from _settings(number, *(given(each, beside_requirement=True) for each in (values, written)))
    elif values.editables or values.requirements or values.constraints:
        try:
            yield _of_line(number, values, written, raw, comments)
        except ValueError as error:
            yield Fault(line=number, message=redact(str(error)))
        else:
            if values.editables:
                yield from _settings(number, *(given(each, beside_requirement=True) for each in (values, written)))
    else:
        yield from _settings(number, given(values), given(written))


def _split_options(line: str) -> tuple[str, str]:
    """Split a logical line at the first word that begins with `-`; only spaces part words, as for pip."""
    if line.startswith("-"):
        return "", line
    requirement, space, options = line.partition(" -")
    return requirement.strip(), f"-{options}" if space else ""


def _plain_hashes(options: str) -> tuple[str, ...] | None:
    """Give the hashes where the options are well-formed hashes and nothing else, as in every lock; else None."""
    if not options:
        return ()
    return tuple(options.replace("--hash=", "").split()) if _PLAIN_HASHES.fullmatch(options) else None


def _why_unread(logical: _Logical, raw: str) -> str | None:
    if logical.cut:
        return "the file ends inside a requirement, after a backslash: it is truncated"
    if "\0" in raw:
        return "holds a NUL character: this is not a text file"
    if len(raw) > LONGEST and len(_HASHES.sub("", raw)) > LONGEST:
        return f"is longer than {LONGEST} characters, hashes apart"
    return None


def _of_line(
    number: int, values: optparse.Values, written: optparse.Values, raw: str, comments: tuple[str, ...]
) -> Entry | Include:
    """Give what a line of `-e`, `-r` or `-c` says, of which pip takes the first alone.

    Args:
        values, written: the options with variables expanded, and as they stand there.
    """
    if values.editables:
        text = _unexpanded(_listed(written.editables, values.editables)[0], values.editables[0])
        return Entry(line=number, text=text, raw=raw, editable=True, comments=comments)
    included = values.requirements or values.constraints
    as_written = _listed(written.requirements or written.constraints, included)[0]
    path = as_written if "://" in included[0] else included[0]
    return Include(line=number, path=path, constraint=not values.requirements)


def _settings(
    number: int, values: Mapping[str, tuple[str, ...]], written: Mapping[str, tuple[str, ...]]
) -> Iterator[Setting]:
    """Give options with their values, expanded and as written: of one that a variable has held, nothing is."""
    for option, each in values.items():
        for value, raw in zip_longest(each, written.get(option, ())[: len(each)], fillvalue=""):
            yield Setting(line=number, option=option, value=value, raw=raw)


def _listed(values: list[str] | None, otherwise: list[str]) -> list[str]:
    """Give the values as written; a variable may have held the option: then there are none."""
    return values or otherwise


def _unexpanded(raw: str, text: str) -> str:
    """Give a requirement with its variables expanded, but as it is written where it is a URL or a path.

    What a variable holds may be a secret, and whether it is set must not change the verdict.

    Raises:
        ValueError: a variable holds a whole URL, which does not tell its name.
    """
    if raw == text or not is_place(text):
        return text
    if is_place(raw) and not _VARIABLE_AT.match(raw):
        return raw
    if "://" not in text:
        return text
    named = parse_line(text)
    if named.name is None:
        raise ValueError(f"'{raw}' is a URL that does not tell a name: write NAME @ {raw}")
    extras = f"[{','.join(sorted(named.extras))}]" if named.extras else ""
    return f"{named.name}{extras} @ {raw.partition('@')[2].strip() or raw}"


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace `${NAME}` by the variable's value; one that is not set or empty stays as it is, as with pip."""
    if "${" not in text:
        return text
    return _VARIABLE.sub(lambda match: environ.get(match[1]) or match[0], text)
