"""What conda gives of what Python's packages need: conda-lock locks with pip only what conda has not.

conda's names are its own: mostly those of Python's packages, sometimes others (`pytorch` for `torch`). A requirement for
one of Python's is judged by the package of conda's that is called the same. Where one is called alike, it may be what
meets the requirement: conda's record of it tells which distributions of Python's it holds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.condaspecs import parse_match
from pytest_envrepro.requirement import CONDA, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from pytest_envrepro.model import Root

_SHORTEST = 3  # Letters of a word that makes two names alike.
_COMMON = {"python", "py", "lib", "core"}  # Words that tell nothing of what a package is.


class Supplied:
    """The packages of conda's in a lock, as they meet requirements for Python's.

    Args:
        names: as conda has them.

    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, str] = {canonicalize_name(name): name for name in names}
        self._by_word: dict[str, list[str]] = defaultdict(list)
        self._by_words: dict[frozenset[str], list[str]] = defaultdict(list)
        for name in self._names:
            words = _words(name)
            self._by_words[words].append(name)
            for word in words:
                self._by_word[word].append(name)
        self._near: dict[frozenset[str], tuple[str, ...]] = {}
        self._alike: dict[str, tuple[str, ...]] = {}

    @property
    def alike(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What was asked for and is not here, each with the packages that are called alike, as `Lock.alike` has them."""
        return tuple((name, pins) for name, pins in self._alike.items() if pins)

    def needs(self, needs: Mapping[str, str], pinned: AbstractSet[str]) -> Iterator[str]:
        """Give what a package of Python's needs, by the lock's list.

        Args:
            pinned: the canonical names of those that are pinned for pip.
        """
        for name, spec in needs.items():
            canonical = canonicalize_name(name)
            if canonical in pinned:
                yield _readable(canonical, spec)
            elif canonical in self._names:
                yield f"{CONDA}{self._names[canonical]} {_as_match(spec)}".rstrip()
            else:
                self._look_for(canonical)
                yield _readable(canonical, spec)

    def meet(self, root: Root, pinned: AbstractSet[str]) -> Root:
        """Give what an input asks of pip; of what conda gives, as a requirement for that."""
        asked = root.requirement
        name = asked.name
        if name is None or name.startswith(CONDA) or name in pinned or asked.url:
            return root
        if name not in self._names:
            self._look_for(name)
            return root
        try:
            found = parse_match(f"{self._names[name]} {_as_match(asked.written)}".rstrip())
        except ValueError:
            found = parse_match(self._names[name])
        return replace(root, requirement=replace(found, marker=asked.marker))

    def _look_for(self, name: str) -> None:
        """Note what is called alike: what has all words of the name and perhaps more, or one of them alone."""
        words = _words(name)
        if words and words not in self._near:
            rarest = min((self._by_word.get(word, []) for word in words), key=len)
            near = {other for other in rarest if words <= _words(other)}
            near.update(other for word in words for other in self._by_words.get(frozenset({word}), ()))
            self._near[words] = tuple(f"{CONDA}{self._names[other]}" for other in sorted(near))
        self._alike[name] = self._near.get(words, ())


def _words(name: str) -> frozenset[str]:
    """Give the words that a name is told by: of `pytorch`, `python-torch` and `torch2` alike `torch`."""
    words = {word.rstrip("0123456789") for word in name.split("-")} - _COMMON
    return frozenset(short for word in words if len(short := word.removeprefix("py")) >= _SHORTEST)


def _as_match(spec: str) -> str:
    """Write versions of Python's packages, or Poetry's form of them, as conda reads them."""
    return re.sub(r"\s*\|\|\s*", "|", spec)


def _readable(name: str, spec: str) -> str:
    """Write a requirement; one without versions where these are in no form of the standard's.

    conda-lock writes constraints as Poetry does: `>=1.2`, and `1.2` for that version alone.
    """
    exact = "==" if spec[:1].isdigit() else ""
    text = f"{name}{exact}{spec}" if spec not in ("", "*") else name
    try:
        parse(text)
    except ValueError:
        return name
    return text
