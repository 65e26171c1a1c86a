"""What a module does to itself, and to others, when it is imported: tests see it, by whatever names they use."""

from __future__ import annotations

TESTS = """
import decimal
import functools
import logging
import os
import pluggy
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
import helper

HANDLERS = {}
BY_KIND = defaultdict(list)
COUNT = 0
LINES = []
SQUARES = {}
CALLS = []


def handles(name):
    def keep(function):
        HANDLERS[name] = function
        note(name)
        return function
    return keep


def note(name):
    global COUNT
    COUNT += 1
    LINES.append(f"{COUNT}. {name}")


def counted(function):
    @functools.wraps(function)
    def wrapper(*args):
        calls = CALLS
        calls.append(function.__name__)
        return function(*args)
    return wrapper


@handles("one")
def first():
    return 1


@handles("two")
def second():
    return 2 * first()


class Registry:
    def __init__(self):
        self.known = []

    def __call__(self, function):
        self.known.append(function.__name__)
        return function

    def add(self, name):
        return lambda function: self.known.append(name) or function


registry = Registry()


@registry
def plain():
    return 0


@registry.add("named")
def named():
    return 0


class Plugin:
    every = []

    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        cls.every.append(cls.__name__)


class Blue(Plugin):
    pass


class Green(Blue):
    pass


class Noting(type):
    def __new__(kind, name, bases, space):
        made = super().__new__(kind, name, bases, space)
        BY_KIND[space.get("kind")].append(name)
        return made


class Shape(metaclass=Noting):
    kind = "none"


class Circle(Shape):
    kind = "round"


def fill(squares, most):
    for number in range(most):
        squares[number] = number ** 2


def fill_more():
    SQUARES.update({10: 100})
    fill(SQUARES, 2)


fill(SQUARES, 3)
fill_more()
for number in (5, 6):
    note(number)
if COUNT > 1:
    LINES.insert(0, "begins")
os.environ["ENVREPRO_MODULE"] = "said so"
decimal.getcontext().Emin = -77
helper.SAID = "changed"

if TYPE_CHECKING:
    HANDLERS.clear()
else:
    LINES.append("is run")


def configure():
    os.environ["ENVREPRO_CALLED"] = "too"


configure()


@functools.singledispatch
def show(value):
    return "any"


@show.register
def _(value: int):
    return "int"


# What reads does not come along, with what only this Python has.
LOG = logging.getLogger("importing")
NAMES = {"a": 1}
SIZES = [3, 4]


def load():
    LOG.debug("loads")
    return NAMES.get("a")


MARKER = pluggy.HookspecMarker(str(load()))
MANAGER = pluggy.PluginManager(os.getcwd())
double = lambda size, sizes=SIZES: [size for size in sizes]


class NeedsThis:
    @pytest.mark.parametrize("name, number", NAMES.items())
    def test_other(self, name, number):
        assert pluggy is not None


if __name__ == "__main__":
    HANDLERS.clear()
    note("never")


def test_filled_by_decorators():
    assert [*HANDLERS] == ["one", "two"]
    assert [each() for each in HANDLERS.values()] == [1, 2]


def test_global_of_a_helper():
    assert COUNT == 4


def test_filled_by_calls_of_calls():
    assert LINES == ["begins", "1. one", "2. two", "3. 5", "4. 6", "is run"]


def test_filled_by_an_object():
    assert registry.known == ["plain", "named"]


def test_kept_by_a_class():
    assert Plugin.every == ["Blue", "Green"]


def test_kept_by_the_class_of_a_class():
    assert dict(BY_KIND) == {"none": ["Shape"], "round": ["Circle"]}


def test_filled_by_a_function():
    assert SQUARES == {0: 0, 1: 1, 2: 4, 10: 100}


def test_variable():
    assert os.environ["ENVREPRO_MODULE"] == "said so"


def test_variable_of_a_call():
    assert os.environ["ENVREPRO_CALLED"] == "too"


def test_singledispatch():
    assert [show(1), show("a")] == ["int", "any"]


def test_reads():
    LOG.info("is here")
    assert NAMES == {"a": 1}


def test_default_of_a_lambda():
    assert double(1) == [3, 4]
    SIZES = [SIZE for SIZE in globals()["SIZES"]]
    assert SIZES == [3, 4]


def test_setting():
    assert decimal.getcontext().Emin == -77


def test_other_module():
    assert helper.SAID == "changed"


@counted
def test_own_decorator():
    assert CALLS == ["test_own_decorator"]
"""
