"""The text of a Dockerfile, as its parts: where an instruction ends, and which stage it belongs to (Docker's reference)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.builders.base import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DIRECTIVE = re.compile(r"\s*#\s*(?P<name>[A-Za-z]+)\s*=\s*(?P<value>\S+)\s*$")
_COMMENT = re.compile(r"\s*(?:#|$)")
_HERE = re.compile(r"<<(?P<tab>-?)(?P<quote>[\"']?)(?P<word>[A-Za-z_]\w*)(?P=quote)")
_STAGE = re.compile(r"\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*$", re.IGNORECASE)
# As builders read options: before anything else, and with quotes in the middle of a word (`extractBuilderFlags` of BuildKit).
_OPTION = re.compile(r"""\s*(?P<option>--(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*)(?=\s|$)""")
_QUOTED = re.compile(r"""\\(?P<escaped>.)|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'""")
# Those that BuildKit counts in a stage, beside its FROM: they make layers.
_COUNTED = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})


class Instruction(NamedTuple):
    """One instruction.

    Attributes:
        line: which part of the Dockerfile it is, counted from 0.
        word: `RUN`; in capitals.
        stage: counted from 0; -1 before the first `FROM`.
    """

    line: int
    word: str
    stage: int


def read_lines(text: str, setting: str = "") -> tuple[Line, ...]:
    """Cut a Dockerfile into its instructions, comments and empty lines."""
    rest = text.splitlines()
    escape = _escape(rest)
    found = []
    while rest:
        taken = _taken(rest, escape)
        found.append(Line("\n".join(rest[:taken]), setting))
        del rest[:taken]
    return tuple(found)


def _escape(lines: Sequence[str]) -> str:
    """Give the character that a line goes on after: a directive at the very top may choose it."""
    for line in lines:
        directive = _DIRECTIVE.match(line)
        if directive is None:
            break
        if directive["name"].lower() == "escape":
            return directive["value"]
    return "\\"


def _taken(lines: Sequence[str], escape: str) -> int:
    """Count the lines of the first instruction; comments and empty lines within it are part of it."""
    if _COMMENT.match(lines[0]):
        return 1
    taken = 1
    goes_on = lines[0].rstrip().endswith(escape)
    while goes_on and taken < len(lines):
        line = lines[taken]
        taken += 1
        goes_on = bool(_COMMENT.match(line)) or line.rstrip().endswith(escape)
    whole = "\n".join(lines[:taken])
    if whole.split(None, 1)[0].upper() not in {"RUN", "COPY", "ADD"}:
        return taken
    for document in _HERE.finditer(whole):
        end = next((at for at, line in enumerate(lines[taken:], taken) if _ends(line, document)), None)
        if end is None:
            break  # `<<` in the words of a shell.
        taken = end + 1
    return taken


def _ends(line: str, document: re.Match[str]) -> bool:
    return (line.lstrip("\t") if document["tab"] else line) == document["word"]


def instructions(lines: Sequence[Line], target: str = "") -> tuple[Instruction, ...]:
    """Find the instructions, in their order, to the end of a stage; of all of them where it names none."""
    found = []
    stage, wanted = -1, _wanted(lines, target)
    for index, line in enumerate(lines):
        word = _word(line.text)
        if not word:
            continue
        stage += word == "FROM"
        if wanted is not None and stage > wanted:
            break
        found.append(Instruction(index, word, stage))
    return tuple(found)


def _word(text: str) -> str:
    said = next((line for line in text.splitlines() if not _COMMENT.match(line)), "")
    return said.split(None, 1)[0].upper() if said else ""


def stages(lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    """Give the image that each stage begins with, and its name; empty where it has none."""
    escape = escape_of(lines)
    matches = (_STAGE.match(said(line.text, escape)) for line in lines)
    return tuple((match["image"], (match["name"] or "").lower()) for match in matches if match)


def escape_of(lines: Sequence[Line]) -> str:
    """Give the character that a line goes on after."""
    return _escape([line.text for line in lines])


def said(text: str, escape: str) -> str:
    """Give an instruction in one line, without comments; of a here-document nothing but what begins it."""
    return "".join(_parts(text, escape))


def _parts(text: str, escape: str) -> Iterator[str]:
    for line in text.splitlines():
        if _COMMENT.match(line):
            continue
        yield line.rstrip().removesuffix(escape)
        if not line.rstrip().endswith(escape):
            return


def options_of(text: str) -> tuple[list[str], str]:
    """Give the options of an instruction in one line, without their quotes, and what comes after them."""
    rest = "".join(text.split(None, 1)[1:])
    options = []
    while (found := _OPTION.match(rest)) is not None:
        rest = rest[found.end() :]
        if found["option"] == "--":
            break
        options.append(_QUOTED.sub(_bare, found["option"]))
    return options, rest.strip()


def _bare(quoted: re.Match[str]) -> str:
    inner = quoted["double"] or quoted["single"] or ""
    return quoted["escaped"] or re.sub(r"\\(.)", r"\1", inner)


def _wanted(lines: Sequence[Line], target: str) -> int | None:
    if not target:
        return None
    if target.isdecimal():
        return int(target)
    return next((at for at, (_, name) in enumerate(stages(lines)) if name == target.lower()), None)


def counted(lines: Sequence[Line], stage: str, number: int) -> int | None:
    """Find the line that BuildKit calls `[stage 3/7]`: what makes no layer does not count.

    A FROM is the first, where it names an image and not another stage (BuildKit 0.8 and later, `dockerfile2llb`).

    Args:
        stage: its name in small letters, `stage-1` of one that has none, or empty where there is only one.
    """
    known = stages(lines)
    at = next((at for at, (_, name) in enumerate(known) if stage in {name, f"stage-{at}"} - {""}), None)
    if at is None:
        at = 0 if not stage and len(known) == 1 else None
    if at is None:
        return None
    image = known[at][0].lower()
    is_stage = image in {"scratch", *(name for _, name in known[:at])}
    words = _COUNTED if is_stage else _COUNTED | {"FROM"}
    several = [each.line for each in instructions(lines) if each.stage == at and each.word in words]
    return several[number - 1] if 0 < number <= len(several) else None
