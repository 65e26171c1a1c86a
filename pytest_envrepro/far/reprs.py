"""Values as the text of a failed assertion shows them: short, in one line, and never an exception."""

from __future__ import annotations

import reprlib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CUT = "..."  # Stands for what is left out.
_ENDING = (KeyboardInterrupt, SystemExit)  # What ends the process is not told of, but passed on.


def short(value: object, most: int | None = 240) -> str:
    r"""Give a repr as assertions that pytest has rewritten show it: pytest 8.0 to 9, by the limits of reprlib.

    A line break in it stands there as `\n`. An exception in `__repr__` is told in its place.

    Args:
        value: what is to be shown.
        most: characters of the text, of which the middle is cut out; None shows it all, in ASCII, as pytest with `-vv`.
    """
    return (_whole(value) if not most else _Limited(most).repr(value)).replace("\n", "\\n")


def _whole(value: object) -> str:
    try:
        return ascii(value)
    except Exception as error:  # noqa: BLE001  # Code of the user's, which may raise anything.
        return _instead(value, error)


class _Limited(reprlib.Repr):
    """Limits containers by their number of members, and all text by its length."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.maxstring = most
        self._most = most

    def repr(self, x: object) -> str:
        try:
            text = super().repr(x)
        except _ENDING:
            raise
        except BaseException as error:  # noqa: BLE001  # As above.
            text = _instead(x, error)
        return self._cut(text)

    def repr_instance(self, x: object, level: int) -> str:  # noqa: ARG002  # As reprlib has it.
        try:
            text = repr(x)
        except _ENDING:
            raise
        except BaseException as error:  # noqa: BLE001  # As above.
            text = _instead(x, error)
        return self._cut(text)

    def repr_dict(self, x: Mapping[object, object], level: int) -> str:
        """Keep the order of the keys, where reprlib sorts them: as pytest does from 9 on."""
        if not x:
            return "{}"
        if level <= 0:
            return f"{{{_CUT}}}"
        shown = [f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}" for key in islice(x, self.maxdict)]
        return "{" + ", ".join(shown + [_CUT] * (len(x) > self.maxdict)) + "}"

    def _cut(self, text: str) -> str:
        if len(text) <= self._most:
            return text
        kept = max(0, self._most - len(_CUT))
        return text[: kept // 2] + _CUT + text[len(text) - (kept - kept // 2) :]


def _instead(value: object, error: BaseException) -> str:
    """Tell what was raised in the place of a repr."""
    told, prefix, suffix = "", "", ""
    for _ in range(2):
        try:
            told = _told(error)
            break
        except _ENDING:
            raise
        except BaseException as another:  # noqa: BLE001  # As above.
            prefix, suffix, error = "unpresentable exception (", ")", another
            told = type(another).__name__  # Where that cannot be told either.
    return f"<[{prefix}{told}{suffix} raised in repr()] {type(value).__name__} object at 0x{id(value):x}>"


def _told(error: BaseException) -> str:
    try:
        return repr(error)
    except _ENDING:
        raise
    except BaseException:  # noqa: BLE001  # As above.
        return f'{type(error).__name__}("{error}")'
