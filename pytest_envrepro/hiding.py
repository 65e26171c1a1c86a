"""What is never shown, and what stands in its place: one rule for all that programs, engines and services have written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN = "****"
LEAST = 3  # Characters: a shorter text stands in every other.


@dataclass(frozen=True, kw_only=True, slots=True)
class Hiding:
    """Texts that are never shown.

    Attributes:
        pairs: each, with what is shown in its place.
    """

    pairs: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Hiding:
        """Hide texts, whatever is in them."""
        return cls.of_shown((secret, HIDDEN) for secret in secrets)

    @classmethod
    def of_shown(cls, pairs: Iterable[tuple[str, str]]) -> Hiding:
        """Hide those that are not shown as they are.

        Args:
            pairs: each text, and as it may be shown.
        """
        return cls(pairs=frozenset(pair for pair in pairs if pair[0] != pair[1]))

    def __or__(self, other: Hiding) -> Hiding:
        """Hide what either does."""
        return Hiding(pairs=self.pairs | other.pairs)

    def hide(self, text: str) -> str:
        """Take them out of a text, the longest first, and the credentials out of its URLs.

        Found are also the lines of one that has several, and how one is written in a Dockerfile and in JSON.
        """
        if self.pairs:
            pattern, shown = _compiled(self.pairs)
            text = pattern.sub(lambda match: shown[match[0]], text)
        return redact(text)


NOTHING = Hiding()


@lru_cache(maxsize=64)
def _compiled(pairs: frozenset[tuple[str, str]]) -> tuple[re.Pattern[str], dict[str, str]]:
    found: dict[str, str] = {}
    for secret, shown in sorted(pairs):
        for form in _forms(secret):
            if len(form) >= LEAST:
                found[form] = shown if form == secret else found.get(form, HIDDEN)
    longest = sorted(found, key=lambda form: (-len(form), form))
    # Nothing is in no text: without one that is long enough, nothing is to be found.
    return re.compile("|".join(map(re.escape, longest)) or r"(?!)"), found


def _forms(secret: str) -> Iterator[str]:
    """Give how a text may be written."""
    yield secret
    # Within the double quotes of a Dockerfile.
    yield re.sub(r'(["\\$])', r"\\\1", secret)
    for is_ascii in (False, True):
        yield json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
    yield from map(str.strip, secret.splitlines())
