"""What the runner of GitHub Actions takes for a command in the output of a step, as its source code tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


class Command(NamedTuple):
    """A command that the runner obeys."""

    name: str
    properties: dict[str, str]
    data: str


def commands(output: Iterable[str]) -> list[Command]:
    """Give the commands in the lines of a step's output: `::name a=b::data`, or `##[name]data` anywhere in a line."""
    found = []
    for line in output:
        start, _, rest = line.lstrip()[2:].partition("::")
        if line.lstrip().startswith("::") and "::" in line.lstrip()[2:]:
            name, _, given = start.partition(" ")
            pairs = [each.split("=", 1) for each in given.strip().split(",") if each]
            properties = {pair[0]: _plain(pair[1], _PROPERTY) for pair in pairs if len(pair) == 2}
            found.append(Command(name, properties, _plain(rest, _DATA)))
        elif "##[" in line:
            name, _, data = line.partition("##[")[2].partition("]")
            found.append(Command(name.partition(" ")[0], {}, data))
    return found


def _plain(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escaped, plain in escapes:
        text = text.replace(escaped, plain)
    return text
