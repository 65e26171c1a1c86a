"""What the fixtures of pytest mean where a body runs that needs them there: those that are about its own process."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_CAPTURING = frozenset({"capsys", "capsysbinary", "capfd", "capfdbinary"})
NAMES = frozenset({*_CAPTURING, "monkeypatch", "caplog", "recwarn"})


class FixtureLookupError(LookupError):
    """A fixture cannot be had, or not beside another one."""


class Fixtures:
    """The fixtures of one test.

    Args:
        out, err: descriptors of the files that standard output and error go to. Those are 1 and 2 themselves, or others
            that the same file is behind.
        logging: how a session writes what is logged: `format`, `dates` (as `logging` has them) and `level`, a number;
            what is left out is as pytest has it by default.
    """

    def __init__(self, out: int, err: int, logging: Mapping[str, Any] | None = None) -> None:
        self._files = out, err
        self._logging = dict(logging or {})
        self._made: dict[str, Any] = {}
        self._undo = ExitStack()

    def make(self, name: str) -> Any:
        """Give a fixture, the same one whenever it is asked for.

        Raises:
            FixtureLookupError: there is none of this name here, or it cannot be had beside another one.
        """
        if name not in self._made:
            if name not in NAMES:
                raise FixtureLookupError(f"fixture '{name}' not found")
            other = next(iter(_CAPTURING.intersection(self._made)), None) if name in _CAPTURING else None
            if other is not None:
                raise FixtureLookupError(f"cannot use {name} and {other} at the same time")
            self._made[name] = self._capture(name) if name in _CAPTURING else getattr(self, f"_{name}")()
        return self._made[name]

    def end(self) -> None:
        """Undo what they did, the last one first; what fails keeps none of the others from it.

        Raises:
            BaseException: what one has raised, the last one of several; the others are its context.
        """
        self._undo.close()

    def _capture(self, name: str) -> Any:
        from .capturing import CaptureFixture  # noqa: PLC0415  # A test that does without is spared it.

        made = CaptureFixture(name, *self._files)
        self._undo.callback(made.close)
        return made

    def _monkeypatch(self) -> Any:
        from .monkeypatching import MonkeyPatch  # noqa: PLC0415  # The same.

        made = MonkeyPatch()
        self._undo.callback(made.undo)
        return made

    def _caplog(self) -> Any:
        from .logged import LogCaptureFixture, LogCaptureHandler, attached  # noqa: PLC0415  # The same; brings logging.

        words = {"form": "format", "dates": "dates"}
        handler = LogCaptureHandler(**{word: self._logging[key] for word, key in words.items() if key in self._logging})
        self._undo.enter_context(attached(handler, self._logging.get("level")))
        made = LogCaptureFixture(handler)
        self._undo.callback(made.end)
        return made

    def _recwarn(self) -> Any:
        import warnings  # noqa: PLC0415  # The same.

        from .warned import WarningsRecorder  # noqa: PLC0415  # The same.

        made = self._undo.enter_context(WarningsRecorder())
        warnings.simplefilter("default")
        return made
