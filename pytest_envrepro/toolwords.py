"""What pip, pip-tools, uv and the like say when they fail, in a line that a person can read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

_DISCARDED = re.compile(r"^.*\bDiscarding\b.*$", re.MULTILINE)
# The lines that tell why they fail; tracebacks are between them.
_TELLING = re.compile(
    r"(?:error|fatal|critical|cause)\b|\u00d7|warning: retrying|the user requested|\[\w+\]: |.* depends on ",
    re.IGNORECASE,
)
# Of pip's warning: how often it will try again, and addresses of objects, which differ each time.
_NOISE = re.compile(r"\(Retry\([^)]*\)\) |<[^<>]* at 0x[0-9a-f]+>(?::? )?|^WARNING: ")
_FIRST, _LAST, _LONGEST = 2, 2, 300  # Such lines, of which the first and the last tell most; and characters of one.


def discarded(said: str) -> Iterator[str]:
    """Give the lines in which pip-compile tells of pins that it could not have."""
    for line in dict.fromkeys(_DISCARDED.findall(said)):
        yield redact(line.strip())


def last_words(said: str) -> str:
    """Give the lines of a tool that tell why it has failed, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = list(dict.fromkeys(_NOISE.sub("", line) for line in lines if _TELLING.match(line))) or lines
    if len(telling) > _FIRST + _LAST:
        telling = [*telling[:_FIRST], *telling[-_LAST:]]
    shown = (line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..." for line in telling)
    return redact(" / ".join(shown)) or "it says nothing"
