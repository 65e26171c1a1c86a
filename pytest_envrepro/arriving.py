"""Reads what came of a function that has run in an environment: exceptions are made again, values are decoded."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import RefusedError, ended
from pytest_envrepro.far.folders import MOST, lay
from pytest_envrepro.far.values import Decoder
from pytest_envrepro.rebuilding import rebuild

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_envrepro.shipments import Shipment
    from pytest_envrepro.warm import Outcome


class Unhandled(NamedTuple):
    """An exception that nobody has handled there.

    Attributes:
        thread: the name of the thread that it has ended; None for one that Python could not raise anywhere.
        message, shown: what Python says of the latter, if it says more than usual, and the repr of where it was.
    """

    error: BaseException
    thread: str | None
    message: str | None
    shown: str


class Came(NamedTuple):
    """What came of a function.

    Attributes:
        value: what it has returned, of a call; of a test, module and name of its class and its repr, or None.
        error: what it has raised.
        outcome: how a test says that it ends, where it does: `skipped`, why, whether the traceback is shown, and the exit
            code of a session that ends with it.
        streams: what it has written to standard output and error.
        warnings, logs: what it has warned and logged.
        unhandled: exceptions of its threads and of what Python calls, as `__del__`.
        has, gone: what the object of a test has now, as far as it could travel, and what it has no more.
        coverage: the lines that it has run, by file; None where that was not measured.
    """

    value: Any = None
    error: BaseException | None = None
    outcome: tuple[str, str, bool, int | None] | None = None
    streams: tuple[str, str] = ("", "")
    warnings: tuple[Mapping[str, Any], ...] = ()
    logs: tuple[Mapping[str, Any], ...] = ()
    unhandled: tuple[Unhandled, ...] = ()
    has: Mapping[str, Any] = MappingProxyType({})
    gone: tuple[str, ...] = ()
    coverage: Mapping[str, list[Any]] | None = None


def arrived(label: str, outcome: Outcome, shipment: Shipment, folders: Sequence[str] | None) -> Came:
    """Read what came of a function.

    Args:
        label: what its environment is called.
        folders: the temporary folders that have travelled with it, into which what it has left there is put; None where
            it has used those of this machine.
    """
    streams = tuple(_whole(text, left_out) for text, left_out in outcome.streams)
    came = Came(streams=(streams[0], streams[1]))
    result, name = outcome.result, shipment.function[1]
    if result is None:
        how = ended(outcome.status)
        return came._replace(error=RefusedError(f"{name} has ended its Python in {label}: it {how}"))
    if folders is not None and "too much" in result:
        why = f"{name} has left more than {MOST >> 20} MiB there, which do not travel out of {label}"
        return came._replace(error=RefusedError(f"{', '.join(folders)}: {why}"))
    if folders is not None:
        lay(result.get("folders") or {}, within=folders)
    came = came._replace(
        warnings=tuple(result.get("warnings", ())),
        logs=tuple(result.get("logs", ())),
        unhandled=tuple(_unhandled(each, shipment) for each in result.get("unhandled", ())),
        has=_decoded(result.get("self", {}).get("has", {})),
        gone=tuple(result.get("self", {}).get("gone", ())),
        coverage=_measured(result.get("coverage"), shipment),
    )
    if "raised" in result:
        return _raised(came, label, result, shipment)
    if "returned" in result:
        return came._replace(value=result["returned"])
    return _returned(came, label, result, name)


def _raised(came: Came, label: str, result: Mapping[str, Any], shipment: Shipment) -> Came:
    _restore(result["raised"], shipment)
    error = rebuild(result["raised"])
    if isinstance(error, SyntaxError) and error.__traceback__ is None:  # It was not even begun.
        line = (error.text or "").strip()
        why = f"{error.filename}:{error.lineno}: the Python of {label} cannot read this: {error.msg}"
        return came._replace(error=RefusedError(why + (f"\n    {line}" if line else "")))
    outcome = result["outcome"]
    return came._replace(error=error, outcome=tuple(outcome) if outcome else None)


def _returned(came: Came, label: str, result: Mapping[str, Any], name: str) -> Came:
    if "untravelled" in result:
        path, what = result["untravelled"]
        part = f" (in {path})" if path else ""
        why = f"{name} returns {what}{part}, which cannot travel out of {label}: only plain data and paths do"
        return came._replace(error=RefusedError(f"{why}; return what you want to know of it"))
    try:
        return came._replace(value=Decoder(found).decode(result["value"]))
    except Exception as error:  # noqa: BLE001  # It came from elsewhere, and may be anything.
        return came._replace(error=RefusedError(f"{name} returns what is not known here, in {label}: {error}"))


def _decoded(told: Mapping[str, Any]) -> dict[str, Any]:
    """Give those values that mean something here."""
    decoder, values = Decoder(found), {}
    for name, value in told.items():
        with suppress(Exception):  # Its class is of the environment alone, or is another one there.
            values[name] = decoder.decode(value)
    return values


def _unhandled(told: Mapping[str, Any], shipment: Shipment) -> Unhandled:
    _restore(told["raised"], shipment)
    return Unhandled(rebuild(told["raised"]), told.get("thread"), told.get("message"), told.get("object", ""))


def _restore(raised: Mapping[str, Any], shipment: Shipment) -> None:
    """Let functions begin in their tracebacks where they begin here: with the decorators that did not travel."""
    firsts = shipment.firsts
    for site in raised["sites"]:
        if shipment.module is not None and site["file"] == shipment.module["file"]:
            site["first"] = firsts.get(site["first"], site["first"])


def _measured(told: Mapping[str, list[Any]] | None, shipment: Shipment) -> Mapping[str, list[Any]] | None:
    """Give what was measured, where functions begin as in `_restore`: an arc goes in, or out, by that line, negative."""
    module, firsts = shipment.module, shipment.firsts
    if told is None or module is None or module["file"] not in told:
        return told
    lines = told[module["file"]]
    if lines and isinstance(lines[0], list):
        lines = [[-firsts.get(-each, -each) if each < 0 else each for each in arc] for arc in lines]
    return {**told, module["file"]: lines}


def found(module: str, name: str) -> Any:
    """Give a class or a function that this process has by that name.

    Nothing is imported for what an environment says, and no code of a module's is run for it.

    Raises:
        ValueError: there is none.
    """
    there: Any = sys.modules.get(module)
    for part in name.split("."):
        there = vars(there).get(part) if isinstance(there, (type, ModuleType)) else None
    if not isinstance(there, (type, FunctionType, BuiltinFunctionType)):
        raise ValueError(f"there is no class or function {module}.{name}")  # noqa: TRY004  # Of what came, not of an argument.
    return there


def _whole(text: str, left_out: int) -> str:
    return f"{text}\n... and {left_out:,} bytes more\n" if left_out else text
