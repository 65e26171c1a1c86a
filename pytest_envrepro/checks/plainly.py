"""Reads the plain dependencies of metadata at a glance: nearly all are a name, numbers, and an extra.

`packaging` stays the judge. What is seen here is valid beyond doubt (`foo>=1.2,<3; python_version < "3.9" and extra ==
"test"`), only numbers are compared, and all else is left to be parsed: a tenth of the time for an environment of some
thousand requirements. `tests/checks/test_plainly.py` holds the two against each other.
"""

from __future__ import annotations

import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.requirement import AnyVersion

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_NUMBER = r"[0-9]+(?:\.[0-9]+)*"
_CLAUSE = rf"(?:==|!=|<=|>=|<|>)[ \t]*{_NUMBER}"
_CLAUSES = rf"{_CLAUSE}(?:[ \t]*,[ \t]*{_CLAUSE})*"
_TEXT = r"(?:\"[^\"]*\"|'[^']*')"
_TEST = (
    r"(?:extra[ \t]*==[ \t]*(?:\"([^\"]+)\"|'([^']+)')"
    r"|(?:python_version|extra|sys_platform|python_full_version|platform_system|platform_machine|os_name"
    rf"|platform_python_implementation|implementation_name)[ \t]*(?:==|!=|<=|>=|<|>)[ \t]*{_TEXT})"
)
# A marker without "or" and without deeper brackets, which is false where its one `extra ==` is not among those asked for.
_PLAIN = re.compile(
    rf"({_NAME})[ \t]*(\[{_NAME}(?:,[ \t]*{_NAME})*\][ \t]*)?({_CLAUSES}|\({_CLAUSES}\))?[ \t]*"
    rf"(?:;[ \t]*(?:{_TEST}|\({_TEST}\))(?:[ \t]+and[ \t]+(?:{_TEST}|\({_TEST}\)))*[ \t]*)?"
)
_LAST_OF_HEAD = 3  # The groups after it are the values of `extra ==`.
_PLAIN_CLAUSE = re.compile(rf"([=!<>]+)[ \t]*({_NUMBER})")
_LONGEST = 640  # Characters: no number in it can then be longer than Python reads.
Release = tuple[int, ...]
_COMPARED: dict[str, Callable[[Release, Release], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


class Plain(NamedTuple):
    """A dependency that is valid.

    Attributes:
        name: canonical.
        bounds: what the version is compared with; None where more is asked for than a version (`foo[bar]`).
        extra: the canonical name of the extra that it is for, or None.
        applies: whether it does so everywhere: it has no marker.
    """

    name: str
    bounds: tuple[tuple[str, Release], ...] | None
    extra: str | None
    applies: bool

    def is_met(self, releases: Mapping[str, Release | None]) -> bool:
        """Tell whether it is met whatever its marker says; False only says that it has to be parsed.

        Args:
            releases: what is installed, by canonical name, as `plain_release` gives it.
        """
        release = releases.get(self.name)
        if release is None or self.bounds is None:
            return False
        return all(_COMPARED[sign](release, number) for sign, number in self.bounds)


@lru_cache(maxsize=8192)
def see(text: str) -> Plain | None:
    """Read a dependency (PEP 508) if it is plain; None says only that it has to be parsed."""
    match = _PLAIN.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    name, extras, clauses = match.group(1, 2, 3)
    if match.lastindex is not None and match.lastindex > _LAST_OF_HEAD:
        extra = _canonical(next(filter(None, match.groups()[_LAST_OF_HEAD:])))
        return Plain(_canonical(name), None, extra, applies=False)
    bounds = tuple((sign, _numbers(number)) for sign, number in _PLAIN_CLAUSE.findall(clauses)) if clauses else ()
    return Plain(_canonical(name), None if extras else bounds, None, applies=";" not in text)


def _canonical(name: str) -> str:
    return name if name.isalnum() and name.islower() else canonicalize_name(name)


def plain_release(version: AnyVersion | None) -> Release | None:
    """Give the numbers of a final release without zeros at the end; None for any other version."""
    if (
        not isinstance(version, Version)
        or version.epoch
        or version.is_prerelease
        or version.is_postrelease
        or version.local
    ):
        return None
    return _trimmed(version.release)


@lru_cache(maxsize=1024)
def _numbers(text: str) -> Release:
    return _trimmed(tuple(map(int, text.split("."))))


def _trimmed(release: Release) -> Release:
    end = len(release)
    while end > 1 and release[end - 1] == 0:
        end -= 1
    return release[:end]
