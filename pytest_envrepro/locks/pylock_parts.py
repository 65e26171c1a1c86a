"""Tells what the marker of a package in a `pylock.toml` says for each group and extra of the project (PEP 751)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.requirement import refuse_extremes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The only two variables of a marker that are sets.
_MEMBER = re.compile(
    r"""(?P<quote>["'])(?P<name>[^"']*)(?P=quote)\s+(?P<negated>not\s+)?in\s+(?P<set>extras|dependency_groups)\b"""
)
_ALWAYS, _NEVER = 'python_version >= "0"', 'python_version < "0"'
_WORDS = re.compile(r""" "[^"]*" | '[^']*' | [()] | [^\s()"']+ """, re.VERBOSE)


def by_part(marker: str | None, parts: Iterable[str]) -> dict[str, str | None]:
    """Give, where a marker speaks of groups and extras, what it says for each part that it may hold for; else nothing.

    Args:
        marker: as packaging writes it; for a part it is None where it holds wherever that is installed.
        parts: as `Root.part` names them.

    Raises:
        ValueError: it is longer or deeper than any that a tool has written.
    """
    if marker is None or not _MEMBER.search(marker):
        return {}
    refuse_extremes(marker)
    found = {part: _for_part(marker, part) for part in parts}
    chosen = {part: text for part, text in found.items() if text != _NEVER} or found
    return {part: None if text == _ALWAYS else text for part, text in chosen.items()}


def _for_part(marker: str, part: str) -> str:
    """Put what holds of a part in the place of what a marker says of groups and extras, and leave out what that settles."""

    def said(member: re.Match[str]) -> str:
        name = canonicalize_name(member["name"])
        is_in = part == (f"[{name}]" if member["set"] == "extras" else name)
        return _ALWAYS if is_in is not bool(member["negated"]) else _NEVER

    return _written(_either(_WORDS.finditer(_MEMBER.sub(said, marker))))


def _either(words: Iterator[re.Match[str]]) -> list[str]:
    """Read alternatives, to the end or to the bracket that closes them: one that always holds is all, and none that never does."""
    found: list[str] = []
    conditions: list[str] = []
    clause: list[str] = []
    ended = False
    while not ended:
        word = next(words, None)
        text = word[0] if word is not None else ")"
        ended = text == ")"
        if text == "(":
            inner = _either(words)
            conditions.append(f"({_written(inner)})" if len(inner) > 1 else _written(inner))
        elif ended or text in ("and", "or"):
            if clause:
                conditions.append(" ".join(clause))
                clause = []
            if text != "and":
                found.append(_together(conditions))
                conditions = []
        else:
            clause.append(text)
    return [_ALWAYS] if _ALWAYS in found else [*dict.fromkeys(each for each in found if each != _NEVER)]


def _written(alternatives: Iterable[str]) -> str:
    return " or ".join(alternatives) or _NEVER


def _together(conditions: Iterable[str]) -> str:
    listed = dict.fromkeys(each for each in conditions if each != _ALWAYS)
    return _NEVER if _NEVER in listed else " and ".join(listed) or _ALWAYS
