"""The hooks that run a test's body in its environment, and report what came of it as if it had run here."""

from __future__ import annotations

import inspect
import sys
import unittest
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_envrepro.ahead import source_ahead
from pytest_envrepro.calling import Calling
from pytest_envrepro.childenv import is_untouched
from pytest_envrepro.comparisons import explained
from pytest_envrepro.covered import add, measuring
from pytest_envrepro.declarations import marks
from pytest_envrepro.declaring import is_inside
from pytest_envrepro.delivering import as_raised, deliver
from pytest_envrepro.errors import EnvReproError, RefusedError, SettingsError
from pytest_envrepro.far.fixtures import NAMES
from pytest_envrepro.manners import manner_of
from pytest_envrepro.shipments import Method
from pytest_envrepro.shipping import Shipper
from pytest_envrepro.stopping import explaining
from pytest_envrepro.travelling import beside
from pytest_envrepro.unfit import refuse_unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.arriving import Came
    from pytest_envrepro.calling import Manner
    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.lending import Lending

_OF_UNITTEST = (
    "inside=True runs functions, and methods of plain classes: unittest runs its own TestCase classes, here; write this test "
    "without unittest.TestCase"
)
_FOLDERS = "tmp_path_factory"
_APART = (
    "what a module calls of others when it is imported does not come along with a test: if this one needs it, write it into "
    "the test, or into a helper module beside it, which comes whole"
)
_TOLD = 5  # Statements that did not come along.


class Inside:
    """Runs bodies of tests in their environments, and functions for `Environment.call`."""

    def __init__(self, lending: Lending) -> None:
        self._lending = lending
        self._config = lending.config
        self._calling = Calling(explained)
        self._unmeasured: set[str] = set()
        self._scratches: dict[str, Path] = {}
        self._next: pytest.Item | None = None  # The test after the one that is at work.
        self._classes: dict[type, dict[str, Any]] = {}  # What each had before anything was set up.

    def begin(self, item: pytest.Item) -> None:
        """Have what a test needs that runs elsewhere set up with its own fixtures.

        Raises:
            SettingsError: it is none of pytest's own functions.
        """
        if isinstance(item, pytest.DoctestItem):
            return  # Its module is marked, for its tests: an example in a text runs where pytest imports it.
        cls = getattr(item, "cls", None)  # Of older versions of pytest there is no object yet.
        if not isinstance(item, pytest.Function) or (isinstance(cls, type) and issubclass(cls, unittest.TestCase)):
            raise SettingsError(_OF_UNITTEST)
        self.foresee(item)
        if _FOLDERS not in item.fixturenames:
            item.fixturenames.append(_FOLDERS)

    def foresee(self, item: pytest.Item) -> None:
        """Note what the class of a test has of its source alone, before anything of it is set up."""
        cls = getattr(item, "cls", None)
        if cls is not None and cls not in self._classes:
            self._classes[cls] = dict(vars(cls))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, nextitem: pytest.Item | None) -> None:
        """Note which test is the next."""
        self._next = nextitem

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run the body of a test that is marked so in its environment."""
        __tracebackhide__ = True
        if not is_inside(marks(pyfuncitem)):
            return None
        self._lending.given(cast("pytest.TempPathFactory", pyfuncitem.funcargs[_FOLDERS]))
        with explaining(pyfuncitem, self._lending.markers):
            plan = self._lending.demand.plan_of(pyfuncitem)
            environment = self._lending.lend(plan, is_private=False, scratch=self._scratches.get(plan.identity))
            came = self._run(pyfuncitem, environment)
            self._keep_scratch(plan.identity, environment)
        self._deliver(environment, came, is_test=True)
        if came.value is not None:
            self._return(pyfuncitem, came.value)
        return True

    def _return(self, item: pytest.Function, told: Sequence[str]) -> None:
        """Have pytest say what it says of a test that returns something."""
        module, name, text = told
        kind = type(name, (), {"__module__": module, "__qualname__": name, "__repr__": lambda _: text})
        function, item.obj = item.obj, lambda **_: kind()
        try:
            python: Any = self._config.pluginmanager.get_plugin("python")
            python.pytest_pyfunc_call(item)
        finally:
            item.obj = function

    def _keep_scratch(self, identity: str, environment: Environment) -> None:
        """Have the next test use the same folder for what programs write, as long as nothing was written there."""
        scratch: Path | None = getattr(environment, "scratch", None)
        if scratch is not None and is_untouched(scratch):
            self._scratches[identity] = scratch
        else:
            self._scratches.pop(identity, None)

    def _run(self, item: pytest.Function, environment: Environment) -> Came:
        names = [name for name in _parameters(item.obj) if name in item.funcargs]
        made = [name for name in names if name in NAMES and _is_pytests(item.funcargs[name])]
        given = {name: (_what(item, name), item.funcargs[name]) for name in names if name not in made}
        refuse_unfit({name: value for name, (_, value) in given.items()}, environment.label)
        shipper = self._shipper(environment, item)
        known_as = (item.module.__name__, item.originalname)
        shipment = shipper.ship(item.function, (), given, method=self._method(item), known_as=known_as, made=made)
        manner = self._manner(item)

        def ahead() -> Mapping[str, Any] | None:
            return source_ahead(self._next, shipment, lambda following: self._shipper(environment, following))

        came = self._calling.run(environment, shipper, shipment, manner, is_test=True, ahead=ahead)
        if shipment.self is not None and isinstance(item.instance, item.cls):
            _keep(item.instance, came)
        if came.error is not None and shipment.apart:
            self._lending.remarks.append((f"not in {environment.label}", _apart(item.path.name, shipment.apart)))
        return came

    def _method(self, item: pytest.Function) -> Method | None:
        """Give what a test is called on that is a method."""
        if item.cls is None:
            return None
        before = self._classes.get(item.cls, {})
        changed = {
            name: value
            for name, value in vars(item.cls).items()
            if not name.startswith("__") and before.get(name, self) is not value
        }
        # Of a static method and of one of the class, older ones of pytest have no instance.
        has = getattr(item.instance, "__dict__", {}) if isinstance(item.instance, item.cls) else {}
        return Method(_place(item), item.originalname, has, changed, is_of_test=True)

    def _shipper(self, environment: Environment, item: pytest.Item | None) -> Shipper:
        folders = self._lending.folders
        return Shipper(environment.label, self._beside(item), None if folders is None else folders.getbasetemp())

    def _beside(self, item: pytest.Item | None) -> Path:
        root = self._config.rootpath
        return root if item is None else beside(item.path, root)

    def call(
        self, environment: Environment, function: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]
    ) -> Any:
        """Call a function in an environment: see `Environment.call`."""
        __tracebackhide__ = True
        shipper = self._shipper(environment, self._lending.item)
        shown = getattr(function, "__name__", repr(function))
        positional = [(f"argument {number} of {shown}", each) for number, each in enumerate(args, 1)]
        given = {name: (f"argument {name!r} of {shown}", value) for name, value in named.items()}
        try:
            shipment = shipper.ship(function, positional, given, method=_method_of(function))
        except RefusedError as error:
            raise error.with_traceback(None) from None  # What is to be mended is where it was called.
        came = self._calling.run(environment, shipper, shipment, self._manner(self._lending.item), is_test=False)
        self._deliver(environment, came, is_test=False)
        return came.value

    def end(self, *environments: Environment) -> None:
        """End what waits in environments for functions to call; in all where none is named."""
        self._calling.end(*environments)

    def _manner(self, item: pytest.Item | None) -> Manner:
        return manner_of(self._config, item, self._beside(item))

    def _deliver(self, environment: Environment, came: Came, *, is_test: bool) -> None:
        """Do here what a body has done there: write, log, warn; and raise what it has raised."""
        __tracebackhide__ = True
        self._measure(environment, came)
        deliver(came)
        if came.error is not None:
            if isinstance(came.error, EnvReproError) and not is_test:
                raise came.error  # Whoever calls may expect it.
            raise as_raised(came.error, came.outcome)

    def _measure(self, environment: Environment, came: Came) -> None:
        """Add the lines that a body has run to those that are measured here."""
        measured = measuring()
        if measured is None:
            return
        if came.coverage is not None:
            add(measured, came.coverage, self._config.rootpath)
        elif came.error is None and environment.label not in self._unmeasured:
            self._unmeasured.add(environment.label)
            self._lending.tell(
                f"{environment.label}: what runs there is not measured: name coverage in its requirements to have it measured"
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector) -> None:
        """Say to somebody who debugs what the debugger shows."""
        if self._config.getoption("usepdb", False) and isinstance(node, pytest.Function) and is_inside(marks(node)):
            self._lending.tell(
                f"{node.name} has run in its environment: the debugger shows where it failed and what values looked like, "
                "and does not reach inside"
            )


def _parameters(function: Callable[..., Any]) -> Sequence[str]:
    try:
        return [*inspect.signature(function).parameters]
    except ValueError:  # A method that takes nothing at all: to call it tells that best.
        return ()


def _keep(instance: Any, came: Came) -> None:
    """Let the object of a test have what its body has made of the other one: `teardown_method` looks there."""
    state: dict[str, Any] = getattr(instance, "__dict__", {})
    state.update(came.has)
    for name in came.gone:
        state.pop(name, None)


def _place(item: pytest.Function) -> tuple[str, str]:
    """Give the module of a test's class, and its name there: its own, or the one that pytest has found it by."""
    cls: Any = item.cls
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is cls:
        return cls.__module__, cls.__qualname__
    names = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    return item.module.__name__, ".".join(names)


def _method_of(function: Callable[..., Any]) -> Method | None:
    """Give what a method of an object is called on."""
    instance = getattr(function, "__self__", None)
    if not inspect.ismethod(function) or isinstance(instance, type) or not hasattr(instance, "__dict__"):
        return None
    kind = type(instance)
    return Method((kind.__module__, kind.__qualname__), function.__name__, vars(instance), {})


def _apart(file: str, statements: Sequence[tuple[int, str]]) -> str:
    """Say what of a module did not come along with a test, which may be why it has failed."""
    lines = [f"{file}:{line}: {text}" for line, text in statements[:_TOLD]]
    more = len(statements) - _TOLD
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else []), _APART])


def _what(item: pytest.Function, name: str) -> str:
    """Say what gives a test an argument."""
    callspec = getattr(item, "callspec", None)
    is_parameter = callspec is not None and name in callspec.params
    return f"parameter '{name}'" if is_parameter else f"the value of fixture '{name}'"


def _is_pytests(value: object) -> bool:
    return type(value).__module__.startswith("_pytest")
