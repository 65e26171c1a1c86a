"""What matrices make of a test: the axes that its markers come to, how the runs are called, and what each one takes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.hiding import HIDDEN
from pytest_envrepro.matrices import Matrix
from pytest_envrepro.settingkeys import APPENDING, EXTENDS, INSIDE, KEYS
from pytest_envrepro.settingtext import shown_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_envrepro.declaring import Mark

    Place = tuple[int, str]  # A marker, by its identity in this process, and a key as it is written there.

_NAME = ""  # The key of what is no keyword.
_LONGEST = 40  # Characters of a value in the name of a test.
_VARIABLES = frozenset({"environment", "build-environment"})


class Axis(NamedTuple):
    """A matrix that counts for a test."""

    place: Place
    values: tuple[Any, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What each value is called: by its text; what is long, secret, or the same twice by its number."""
        key = self.place[1]
        texts = [_text(_plain(key), value) for value in self.values]
        counts = Counter(texts)
        return tuple(
            f"{key or 'environment'}{number}"
            if not text or counts[text] > 1 or len(text) > _LONGEST or redact(text) != text or not text.isprintable()
            else f"{key}={text}"
            if key
            else text
            for number, text in enumerate(texts)
        )


@dataclass(frozen=True)
class Choice:
    """What one run of a test takes in the places of matrices."""

    values: Mapping[Place, Any]

    def of(self, identity: int, mark: Mark) -> Mark:
        """Put what is chosen into a marker."""
        place = (identity, _NAME)
        kwargs = {key: self.values.get((identity, key), value) for key, value in mark.kwargs.items()}
        return mark._replace(args=(self.values[place],) if place in self.values else mark.args, kwargs=kwargs)


class _Closer:
    """What the markers that are closer to a test set, so that it counts for nothing in farther ones.

    Args:
        declared: gives the keys that an environment of the table sets, by its name.
    """

    def __init__(self, declared: Callable[[str], frozenset[str]]) -> None:
        self._declared = declared
        self._keys: set[str] = set()
        self._parts: dict[str, set[str]] = {}  # The names in mappings, which are merged name by name.

    def hides(self, axis: Axis) -> bool:
        """Tell whether nothing of a matrix would be seen."""
        key = _plain(axis.place[1]).removeprefix(APPENDING)
        if key in KEYS and KEYS[key].form == "mapping":
            return key in self._parts and all(_parts(value) <= self._parts[key] for value in axis.values)
        return key in self._keys

    def add(self, mark: Mark) -> None:
        """Note what a marker sets."""
        for written, value in mark.kwargs.items():
            key, values = _plain(written), value.values if isinstance(value, Matrix) else (value,)
            if key == EXTENDS:
                found = [self._declared(name) for name in values if isinstance(name, str)]
                self._keys |= frozenset.intersection(*found) if found else frozenset()
            elif key in KEYS and KEYS[key].form == "mapping":
                self._parts.setdefault(key, set()).update(frozenset.intersection(*map(_parts, values)))
            elif key in KEYS:
                self._keys.add(key)


def axes_of(marks: Iterable[tuple[int, Mark]], declared: Callable[[str], frozenset[str]]) -> list[Axis]:
    """Give the matrices that count for a test, as the layers of its settings do: the closest for a key.

    Args:
        marks: the closest to the test first, each with its identity. One with a name starts afresh.
        declared: gives the keys that an environment of the table sets, by its name; of what `extends` names it is asked.
    """
    every = [(mark, _matrices(identity, mark)) for identity, mark in marks]
    found: list[Axis] = []
    closer = _Closer(declared)
    for mark, axes in every if any(axes for _, axes in every) else ():
        found += [axis for axis in axes if not closer.hides(axis)]
        if mark.args not in ((), (None,)):
            break
        closer.add(mark)
    return found


def _matrices(identity: int, mark: Mark) -> list[Axis]:
    given = {**({_NAME: mark.args[0]} if len(mark.args) == 1 else {}), **mark.kwargs}
    matrices = {key: value for key, value in given.items() if isinstance(value, Matrix) and key != INSIDE}
    return [Axis((identity, key), value.values) for key, value in matrices.items()]


def settled(marks: Sequence[tuple[int, Mark]], declared: Callable[[str], frozenset[str]]) -> list[Mark]:
    """Give markers with any value in the place of a matrix that does not count; where it counts, it stays.

    Args:
        marks: as of `axes_of`.
    """
    counting = {axis.place for axis in axes_of(marks, declared)}
    idle = {
        axis.place: axis.values[0]
        for identity, mark in marks
        for axis in _matrices(identity, mark)
        if axis.place not in counting
    }
    return [Choice(idle).of(identity, mark) for identity, mark in marks]


def runs_of(axes: Sequence[Axis]) -> Iterator[tuple[str, Choice]]:
    """Give what axes come to together: each run by its name, the values of the last axis side by side."""
    places = [axis.place for axis in axes]
    for point in product(*(zip(axis.names, axis.values, strict=True) for axis in axes)):
        yield "-".join(name for name, _ in point), Choice(dict(zip(places, (value for _, value in point), strict=True)))


def _plain(key: str) -> str:
    return key.replace("_", "-")


def _parts(value: Any) -> frozenset[str]:
    """Give the names in a mapping; `compose` may be the path of its file alone."""
    return frozenset(value) if isinstance(value, Mapping) else frozenset({"file"})


def _text(key: str, value: Any) -> str:
    """Give a value as a short text; an empty one where there is none, or where it may be secret."""
    if isinstance(value, str | os.PathLike):
        return str(os.fspath(value))
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return _joined([_text(key, each) for each in value])
    if isinstance(value, Mapping):
        shown = {name: _shown(key, str(name), each) for name, each in value.items()}
        return _joined([f"{name}:{text}" if text else "" for name, text in shown.items()])
    return ""


def _shown(key: str, name: str, value: Any) -> str:
    text = _text(key, value)
    return "" if key in _VARIABLES and shown_variable(name, text, "") == HIDDEN else text


def _joined(texts: Sequence[str]) -> str:
    return "" if "" in texts else "+".join(texts) or "none"
