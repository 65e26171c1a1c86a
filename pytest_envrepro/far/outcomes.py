"""How a body ends other than by its last line: skipped, failed, xfailed, or the end of all tests (as pytest 9.2 has it)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

_REAL = "_pytest.outcomes"  # Where pytest has its own.
_KINDS = {"Skipped": "skipped", "XFailed": "xfailed", "Failed": "failed"}


class Outcome(BaseException):
    """What a test raises to say how it ends; no `except Exception` catches it.

    Attributes:
        msg: why.
        pytrace: whether the traceback is shown with that.

    Raises:
        TypeError: the message is no string.
    """

    def __init__(self, msg: str | None = None, pytrace: bool = True) -> None:  # noqa: FBT001, FBT002  # As in pytest.
        given: object = msg
        if not isinstance(given, (str, type(None))):
            raise TypeError(
                f"{type(self).__name__} expected string as 'msg' parameter, got '{type(given).__name__}' instead.\n"
                "Perhaps you meant to use a mark?"
            )
        super().__init__(msg)
        self.msg = msg
        self.pytrace = pytrace

    def __repr__(self) -> str:
        return f"<{type(self).__name__} instance>" if self.msg is None else self.msg

    def __str__(self) -> str:
        return repr(self)


class Skipped(Outcome):
    """The test is skipped."""

    __module__ = "builtins"  # A traceback then has the name alone, as with pytest's own.

    def __init__(
        self,
        msg: str | None = None,
        pytrace: bool = True,  # noqa: FBT001, FBT002  # As in pytest.
        allow_module_level: bool = False,  # noqa: FBT001, FBT002  # The same.
    ) -> None:
        super().__init__(msg, pytrace)
        self.allow_module_level = allow_module_level


class Failed(Outcome):
    """The test has failed."""

    __module__ = "builtins"


class XFailed(Failed):
    """The test has failed as it was expected to."""

    __module__ = _REAL


class Exit(Exception):  # noqa: N818  # The name is pytest's.
    """No further test is to be run.

    Attributes:
        msg: why.
        returncode: what pytest is to end with, or None for what it has then.
    """

    __module__ = _REAL

    def __init__(self, msg: str = "unknown reason", returncode: int | None = None) -> None:
        super().__init__(msg)
        self.msg = msg
        self.returncode = returncode


class PytestWarning(UserWarning):
    """What pytest itself warns of."""

    __module__ = "pytest"


class PytestApproxDecimalToleranceWarning(PytestWarning):
    """A tolerance for a Decimal is a float."""

    __module__ = "pytest"


def skip(reason: str = "", allow_module_level: bool = False) -> NoReturn:  # noqa: FBT001, FBT002  # As in pytest.
    """Skip the test that runs."""
    __tracebackhide__ = True
    raise Skipped(reason, allow_module_level=allow_module_level)


def fail(reason: str = "", pytrace: bool = True) -> NoReturn:  # noqa: FBT001, FBT002  # As in pytest.
    """Fail the test that runs; without a traceback unless `pytrace`."""
    __tracebackhide__ = True
    raise Failed(reason, pytrace)


def xfail(reason: str = "") -> NoReturn:
    """Say that the test that runs fails, and is expected to."""
    __tracebackhide__ = True
    raise XFailed(reason)


def exit(reason: str = "", returncode: int | None = None) -> NoReturn:  # noqa: A001  # The name is pytest's.
    """End all tests."""
    __tracebackhide__ = True
    raise Exit(reason, returncode)


skip.__dict__["Exception"] = Skipped
fail.__dict__["Exception"] = Failed
xfail.__dict__["Exception"] = XFailed
exit.__dict__["Exception"] = Exit


def importorskip(
    modname: str,
    minversion: str | None = None,
    reason: str | None = None,
    *,
    exc_type: type[ImportError] | None = None,
) -> ModuleType:
    """Give a module, or skip the test where it is missing or older than `minversion`.

    Args:
        exc_type: what of its import means that it is missing; by default, that it is not there.
    """
    import importlib  # noqa: PLC0415  # A body that imports nothing so is spared it.
    import warnings  # noqa: PLC0415  # The same.

    __tracebackhide__ = True
    compile(modname, "", "eval")  # A SyntaxError for what is no name of a module.
    why, missing = None, exc_type or ModuleNotFoundError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(modname)
        except missing as error:
            why = f"could not import {modname!r}: {error}" if reason is None else reason
    if why is not None:
        raise Skipped(why, allow_module_level=True)
    module = sys.modules[modname]
    version = getattr(module, "__version__", None)
    if minversion is not None and _is_older(version, minversion):
        raise Skipped(
            f"module {modname!r} has __version__ {version!r}, required is: {minversion!r}", allow_module_level=True
        )
    return module


def _is_older(version: str | None, minimum: str) -> bool:
    from .versions import order  # noqa: PLC0415  # Is needed for a minimum alone.

    return version is None or order(version) < order(minimum)


def outcome_of(error: BaseException) -> tuple[str, str, bool] | None:
    """Give how a body has ended that raised this, or None for any other error.

    Those of a real pytest count too, by their names: a library of the environment may call `pytest.skip`. So does
    `unittest.SkipTest`.

    Returns:
        "skipped", "failed", "xfailed" or "exit"; the message; whether the traceback is to be shown.
    """
    kind = _kind(type(error))
    if kind is None:
        return None
    message = getattr(error, "msg", None)
    shows = kind != "exit" and bool(getattr(error, "pytrace", True))
    return kind, message if isinstance(message, str) else str(error), shows


def _kind(of: type[BaseException]) -> str | None:
    bases = of.__mro__
    if Exit in bases or any((base.__module__, base.__name__) == (_REAL, "Exit") for base in bases):
        return "exit"
    if Outcome in bases or any((base.__module__, base.__name__) == (_REAL, "OutcomeException") for base in bases):
        return next((_KINDS[base.__name__] for base in bases if base.__name__ in _KINDS), None)
    unittest = sys.modules.get("unittest.case")  # Where it was never imported, nobody can have raised its errors.
    return "skipped" if unittest is not None and unittest.SkipTest in bases else None
