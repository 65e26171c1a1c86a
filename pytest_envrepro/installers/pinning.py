"""Pins as values: what is asked for with its source, and what came out of it, as a requirements file tells it."""

from __future__ import annotations

import contextlib
import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import BuildError
from pytest_envrepro.requirement import Requirement, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.provenance import Option

_HASH = re.compile(r"\s--hash[= ](\S+)")
_URL_HASH = re.compile(r"[#&](sha256|sha384|sha512)=([0-9a-fA-F]+)")
_SHORT_FILE = re.compile(r"^((?:\w+\+)?file:)/(?!/)")  # As pip-tools writes `git+file:`, and git does not read it.
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_EXACT = re.compile(r"(===?)([^,*]+)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)")
# Options that a tool has written into what it has compiled; whoever installs that was told them as well.
_PLACES = re.compile(
    r"(?:-i|-f|--(?:index-url|extra-index-url|find-links|no-index|trusted-host|no-binary|only-binary|prefer-binary|pre"
    r"|require-hashes|use-feature))\b"
)
_OPTION = re.compile(r"-")


class Asked(NamedTuple):
    """A requirement, and who asks for it.

    Attributes:
        text: PEP 508, a URL or an absolute path, perhaps with `--hash` options: as on a line of a requirements file.
        source: for people: `integration 'postgres'`, `requirements.txt:3`.
    """

    text: str
    source: str

    @property
    def bare(self) -> str:
        """The text without its hashes."""
        return _HASH.sub("", f" {self.text}").strip()

    @property
    def hashes(self) -> tuple[str, ...]:
        """The hashes that it admits; none admit all."""
        return tuple(_HASH.findall(f" {self.text}"))

    @property
    def requirement(self) -> Requirement | None:
        """What it says, or None where only the tool can tell: a URL or a path without a name."""
        try:
            return parse(self.bare)
        except ValueError:
            return None

    def applies(self, environment: Mapping[str, str]) -> bool:
        """Tell whether its marker holds in an environment; that of what only the tool can read is left to the tool."""
        requirement = self.requirement
        return requirement is None or requirement.applies(environment)

    def __str__(self) -> str:
        return f"{redact(self.bare)} ({self.source})"


class Sources(NamedTuple):
    """All that an environment is made of.

    Attributes:
        lock: pins that are installed as they are, and nothing besides; None where the requirements have to be resolved.
        options: what the files that it was read from tell an installer; places in it are URLs.
    """

    requirements: tuple[Asked, ...] = ()
    constraints: tuple[Asked, ...] = ()
    lock: tuple[Asked, ...] | None = None
    options: tuple[Option, ...] = ()


class Pinned(NamedTuple):
    """One package that is installed.

    Attributes:
        name: the canonical name; of a place that does not tell one, the place.
        version: None where a URL takes its place.
        url: as the tool wrote it, credentials and all.
        hashes: `sha256:...`, sorted.
        line: what stands on a line of a requirements file, without hashes.
        via: who asks for it: canonical names, and sources.
    """

    name: str
    version: str | None
    url: str | None
    hashes: tuple[str, ...]
    line: str
    via: tuple[str, ...] = ()

    @property
    def is_editable(self) -> bool:
        """Whether its files are those of its folder."""
        return self.line.startswith("-e ")

    @property
    def weakness(self) -> str | None:
        """Why its content could be another one tomorrow, or None."""
        if self.hashes:
            return None
        if self.is_editable:
            return f"{redact(self.name)} is editable: its files are those of its folder"
        if self.url is None:
            return f"{self.name} has no hash"
        return f"{self.name} comes from {redact(self.url)}, without a hash"


class Resolved(NamedTuple):
    """What is installed, down to the file.

    Attributes:
        pins: sorted by name.
        text: a requirements file with hashes and `# via` comments.
        tool: who resolved it, with the version; empty where nothing had to be.
        weak: whether the same text could install something else one day.
        reasons: why, for people.
        unpinned: whether something was chosen that no source names exactly.
        unbound: the names of what was chosen as the lowest version there is, since nothing gives it a lower bound.
    """

    pins: tuple[Pinned, ...]
    text: str
    tool: str
    weak: bool
    reasons: tuple[str, ...]
    unpinned: bool
    unbound: tuple[str, ...] = ()

    @property
    def oldest(self) -> tuple[str, ...]:
        """What is chosen as the lowest version there is, for people."""
        chosen = [f"{pin.name} {pin.version}" for pin in self.pins if pin.version and pin.name in self.unbound]
        return tuple(f"{each} is the oldest that fits, since nothing gives it a lower bound" for each in chosen)

    def trail(self, name: str) -> str:
        """Say why a package is installed: `beta, needed by alpha, asked for by integration 'postgres'`."""
        by_name = {pin.name: pin for pin in self.pins}
        words, seen = [name], {name}
        while name in by_name:
            via = by_name[name].via
            source = next((each for each in via if each not in by_name), None)
            if source is not None:
                return ", ".join([*words, f"asked for by {source}"])
            name = next((each for each in via if each not in seen), "")
            seen.add(name)
            words += [f"needed by {name}"] if name else []
        return ", ".join(words)


def with_pins(resolved: Resolved, pins: Iterable[Pinned]) -> Resolved:
    """Put other pins, sorted by name, in the place of those that were chosen."""
    ordered = tuple(pins)
    reasons = tuple(reason for pin in ordered if (reason := pin.weakness))
    return resolved._replace(pins=ordered, text=render(ordered), weak=bool(reasons), reasons=reasons)


def read_pins(text: str, environment: Mapping[str, str], origin: str) -> tuple[Pinned, ...]:
    """Read a requirements file of pins, as far as they apply.

    Args:
        environment: the marker variables of the Python that it is for.
        origin: who wrote it, for messages.

    Raises:
        BuildError: something in it is no pin.
    """
    found: dict[str, Pinned] = {}
    for line, comments in _statements(text):
        if _OPTION.match(line) and not EDITABLE.match(line):
            if not _PLACES.match(line):
                raise BuildError(f"{origin} holds '{redact(line)}', which is no pin")
            continue
        pin = _read(line, environment, origin)
        if pin is None:
            continue
        if pin.name in found and found[pin.name].line != pin.line:
            raise BuildError(f"{origin} pins {pin.name} twice: '{found[pin.name].line}' and '{pin.line}'")
        found[pin.name] = pin._replace(via=tuple(dict.fromkeys(comments)))
    return tuple(found[name] for name in sorted(found))


def pins_among(asked: Iterable[Asked], environment: Mapping[str, str]) -> tuple[Pinned, ...]:
    """Read the pins of a lock, as far as they apply; see `read_pins`."""
    text = "".join(f"{each.text}\n" + (f"    # via {each.source}\n" if each.source else "") for each in asked)
    return read_pins(text, environment, "the lock")


def render(pins: Iterable[Pinned]) -> str:
    """Write a requirements file."""
    return "".join(_rendered(pin) for pin in pins)


def exact_version(requirement: Requirement) -> str | None:
    """Give the one version that a requirement names, or None."""
    exact = _EXACT.fullmatch(requirement.written)
    return exact[2] if exact else None


def _rendered(pin: Pinned) -> str:
    hashes = "".join(f" \\\n    --hash={each}" for each in pin.hashes)
    via = "".join(f"    # via {each}\n" for each in pin.via)
    return f"{pin.line}{hashes}\n{via}"


def _statements(text: str) -> Iterator[tuple[str, list[str]]]:
    """Give each line that says something, joined with those that it goes on in, and what comments below it name."""
    line, comments, whole = "", list[str](), ""
    for raw in text.splitlines():
        stripped = raw.strip()
        if stripped.startswith("#"):
            words = stripped.lstrip("# ").removeprefix("via").strip()
            comments += [words] if words and line and raw.startswith(" ") else []
            continue
        whole += _COMMENT.sub("", stripped.removesuffix("\\")) + " "
        if stripped.endswith("\\"):
            continue
        if whole.strip():
            if line:
                yield line, comments
            line, comments = whole.strip(), []
        whole = ""
    if line:
        yield line, comments


def _read(line: str, environment: Mapping[str, str], origin: str) -> Pinned | None:
    asked = Asked(line, origin)
    hashes = tuple(sorted(set(asked.hashes)))
    editable = EDITABLE.match(asked.bare)
    requirement = None if editable else asked.requirement
    if requirement is None:
        place = asked.bare[editable.end() :] if editable else asked.bare
        place, _, marker = place.partition(" ;")
        if marker.strip() and not parse(f"x ; {marker}").applies(environment):
            return None
        return _located(place.strip(), hashes, origin, editable="-e " if editable else "")
    if not requirement.applies(environment):
        return None
    name = requirement.name or ""
    if requirement.url is not None:
        url = _SHORT_FILE.sub(r"\1///", requirement.url)
        return Pinned(name, None, url, hashes or _hash_in(url), f"{name} @ {url}")
    version = exact_version(requirement)
    if version is None:
        raise BuildError(f"{origin} holds '{redact(asked.bare)}', which names no single version")
    return Pinned(name, version, None, hashes, f"{name}{requirement.written}")


def _located(place: str, hashes: tuple[str, ...], origin: str, *, editable: str) -> Pinned:
    """Read a URL or a path without a name: its wheel's file name or `#egg=` may tell one."""
    if "/" not in place and "\\" not in place and not place.startswith("."):
        raise BuildError(f"{origin} holds '{redact(place)}', which is no pin")
    egg = _EGG.search(place)
    name = canonicalize_name(egg[1]) if egg else place
    with contextlib.suppress(InvalidWheelFilename, ValueError):
        name = parse_wheel_filename(posixpath.basename(unquote(urlsplit(place).path)))[0]
    return Pinned(name, None, place, hashes or _hash_in(place), f"{editable}{place}")


def _hash_in(url: str) -> tuple[str, ...]:
    found = _URL_HASH.search(url)
    return (f"{found[1]}:{found[2].lower()}",) if found else ()
