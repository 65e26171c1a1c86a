"""What a Dockerfile has from elsewhere: the images that it needs and does not make, and what it fetches (Docker's reference)."""

from __future__ import annotations

import csv
import json
import re
import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.builders.dockerfile import escape_of, instructions, options_of, said, stages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_envrepro.builders.base import Line

_VARIABLE = re.compile(r"\\(?P<escaped>.)|\$(?:(?P<name>\w+)|\{(?P<inner>\w+)(?:(?P<how>:?[-+])(?P<word>[^{}]*))?\})")
_SIMPLER = re.compile(r"\$\{\w+:?[-+](?P<word>[^{}]*\$\{[^{}]*\}[^{}]*)\}")
_REFERENCE = re.compile(r"[A-Za-z0-9\[](?:[A-Za-z0-9._:/@\[\]-]*[A-Za-z0-9_])?")
# https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
_OF_PLATFORM = ("TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT")
_OF_BUILDER = ("BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT")
_REMOTE = re.compile(r"(?:https?|ftp|git|ssh)://|[\w.-]+@[\w.-]+:", re.IGNORECASE)
_NONE: Mapping[str, str] = MappingProxyType({})
_SYNTAX = re.compile(r"\s*#\s*syntax\s*=\s*(?P<image>\S+)", re.IGNORECASE)


class Foreign(NamedTuple):
    """An image that a Dockerfile needs and does not make.

    Attributes:
        how: the words before it: `FROM `, `COPY --from=`.
        written: as it stands there.
        image: the same with its variables filled in; empty where that cannot be known.
        why: why it cannot be known, and what to do; else empty.
    """

    how: str
    written: str
    image: str
    why: str = ""


class _Unknown(Exception):  # noqa: N818  # Is caught where it is raised.
    """A text with variables means what is not known here."""


def foreign_images(lines: Sequence[Line], arguments: Mapping[str, str], platform: str | None) -> tuple[Foreign, ...]:
    """Give the images that a Dockerfile begins with or copies from, and that are no stages of it, each once.

    Args:
        arguments: of the build: those count that an `ARG` before the first `FROM` declares.
        platform: that is built for; None for the engine's own.
    """
    known = _of_all(lines, arguments, platform)
    own = stages(lines)
    names = {name for _, name in own if name}
    found = [_begun(written, known, {name for _, name in own[:at]}) for at, (written, _) in enumerate(own)]
    found += [
        _copied(how, written)
        for how, written in _copies(lines)
        if written.lower() not in names and not (written.isdecimal() and int(written) < len(own))
    ]
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _begun(written: str, known: Mapping[str, str | None], names: set[str]) -> Foreign | None:
    try:
        image = _filled(written.strip("\"'"), known)
    except _Unknown as error:
        return Foreign("FROM ", written, "", str(error))
    if image.lower() in names - {""} or image == "scratch":
        return None
    if not _REFERENCE.fullmatch(image):
        why = "it names no image as it is filled in: write a default (ARG NAME=...) before the first FROM, or set it in build-environment"
        return Foreign("FROM ", written, "", why)
    return Foreign("FROM ", written, image)


def _copied(how: str, written: str) -> Foreign:
    if "$" in written:
        why = "nobody fills in variables there: have a stage (FROM ... AS name), and take it from that"
        return Foreign(how, written, "", why)
    return Foreign(how, written, written)


def _copies(lines: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """Give what is named in `COPY --from=` and `RUN --mount=...,from=`, with the words before it."""
    for word, text in _each(lines):
        for option in options_of(text)[0]:
            name, _, value = option.partition("=")
            if word == "COPY" and name == "--from":
                yield "COPY --from=", value
            elif word == "RUN" and name == "--mount":
                yield from (("RUN --mount=from=", source) for source in _mounted(value))


def _mounted(mount: str) -> Iterator[str]:
    """Give the images that a mount names: it is a line of CSV, with its keys in any case."""
    for part in next(csv.reader([mount]), ()):
        key, _, value = part.partition("=")
        if key.lower() == "from":
            yield value


def _each(lines: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """Give each instruction: its word in capitals, and all of it.

    One that `ONBUILD` puts off stands for itself: a later stage may begin with this one, or an image of ours with it.
    """
    escape = escape_of(lines)
    for each in instructions(lines):
        text = said(lines[each.line].text, escape)
        words = text.split(None, 1)
        if each.word == "ONBUILD" and len(words) > 1:
            yield words[1].split(None, 1)[0].upper(), words[1]
        else:
            yield each.word, text


# What variables stand for.


def _of_all(lines: Sequence[Line], arguments: Mapping[str, str], platform: str | None) -> dict[str, str | None]:
    """Give what is known to every `FROM`: by name; None where it is not known here."""
    known: dict[str, str | None] = dict.fromkeys((*_OF_PLATFORM, *_OF_BUILDER))
    if platform is not None:
        system, _, rest = platform.partition("/")
        machine, _, variant = rest.partition("/")
        known |= dict(zip(_OF_PLATFORM, (platform, system, machine, variant), strict=True))
    for word, text in _each(lines):
        if word == "FROM":
            break
        if word == "ARG":
            _declare(text, known, arguments)
    return known


def _declare(
    text: str, known: dict[str, str | None], arguments: Mapping[str, str], inherited: Mapping[str, str | None] = _NONE
) -> None:
    """Add what an `ARG` declares: what the build is given, else its default, else what all stages know."""
    try:
        words = shlex.split(text)[1:]
    except ValueError:
        return  # An engine refuses it, and says so.
    for word in words:
        name, has_default, default = word.partition("=")
        if name in arguments:
            known[name] = arguments[name]
        elif has_default:
            try:
                known[name] = _filled(default, known)
            except _Unknown:
                known[name] = None
        elif inherited.get(name) is not None:
            known[name] = inherited[name]


def _filled(text: str, known: Mapping[str, str | None]) -> str:
    """Fill in variables as engines do: one that nobody has set is empty.

    Raises:
        _Unknown: what one stands for is not known here.
    """
    if (nested := _SIMPLER.search(text)) is not None:
        start, end = nested.span("word")
        return _filled(f"{text[:start]}{_filled(nested['word'], known)}{text[end:]}", known)

    def value(match: re.Match[str]) -> str:
        if match["escaped"] is not None:
            return match["escaped"]
        name = match["name"] or match["inner"]
        found = known.get(name, "")
        if found is None:
            hint = "set platform" if name in _OF_PLATFORM else "write it out"
            raise _Unknown(f"what ${name} stands for is not known before it is built: {hint}")
        how, word = match["how"] or "", match["word"] or ""
        is_set = name in known if how in {"-", "+"} else bool(found)
        if how.endswith("-"):
            return found if is_set else word
        if how.endswith("+"):
            return word if is_set else ""
        return found

    filled = _VARIABLE.sub(value, text)
    if "${" in filled:
        raise _Unknown("it has a form of variable that is not followed here: write ${NAME} or ${NAME:-default}")
    return filled


# What is fetched.


def fetching(lines: Sequence[Line], arguments: Mapping[str, str]) -> tuple[str, ...]:
    """Give the `ADD` instructions that fetch what lies on another machine, or may do so by a variable, as they are written.

    Args:
        arguments: of the build.
    """
    found = []
    of_all = _of_all(lines, arguments, None)
    known: dict[str, str | None] = {}
    for word, text in _each(lines):
        if word == "FROM":
            known = {}
        elif word == "ARG":
            _declare(text, known, arguments, of_all)
        elif word == "ENV":
            _declare(text, known, _NONE)
        elif word == "ADD" and any(_may_fetch(source, known) for source in _sources(text)):
            found.append(text)
    return tuple(found)


def _sources(text: str) -> list[str]:
    """Give what an `ADD` takes."""
    rest = options_of(text)[1]
    try:
        words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    except ValueError:
        words = rest.split()
    return [str(each) for each in words[:-1]]


def _may_fetch(source: str, known: Mapping[str, str | None]) -> bool:
    try:
        text = _filled(source, known)
    except _Unknown:
        return True
    first = _VARIABLE.match(source)
    # One that nobody has set here may be set by the base.
    is_open = first is not None and not {first["name"], first["inner"]} & {*known}
    return is_open or _REMOTE.match(text) is not None


def frontend(lines: Sequence[Line]) -> str | None:
    """Give the image that BuildKit is to have the Dockerfile read by (`# syntax=`); None where it reads it itself."""
    for line in lines:
        if not line.text.lstrip().startswith("#"):
            return None
        if (found := _SYNTAX.match(line.text)) is not None:
            return found["image"]
    return None
