"""Runs functions in environments: keeps a warm process for each, and gives back what came of it as if it had run here."""

from __future__ import annotations

import sys
import threading
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.comparisons import alike
from pytest_envrepro.errors import RefusedError, ended
from pytest_envrepro.far.folders import MOST, TooMuchError, lay, taken
from pytest_envrepro.far.values import Decoder
from pytest_envrepro.rebuilding import rebuild
from pytest_envrepro.warm import StoppedError, Warm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.shipping import Shipment, Shipper
    from pytest_envrepro.warm import Outcome


class Manner(NamedTuple):
    """How bodies run.

    Attributes:
        most: how long a repr may be in an explanation; None for as long as it is.
        with_locals: whether tracebacks have all local variables.
        filters: of warnings, as `warnings.filterwarnings` takes them, the outermost last.
        log_level: of the root of all loggers; None for Python's own.
        randomness: the state that `random` begins with; None for what it likes.
        verbosity: of assertions.
        detail: the verbosity of all else.
        logging: how what is logged is written: `format`, `dates`, `level`.
        coverage: what of it is measured, as `covered.wanted` gives it; None where none is.
    """

    most: int | None = 240
    with_locals: bool = False
    filters: tuple[tuple[Any, ...], ...] = ()
    log_level: int | None = None
    randomness: tuple[Any, ...] | None = None
    verbosity: int = 0
    detail: int = 0
    logging: Mapping[str, Any] = MappingProxyType({})
    coverage: Mapping[str, Any] | None = None


class Came(NamedTuple):
    """What came of a function.

    Attributes:
        value: what it has returned, of a call; of a test, module and name of its class and its repr, or None.
        error: what it has raised.
        outcome: how a test says that it ends, where it does: `skipped`, why, whether the traceback is shown, and the exit
            code of a session that ends with it.
        streams: what it has written to standard output and error.
        warnings, logs: what it has warned and logged.
        coverage: the lines that it has run, by file; None where that was not measured.
    """

    value: Any = None
    error: BaseException | None = None
    outcome: tuple[str, str, bool, int | None] | None = None
    streams: tuple[str, str] = ("", "")
    warnings: tuple[Mapping[str, Any], ...] = ()
    logs: tuple[Mapping[str, Any], ...] = ()
    coverage: Mapping[str, list[Any]] | None = None


class Calling:
    """Runs functions in environments.

    Args:
        explain: explains a comparison that is not true, in the words of pytest; None where there is nothing more to say.
    """

    def __init__(self, explain: Callable[[str, object, object], str | None]) -> None:
        self._explain = explain
        self._warm: dict[str, Warm] = {}
        self._states: dict[str, int | None] = {}  # Those that they began in.
        self._guard = threading.Lock()

    def run(
        self, environment: Environment, shipper: Shipper, shipment: Shipment, manner: Manner, *, is_test: bool
    ) -> Came:
        """Run a function to its end.

        Raises:
            RefusedError: what it returns cannot travel.
            WarmLostError: the process has ended.
        """
        __tracebackhide__ = True
        environment.called = "the body of this test" if is_test else f"{shipment.function[1]}()"
        terms = environment.terms()
        folders = shipper.folders() if terms.is_elsewhere else None
        request = {
            **shipment.told(),
            "folders": folders,
            "files": self._taken(environment, folders),
            "environ": None if terms.environ is None else {**terms.environ},
            "cwd": terms.cwd,
            "label": environment.label,
            "is_test": is_test,
            "explain": is_test,
            "most": manner.most,
            "locals": manner.with_locals,
            "filters": [*manner.filters],
            "log level": manner.log_level,
            "randomness": manner.randomness,
            "verbosity": manner.verbosity,
            "detail": manner.detail,
            "logging": {**manner.logging},
            "coverage": manner.coverage,
            "sources": terms.is_elsewhere,
        }
        try:
            outcome = self._of(environment, terms.state).run(request, lambda asked: self._answer(shipper, asked))
        except StoppedError as stopped:
            return self._cut_off(environment, stopped, shipment, folders)
        return self._came(environment, outcome, shipment, folders)

    def _cut_off(
        self, environment: Environment, stopped: StoppedError, shipment: Shipment, folders: Sequence[str] | None
    ) -> Came:
        """Give what has ended the wait for a body, as raised from where that was."""
        error = stopped.__cause__ or stopped
        if stopped.outcome is None:
            return Came(error=error)
        came = self._came(environment, stopped.outcome, shipment, folders)
        where = came.error.__traceback__ if came.error is not None else None
        return came._replace(error=error.with_traceback(where), outcome=None)

    def _taken(self, environment: Environment, folders: Sequence[str] | None) -> dict[str, Any]:
        """Give what is in the folders of a test that travel with it.

        Raises:
            RefusedError: that is too much.
        """
        try:
            return taken(folders or ())
        except TooMuchError as error:
            raise RefusedError(
                f"{', '.join(folders or ())}: more than {MOST >> 20} MiB do not travel into {environment.label}: name the "
                "files in its settings (files), or write them there"
            ) from error

    def _of(self, environment: Environment, state: int | None) -> Warm:
        """Give the process that waits there; what was installed since it began, another one knows."""
        __tracebackhide__ = True
        place = environment.place
        with self._guard:
            warm = self._warm.get(place)
            if warm is not None and self._states.get(place) != state:
                warm.retire()
            if warm is None or not warm.is_there:
                warm = self._warm[place] = Warm(environment.converse, environment.label)
                self._states[place] = state
        return warm

    def _answer(self, shipper: Shipper, asked: Mapping[str, Any]) -> Any:
        if "module" in asked:
            return shipper.answer(asked["module"])
        decoder = Decoder(_found, lambda told: alike(told, decoder.decode))
        operator, *told = asked["compare"]
        try:
            left, right = (decoder.decode(each) for each in told)
        except Exception:  # noqa: BLE001  # There is something that only the other Python has.
            return None
        return self._explain(operator, left, right)

    def _came(  # noqa: PLR0911  # One for each thing that can come.
        self, environment: Environment, outcome: Outcome, shipment: Shipment, folders: Sequence[str] | None
    ) -> Came:
        streams = tuple(_whole(text, left_out) for text, left_out in outcome.streams)
        came = Came(streams=(streams[0], streams[1]))
        result = outcome.result
        if result is None:
            how = ended(outcome.status)
            return came._replace(
                error=RefusedError(f"{shipment.function[1]} has ended its Python in {environment.label}: it {how}")
            )
        if folders is not None and "too much" in result:
            return came._replace(
                error=RefusedError(
                    f"{', '.join(folders)}: {shipment.function[1]} has left more than {MOST >> 20} MiB there, which do not "
                    f"travel out of {environment.label}"
                )
            )
        if folders is not None:
            lay(result.get("folders") or {}, within=folders)
        came = came._replace(
            warnings=tuple(result.get("warnings", ())),
            logs=tuple(result.get("logs", ())),
            coverage=_measured(result.get("coverage"), shipment),
        )
        if "raised" in result:
            told = result["outcome"]
            _restore(result["raised"], shipment)
            error = rebuild(result["raised"])
            if isinstance(error, SyntaxError) and error.__traceback__ is None:  # It was not even begun.
                line = (error.text or "").strip()
                error = RefusedError(
                    f"{error.filename}:{error.lineno}: the Python of {environment.label} cannot read this: {error.msg}"
                    + (f"\n    {line}" if line else "")
                )
                told = None
            return came._replace(error=error, outcome=tuple(told) if told else None)
        if "untravelled" in result:
            path, what = result["untravelled"]
            part = f" (in {path})" if path else ""
            return came._replace(
                error=RefusedError(
                    f"{shipment.function[1]} returns {what}{part}, which cannot travel out of {environment.label}: only plain "
                    "data and paths do; return what you want to know of it"
                )
            )
        if "returned" in result:
            return came._replace(value=result["returned"])
        try:
            return came._replace(value=Decoder(_found).decode(result["value"]))
        except Exception as error:  # noqa: BLE001  # It came from elsewhere, and may be anything.
            why = f"{shipment.function[1]} returns what is not known here, in {environment.label}: {error}"
            return came._replace(error=RefusedError(why))

    def end(self, *environments: Environment) -> None:
        """End the warm processes of environments that are given back; all where none is named."""
        places = [each.place for each in environments] or [*self._warm]
        for place in places:
            warm = self._warm.pop(place, None)
            if warm is not None:
                warm.close()


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


def _found(module: str, name: str) -> Any:
    """Give a class or a function that this process has by that name.

    Nothing is imported for what an environment says, and no code of a module's is run for it.

    Raises:
        ValueError: there is none.
    """
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = vars(found).get(part) if isinstance(found, (type, ModuleType)) else None
    if not isinstance(found, (type, FunctionType, BuiltinFunctionType)):
        raise ValueError(f"there is no class or function {module}.{name}")  # noqa: TRY004  # Of what came, not of an argument.
    return found


def _whole(text: str, left_out: int) -> str:
    return f"{text}\n... and {left_out:,} bytes more\n" if left_out else text
