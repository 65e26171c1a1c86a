"""What pip waits for, while it does: it asks an index again several times, which takes long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact

if TYPE_CHECKING:
    from collections.abc import Callable

# As pip 20 to 26 say it: `WARNING: Retrying (Retry(total=4, ...)) after connection broken by '...': /simple/six/`.
_AGAIN = re.compile(r"Retrying \(.*\) after connection broken by '(?P<why>.*)': (?P<what>\S+)")
_LONGEST = 160  # Characters.


class Waiting:
    """Reads what pip writes to its standard error, and tells when it asks again.

    Args:
        doing: what it does, for people.
        tell: is told that it goes on, and what it waits for.
    """

    def __init__(self, doing: str, tell: Callable[[str], None]) -> None:
        self._doing = doing
        self._tell = tell
        self._rest = ""
        self._told = ""

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        *lines, self._rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
        for line in lines:
            self.take(line)

    def take(self, line: str) -> None:
        """Take one line."""
        match = _AGAIN.search(line)
        if match is None:
            return
        text = f"{self._doing}: {redact(match['what'])} is asked for again: {_shortened(redact(match['why']))}"
        if text != self._told:  # It asks several times for the same.
            self._told = text
            self._tell(text)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
