"""Runs functions in environments: keeps a warm process for each, and gives back what came of it as if it had run here."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.arriving import Came, arrived, found
from pytest_envrepro.comparisons import alike
from pytest_envrepro.errors import RefusedError
from pytest_envrepro.far.folders import MOST, TooMuchError, taken
from pytest_envrepro.far.values import Decoder
from pytest_envrepro.warm import StoppedError, Warm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.shipments import Shipment
    from pytest_envrepro.shipping import Shipper


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
        self,
        environment: Environment,
        shipper: Shipper,
        shipment: Shipment,
        manner: Manner,
        *,
        is_test: bool,
        ahead: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> Came:
        """Run a function to its end.

        Args:
            ahead: as of `Warm.run`.

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
            outcome = self._of(environment, terms.state).run(request, lambda asked: self._answer(shipper, asked), ahead)
        except StoppedError as stopped:
            return self._cut_off(environment, stopped, shipment, folders)
        return arrived(environment.label, outcome, shipment, folders)

    def _cut_off(
        self, environment: Environment, stopped: StoppedError, shipment: Shipment, folders: Sequence[str] | None
    ) -> Came:
        """Give what has ended the wait for a body, as raised from where that was."""
        error = stopped.__cause__ or stopped
        if stopped.outcome is None:
            return Came(error=error)
        came = arrived(environment.label, stopped.outcome, shipment, folders)
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
        decoder = Decoder(found, lambda told: alike(told, decoder.decode))
        operator, *told = asked["compare"]
        try:
            left, right = (decoder.decode(each) for each in told)
        except Exception:  # noqa: BLE001  # There is something that only the other Python has.
            return None
        return self._explain(operator, left, right)

    def end(self, *environments: Environment) -> None:
        """End the warm processes of environments that are given back; all where none is named."""
        places = [each.place for each in environments] or [*self._warm]
        for place in places:
            warm = self._warm.pop(place, None)
            if warm is not None:
                warm.close()
