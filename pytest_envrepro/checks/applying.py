"""Tells which pins of a lock are for an environment: by their markers, by the parts of the project that are meant, by need."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.checks.base import dependencies
from pytest_envrepro.checks.plainly import see
from pytest_envrepro.model import MAIN
from pytest_envrepro.requirement import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from pytest_envrepro.model import Lock, Pin
    from pytest_envrepro.requirement import Requirement

    _Asked = tuple[list[Pin], frozenset[str]]  # The pins that are meant, and the extras that are asked of them.

_CHOICE = re.compile(r"extra (==|!=) ':([^']*)'")
_EXTRA = re.compile(r"""\bextra\s*(==|!=)\s*(["'])([^"']*)\2""")
_HOLDS = {True: "python_version >= '0'", False: "python_version < '0'"}


def applying(
    lock: Lock, environment: Mapping[str, str], parts: frozenset[str] | None = None, *, main: bool = True
) -> list[Pin]:
    """Give the pins that an environment has that is made from a lock, in the order of the lock.

    Args:
        environment: the marker variables (PEP 508).
        parts: what of the project is installed besides `MAIN`; None for what the lock's tool installs.
        main: whether `MAIN` is.
    """
    wanted = {*({MAIN} if main else ()), *(lock.usual if parts is None else parts)}
    pins = [pin for pin in lock.pins if _is_for(pin, environment, wanted)]
    if not lock.by_need:
        return pins
    needed = _needed(lock, pins, environment, wanted)
    return [pin for pin in pins if id(pin) in needed]


def _is_for(pin: Pin, environment: Mapping[str, str], wanted: AbstractSet[str]) -> bool:
    """Tell whether a pin is for one of the parts that are wanted."""
    if pin.markers:
        markers = dict(pin.markers)
        chosen = (markers.get(part) for part in pin.parts & wanted)
        return any(marker is None or evaluate(_with_extras(marker, wanted), environment) for marker in chosen)
    return pin.requirement.applies(environment) and (not pin.parts or not wanted.isdisjoint(pin.parts))


def _with_extras(marker: str, wanted: AbstractSet[str]) -> str:
    """Put in the place of each condition that names an extra of the project whether it holds."""

    def holds(found: re.Match[str]) -> str:
        return _HOLDS[(f"[{canonicalize_name(found[3])}]" in wanted) is (found[1] == "==")]

    return _EXTRA.sub(holds, marker)


def are_rivals(lock: Lock, pins: Iterable[Pin], environment: Mapping[str, str]) -> bool:
    """Tell whether two of some pins are for one part of the project, in one environment."""
    choices = [{MAIN}, *({MAIN, part} for part in lock.parts)]
    several = tuple(pins)
    return any(sum(_is_for(pin, environment, wanted) for pin in several) > 1 for wanted in choices)


def _needed(lock: Lock, pins: list[Pin], environment: Mapping[str, str], wanted: set[str]) -> set[int]:
    """Follow the lock's own lists from what the parts ask for; give the pins that are met, by their identity."""
    by_name: dict[str, list[Pin]] = defaultdict(list)
    for pin in pins:
        by_name[pin.name].append(pin)
    waiting = list(_asked(lock, by_name, environment, wanted))
    followed: dict[int, frozenset[str]] = {}
    while waiting:
        meant, asked_for = waiting.pop()
        for pin in meant:
            known = followed.get(id(pin))
            extras = asked_for if known is None else known | asked_for
            if extras == known:
                continue
            followed[id(pin)] = extras
            waiting += _needs(pin.requires or (), by_name, environment, wanted, extras)
    return set(followed)


def _asked(
    lock: Lock, by_name: Mapping[str, list[Pin]], environment: Mapping[str, str], wanted: set[str]
) -> Iterator[_Asked]:
    """Give what the parts ask for: by the lock's own lists, since these tell of two pins of a name which is meant."""
    if lock.asks is not None:
        texts = [text for part, text in lock.asks if part in wanted]
        yield from _needs(texts, by_name, environment, wanted)
        return
    for root in lock.roots:
        if root.part in wanted and root.requirement.name and root.requirement.applies(environment):
            yield _meant(root.requirement, by_name), root.requirement.extras


def _needs(
    requires: Iterable[str],
    by_name: Mapping[str, list[Pin]],
    environment: Mapping[str, str],
    wanted: set[str],
    extras: frozenset[str] = frozenset(),
) -> Iterator[_Asked]:
    """Give what a list asks for; what cannot be read in it asks for nothing, and its reader tells it."""
    rest: list[str] = []
    for text in requires:
        # Nearly all is one name that stands there for one pin: that is seen at a glance.
        plain = see(text)
        pins = by_name.get(plain.name, []) if plain is not None and plain.applies and plain.bounds is not None else []
        if len(pins) == 1:
            yield pins, frozenset()
        else:
            rest.append(text)
    with contextlib.suppress(ValueError):
        for asked in dependencies(_with_choices(rest, wanted), environment, extras):
            yield _meant(asked, by_name), asked.extras


def _with_choices(requires: Iterable[str], wanted: set[str]) -> Iterator[str]:
    """Put in the place of each condition that names a part of the project whether it holds."""
    for text in requires:
        yield _CHOICE.sub(lambda found: _HOLDS[(found[2] in wanted) is (found[1] == "==")], text)


def _meant(asked: Requirement, by_name: Mapping[str, list[Pin]]) -> list[Pin]:
    """Give the pins of a name that a requirement is met by; all of them where none has such a version."""
    pins = by_name.get(asked.name or "", [])
    fitting = [pin for pin in pins if pin.version is None or asked.admits(pin.version)]
    return fitting or pins
