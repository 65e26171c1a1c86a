"""Runs one function in a process of its own: makes its module of source, gives it its arguments, and tells what came of it."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import nullcontext, suppress
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING

from .asserting import Explainer
from .enclosing import enclosing, is_of
from .memory import faulted
from .modules import Travelling
from .noting import Noting
from .reprs import short
from .sources import ASSERTING, STANDIN, compiled, is_compiled
from .streams import in_words
from .values import Decoder, Encoder, UntravelledError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .likenesses import Likenesses
    from .objects import Object
    from .standin import StandIn


class Body:
    """One function that is to run, as the other process asks for it.

    Args:
        request: what it has sent.
        ask: asks it something.
    """

    def __init__(self, request: dict[str, Any], ask: Callable[[dict[str, Any]], Any]) -> None:
        self._request = request
        self._ask = ask
        self._likenesses: Likenesses | None = None
        self._enclosed: dict[str, Any] = {}
        self._object: Object | None = None

    def run(self) -> dict[str, Any]:
        """Run it, and tell what came of it."""
        notes: dict[str, Any] = {}
        try:
            self._settle()
            with Noting(notes, self._request, self._raised), self._covering(notes):
                value = self._call()
            told = self._given_back(value)
        except BaseException as error:  # noqa: BLE001  # Whatever it is, it is what the function has raised.
            told = self._told(error)
        if self._object is not None:
            with suppress(Exception):  # What came of the test is told whatever it has done to its object.
                notes["self"] = self._object.left()
        if self._request["folders"] is not None:
            from .folders import TooMuchError, removed, taken  # noqa: PLC0415  # Is needed in containers alone.

            try:
                notes["folders"] = taken(self._request["folders"], self._request["files"])
            except TooMuchError as error:
                notes["too much"] = error.size
            removed(self._request["folders"])
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # It may be anything by now.
                stream.flush()
        return {**told, **notes}

    def _settle(self) -> None:
        """Have variables and folder as they are to be."""
        request = self._request
        if request["environ"] is not None:
            for name in os.environ.keys() - request["environ"].keys():
                del os.environ[name]
            # To set one takes longer than to look at it, and most are as they were.
            os.environ.update(
                {name: value for name, value in request["environ"].items() if os.environ.get(name) != value}
            )
        # Something may have been installed since this process began; to ask the finders themselves loads a lot of them.
        sys.path_importer_cache.clear()
        os.chdir(request["cwd"])
        if request["folders"] is not None:
            from .folders import lay  # noqa: PLC0415  # Is needed in containers alone.

            lay(request["files"])

    def _covering(self, notes: dict[str, Any]) -> Any:
        if self._request["coverage"] is None:
            return nullcontext()
        from .covering import Covering  # noqa: PLC0415  # Is needed where coverage is measured alone.

        return Covering(notes, self._request["coverage"])

    def _call(self) -> Any:
        """Make all that the function needs, call it, and wait for it where it is asynchronous."""
        request = self._request
        travelling = Travelling(self._ask, self._compiled)
        with travelling:
            module = self._module(travelling) if request.get("module") else None
            decoder = Decoder(self._finder(module))
            if request["randomness"] is not None:
                _seed(request["randomness"])
            fixtures = self._fixtures(request["made"])
            try:
                args = [decoder.decode(each) for each in request["positional"]]
                named = {name: decoder.decode(told) for name, told in request["named"].items()}
                named.update({name: fixtures.make(name) for name in request["made"]})
                value = self._function(module, decoder)(*args, **named)
                if hasattr(value, "__await__") or hasattr(value, "cr_frame"):
                    import asyncio  # noqa: PLC0415  # Takes its time, and few need it.

                    value = asyncio.run(value)
                return value
            finally:
                if fixtures is not None:
                    fixtures.end()

    def _fixtures(self, names: list[str]) -> Any:
        if not names:
            return None
        from .fixtures import Fixtures  # noqa: PLC0415  # Is needed where a body takes one alone.

        return Fixtures(1, 2, self._request["logging"])

    def _module(self, travelling: Travelling) -> ModuleType:
        """Make the module of the function, of as much of its source as was sent."""
        told = self._request["module"]
        module = ModuleType(told["name"])
        module.__file__ = told["file"]
        module.__package__ = told["package"]
        module.__spec__ = travelling.spec(told["name"], told)
        sys.modules[told["name"]] = module
        decoder = Decoder(self._finder(module))
        given = {name: decoder.decode(value) for name, value in told["given"].items() if not is_of(value, told["name"])}
        module.__dict__.update(given)
        travelling.fill(module, told)
        given.update({name: decoder.decode(value) for name, value in told["given"].items() if name not in given})
        # What a function has of the one that it stands in comes before what the module has under the same name.
        self._enclosed = {name: value for name, value in given.items() if module.__dict__.get(name, self) is not value}
        return module

    def _compiled(self, told: dict[str, Any], into: dict[str, Any]) -> Any:
        """Compile source of the user's, its assertions explained; and give it what stands for pytest."""
        if told["rewrite"]:
            into[ASSERTING] = Explainer(self._compare, self._request["most"])
        if "pytest" in told["source"]:
            into[STANDIN] = self._standin()
        return compiled(told)

    def _standin(self) -> StandIn:
        from .standin import StandIn  # noqa: PLC0415  # Is needed where a body uses pytest alone.

        return StandIn(self._request["label"], self._request["verbosity"])

    def _compare(self, operator: str, left: object, right: object) -> str | None:
        """Have the other process explain a comparison as its pytest does."""
        if not self._request["explain"]:
            return None
        from .likenesses import Likenesses  # noqa: PLC0415  # Is needed where an assertion fails alone.

        if self._likenesses is None:
            self._likenesses = Likenesses(self._request["most"])
        likenesses = self._likenesses
        encoder = Encoder(lambda value, _: likenesses.told(value, encoder.encode))
        try:
            asked = {"compare": [operator, encoder.encode(left), encoder.encode(right)]}
        except Exception:  # noqa: BLE001  # It is too deep, or code of the user's has raised something.
            return None
        answer: str | None = self._ask(asked)
        if answer is None and operator == "==" and f"{__package__}.approximate" in sys.modules:
            from .approxtelling import explained  # noqa: PLC0415  # Is needed for arrays of numpy alone: they do not travel.

            return explained(left, right, is_brief=self._request["verbosity"] < 1)
        return answer

    def _finder(self, module: ModuleType | None) -> Callable[[str, str], Any]:
        """Give what finds classes and functions by their names: those of the test module are here, as far as they came."""

        def find(name: str, path: str) -> Any:
            found: Any = module if module is not None and name == module.__name__ else importlib.import_module(name)
            for part in path.split("."):
                found = getattr(found, part)
            return found

        return find

    def _function(self, module: ModuleType | None, decoder: Decoder) -> Any:
        """Give it: a method is one of an object that has what the test's own object had."""
        told = self._request.get("self")
        if told is None:
            function = self._finder(module)(*self._request["function"])
            return enclosing(function, self._enclosed) if self._enclosed else function
        from .objects import Object  # noqa: PLC0415  # Is needed for methods alone.

        of_test = Object(self._finder(module)(*told["class"]), told, decoder)
        self._object = of_test if self._request["is_test"] else None
        return getattr(of_test.made, told["name"])

    def _given_back(self, value: Any) -> dict[str, Any]:
        """Tell what a function has returned."""
        if self._request["is_test"]:
            kind = type(value)
            return {"returned": None if value is None else [kind.__module__, kind.__qualname__, short(value)]}
        try:
            return {"value": Encoder().encode(value)}
        except UntravelledError as error:
            return {"untravelled": [error.path, error.what]}

    def _told(self, error: BaseException) -> dict[str, Any]:
        """Tell of an exception."""
        from .outcomes import outcome_of  # noqa: PLC0415  # Is needed where something was raised alone.

        error = in_words(error)
        outcome = outcome_of(error)
        code = getattr(error, "returncode", None)
        return {
            "raised": self._raised(error),
            "outcome": None if outcome is None else [*outcome, code if isinstance(code, int) else None],
        }

    def _raised(self, error: BaseException) -> dict[str, Any]:
        from .raised import told  # noqa: PLC0415  # Is needed where something was raised alone.

        return told(
            error,
            own={file for name, file in _files() if name.startswith(f"{__package__}.")},
            with_locals=self._request["locals"],
            most=None if self._request["detail"] > 2 else 240,  # noqa: PLR2004  # As pytest: from `-vvv` on.
            sources=self._request["sources"],
            pretty=self._request["detail"] > 1,
        )


def _seed(told: list[Any]) -> None:
    """Have random numbers be those of the other process, whatever the module has done to them."""
    import random  # noqa: PLC0415  # Takes some milliseconds.

    version, state, next_gauss = told
    random.setstate((version, tuple(state), next_gauss))


def _files() -> list[tuple[str, str]]:
    return [(name, getattr(module, "__file__", "") or "") for name, module in tuple(sys.modules.items())]


def run(request: dict[str, Any], ask: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Run what is asked for, and give what came of it.

    Besides, of what the next ones may gain by: whether its source was `compiled` here, which of our modules are `loaded`,
    of how many bytes this process had `faulted before`, and how many seconds it has `lasted`. How many it has by then,
    another process is to see: to look here would open a file, which an audit hook of the body's would be told.
    """
    module = request.get("module")
    is_new = module is not None and not is_compiled(module)
    before, began = faulted(), monotonic()
    told = Body(request, ask).run()
    lasted = monotonic() - began
    # To look at all modules would copy the pages of their names into this process.
    ours = tuple(vars(sys.modules[__package__]).items())  # A thread of the body's may go on with it.
    loaded = [f"{__package__}.{name}" for name, each in ours if isinstance(each, ModuleType)]
    return {**told, "loaded": loaded, "compiled": is_new, "faulted before": before, "lasted": lasted}
