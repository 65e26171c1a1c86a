"""`caplog`: what a body logs is given to itself (as pytest 9.2 has it)."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_FORMAT = "%(levelname)-8s %(name)s:%(filename)s:%(lineno)d %(message)s"  # Those of pytest.
_DATES = "%H:%M:%S"
_COLOURS = re.compile(r"\x1b\[[\d;]+m")
_STEP = 10  # From one level to the next.


class LogCaptureHandler(logging.StreamHandler):  # type: ignore[type-arg]  # Is not generic in Python 3.8.
    """Keeps what is logged, as records and as text.

    Attributes:
        records: since it was last cleared.
    """

    stream: TextIO

    def __init__(self, form: str = _FORMAT, dates: str = _DATES) -> None:
        super().__init__(io.StringIO())
        self.setFormatter(logging.Formatter(form, dates))
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.records.append(record)
        super().emit(record)

    def reset(self) -> None:
        """Begin again, and leave what there was to who has it."""
        self.records = []
        self.stream = io.StringIO()

    def clear(self) -> None:
        """Forget all until now."""
        self.records.clear()
        self.stream = io.StringIO()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # The name is that of logging.
        """Let a message that cannot be formatted fail the test."""
        del record
        if logging.raiseExceptions:
            raise  # noqa: PLE0704  # Is called while the error is handled.

    @property
    def text(self) -> str:
        """What it would have written, without colours."""
        value = self.stream.getvalue()  # type: ignore[attr-defined]  # Is a StringIO.
        return _COLOURS.sub("", value)


@contextlib.contextmanager
def attached(handler: logging.Handler, level: int | None = None) -> Iterator[None]:
    """Have a handler told of all that is logged, by loggers too that tell nobody above them.

    Args:
        level: of the handler, and of the root where that has a higher one.
    """
    root = logging.getLogger()
    named = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    loggers = [root, *(each for each in named if not each.propagate)]
    before = root.level
    if level is not None:
        handler.setLevel(level)
        root.setLevel(min(before, level))
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        if level is not None:
            root.setLevel(before)
        for logger in loggers:
            logger.removeHandler(handler)


class LogCaptureFixture:
    """Gives a test what it has logged, and sets levels for it.

    Attributes:
        handler: what keeps it.
    """

    __module__ = "_pytest.logging"  # As reports show it.

    def __init__(self, handler: LogCaptureHandler) -> None:
        self.handler = handler
        self._undo = contextlib.ExitStack()

    @property
    def text(self) -> str:
        """What was logged, formatted."""
        return self.handler.text

    @property
    def records(self) -> list[logging.LogRecord]:
        """What was logged."""
        return self.handler.records

    @property
    def record_tuples(self) -> list[tuple[str, int, str]]:
        """The logger, the level and the message of each."""
        return [(record.name, record.levelno, record.getMessage()) for record in self.records]

    @property
    def messages(self) -> list[str]:
        """The message of each."""
        return [record.getMessage() for record in self.records]

    def get_records(self, when: str) -> list[logging.LogRecord]:
        """Give what was logged in one phase; here there is no other than `call`."""
        return self.handler.records if when == "call" else []

    def clear(self) -> None:
        """Forget all until now."""
        self.handler.clear()

    def set_level(self, level: int | str, logger: str | None = None) -> None:
        """Keep what is of this level at least, until the end of the test."""
        self._set(level, logger, self._undo)

    @contextlib.contextmanager
    def at_level(self, level: int | str, logger: str | None = None) -> Iterator[None]:
        """Keep what is of this level at least, in a block."""
        with contextlib.ExitStack() as undo:
            self._set(level, logger, undo)
            yield

    def _set(self, level: int | str, name: str | None, undo: contextlib.ExitStack) -> None:
        logger = logging.getLogger(name)
        undo.callback(logging.disable, logger.manager.disable)
        undo.callback(self.handler.setLevel, self.handler.level)
        undo.callback(logger.setLevel, logger.level)
        logger.setLevel(level)
        self.handler.setLevel(level)
        # What `logging.disable` keeps back of this level is let pass too; of a level that is none, all is.
        number = logging.getLevelName(level) if isinstance(level, str) else level
        if not isinstance(number, int):
            logging.disable(logging.NOTSET)
        elif not logger.isEnabledFor(number):
            logging.disable(max(number - _STEP, logging.NOTSET))

    @contextlib.contextmanager
    def filtering(self, filter_: logging.Filter) -> Iterator[None]:
        """Keep what this filter lets pass, in a block."""
        if filter_ in self.handler.filters:
            yield
            return
        self.handler.addFilter(filter_)
        try:
            yield
        finally:
            self.handler.removeFilter(filter_)

    def end(self) -> None:
        """Set all levels as they were."""
        self._undo.close()
