"""What programs and engines write while an image is built, for people: no colours, no credentials, no chatter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_envrepro.hiding import Hiding

# ECMA-48: control sequences, those of operating systems (titles, links), and the remaining short ones.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOISE = re.compile(
    r"\s*(?:$"
    # pip
    r"|Collecting |Obtaining |Downloading |Using cached |Requirement already |Looking in |Processing |Created wheel for "
    r"|Stored in directory|Preparing metadata|Installing collected packages|Attempting uninstall|Installing build dep"
    r"|Getting requirements to build|Building wheels? for|\[?notice|WARNING: Running pip as|[-━╸╺ ]+\d"
    # apt, dpkg and debconf
    r"|(?:Get|Hit|Ign):\d|Selecting previously|Preparing to unpack|Unpacking |Setting up |\(?Reading |Building dependency"
    r"|Fetched |debconf: |Processing triggers|update-alternatives: using|\d+ (?:upgraded|added)|Need to get|After this op"
    r"|The following (?:NEW|additional)|invoke-rc\.d)"
)
_SHOWN = 20  # Lines.
_WIDEST = 300  # Characters of a line.


def without_colours(text: str) -> str:
    """Take the sequences away that a terminal is told by."""
    return _ANSI.sub("", text)


def plain(text: str) -> str:
    """Take colours and control characters away; of a line that was written over, the last state stays."""
    line = without_colours(text).rstrip("\r\n")
    shown = next((part for part in reversed(line.split("\r")) if part.strip()), "")
    return _CONTROL.sub("", shown).rstrip()


def last_words(said: Sequence[str], hiding: Hiding) -> list[str]:
    """Give the last lines that tell something; the last lines, where none does."""
    kept = [line for line in said if not _NOISE.match(line)] or [line for line in said if line.strip()]
    return [shortened(hiding.hide(line)) for line in kept[-_SHOWN:]]


def shortened(line: str) -> str:
    """Cut a line that is too long to read."""
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 3]}..."
