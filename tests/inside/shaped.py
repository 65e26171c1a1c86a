"""How tests and what they use are written: classes, decorators, closures, and what stands at the top of a module."""

from __future__ import annotations

CONFTEST = '''
import asyncio
import inspect


@pytest.hookimpl(trylast=False)
def pytest_pyfunc_call(pyfuncitem):
    """Run what is asynchronous, as plugins do."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    __tracebackhide__ = True
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
'''

STARRED = """
from math import pi

__all__ = ["HEIGHT", "area"]
HEIGHT = 4


def area(radius):
    return pi * radius**2
"""

TESTS = '''
"""Has a text of its own."""
import asyncio
import contextlib
import functools
import itertools
import os
import sys
import threading
from types import SimpleNamespace
from unittest import mock

import pytest
import helper
import pluggy  # Is where pytest is, and is used by none of the tests.
from starred import *

try:
    import no_such_package as json
except ImportError:
    import json

if sys.version_info >= (3, 8):
    WORD = "new"
else:
    WORD = "old"

SIZE = len(WORD) * 2
ROWS = [number**2 for number in range(3)]
ROWS.append(SIZE)
TABLE = {}
TABLE["rows"] = ROWS
FIRST, *REST = ROWS
COUNT: int = 3
HERE = os.path.dirname(__file__)
later = functools.partial(max, 3)


def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **named):
        wrapper.calls += 1
        return function(*args, **named)

    wrapper.calls = 0
    return wrapper


def telling(word):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **named):
            print(word)
            return function(*args, **named)

        return wrapper

    return decorate


@counted
def one(number):
    return number


def total(numbers):
    """Sum up.

    >>> total([1])
    1
    """
    return sum(numbers)


@functools.lru_cache(maxsize=None)
def fibonacci(number):
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def made():
    step = 2

    def test(number):
        assert number * step == 5

    return test


def generated():
    received = yield 1
    yield received


@contextlib.contextmanager
def block():
    yield "in"


class Base:
    kind = "base"

    def described(self):
        return f"{self.kind} {type(self).__name__}"


class Derived(Base):
    kind = "derived"

    def described(self):
        return "a " + super().described()

    @property
    def size(self):
        return len(self.kind)


def test_globals():
    assert (SIZE, ROWS, FIRST, REST, COUNT) == (6, [0, 1, 4], 0, [1, 4], 3)


def test_what_is_changed_at_the_top():
    assert TABLE == {"rows": []}


def test_an_import_that_fails():
    assert json.dumps([WORD]) == "[]"


def test_starred():
    assert area(HEIGHT) == 0


def test_a_partial():
    assert later(2) == 2


def test_a_decorated_helper():
    one(1)
    assert one(2) == 2
    assert one.calls == 3


def test_a_cached_helper():
    assert fibonacci(10) == 54


@counted
def test_decorated():
    assert one(1) == 2


@telling("told")
def test_decorated_with_arguments(tmp_path):
    assert tmp_path.name == "x"


@mock.patch("os.getcwd", return_value="/nowhere")
def test_patched(getcwd, fruit):
    assert os.getcwd() == fruit


@mock.patch.dict(os.environ, {"CASES_WORD": "w"})
def test_patched_variables():
    assert os.environ["CASES_WORD"] == "v"


def test_a_mock():
    thing = mock.Mock()
    thing.do(1)
    thing.do.assert_called_once_with(1)
    assert thing.do.call_count == 2


def test_a_nested_function():
    made()(3)


def test_a_closure():
    count = 0

    def step():
        nonlocal count
        count += 1
        return count

    step()
    assert step() == 3


def test_a_global():
    global COUNT
    COUNT += 1
    assert COUNT == 5


def test_the_global_is_as_it_was_for_another():
    assert SIZE == len(WORD) * 2


def test_a_generator():
    numbers = generated()
    next(numbers)
    assert numbers.send(3) == 4


def test_a_block():
    with block() as word:
        assert word == "out"


def test_a_derived_class():
    thing = Derived()
    assert thing.described() == "a base Derived"
    assert thing.size == 1


def test_a_property():
    assert Derived().size == 1


def test_a_name_that_is_none():
    return no_such_name


def test_the_text_of_the_module():
    assert __doc__ == "Has no text."


def test_with_a_text():
    """Says what it is about."""
    assert total([1, 2]) == 4


def test_defaults(number=3):
    assert number == 4


def test_itself():
    assert test_itself.__name__ == "test_another"


def test_a_class_of_its_own():
    class Local(Base):
        kind = "local"

    assert Local().described() == "remote Local"


def test_a_namespace():
    assert SimpleNamespace(a=1) == SimpleNamespace(a=2)


def test_annotated(tmp_path: "Path") -> "None":
    numbers: "list[int]" = [1]
    assert numbers == [2]


def test_iterated():
    assert list(itertools.chain([1], [2])) == [1]


@pytest.mark.parametrize("number", range(2))
@counted
def test_decorated_and_parametrized(number):
    assert number == 0


async def pause(number):
    await asyncio.sleep(0)
    return number


async def test_asynchronous():
    assert await pause(1) == 2


async def test_asynchronous_passes():
    assert await asyncio.gather(pause(1), pause(2)) == [1, 2]


async def test_asynchronous_with_a_fixture(fruit):
    raise LookupError(fruit[0])


class TestMethods:
    size = 3
    rows = [1, 2]

    def setup_method(self, method):
        self.name = method.__name__
        self.fruit = {"apple": 1}

    def teardown_method(self):
        print(f"torn down: {self.name}")

    def helped(self, number):
        return number + self.size

    def test_method(self):
        assert self.helped(1) == 5

    def test_attribute(self):
        assert self.fruit == {"apple": 2}

    def test_name(self):
        assert self.name == "other"

    def test_attribute_of_the_class(self):
        assert type(self).rows == [1, 3]

    def test_with_a_fixture(self, fruit):
        assert (self.size, fruit) == (3, [])

    def test_itself(self):
        assert isinstance(self, TestMethods) and self.size == 4

    @staticmethod
    def test_static():
        assert 1 == 2

    @pytest.mark.parametrize("number", [3, 4])
    def test_parameters(self, number):
        assert self.size == number

    @pytest.mark.xfail(reason="known")
    def test_xfail(self):
        assert self.size == 4

    @pytest.fixture
    def own(self):
        return "of the class"

    def test_own_fixture(self, own):
        assert own == "of another"

    async def test_asynchronous(self):
        assert await pause(self.size) == 4


class TestOuter:
    size = 3

    class TestInner:
        def test_inner(self):
            assert TestOuter.size == 4

        class TestInnermost:
            word = "in"

            def test_innermost(self):
                assert self.word == "out"


class Shared:
    word = "shared"

    def test_inherited(self):
        assert self.word == "own"

    def test_twice(self):
        assert self.made() == 1


class TestDerived(Shared, Base):
    word = "derived"

    def made(self):
        return len(self.described())

    def setup_method(self):
        self.begun = True

    def test_begun(self):
        assert not self.begun

    def test_super(self):
        assert super().described() == "x"


class TestElsewhere(helper.SharedTests):
    size = 2

    def wanted(self):
        return FIRST


class TestClassMethods:
    @classmethod
    def setup_class(cls):
        cls.begun = "yes"

    def test_of_the_class(self):
        assert self.begun == "no"

    @classmethod
    def test_class_method(cls):
        assert cls.__name__ == "X"


def bare(function):
    def inner(*args):
        function(*args)

    return inner


@bare
def test_of_a_bare_decorator():
    assert SIZE == 7


@helper.bare
def test_of_a_bare_decorator_elsewhere():
    assert SIZE == 7


class TestLeaving:
    def setup_method(self):
        self.lock = threading.Lock()
        self.steps = ["set up"]
        self.gone = True

    def teardown_method(self):
        with self.lock:
            print(self.steps, self.left, hasattr(self, "gone"))

    def test_state(self):
        self.steps.append("run")
        self.left = {"size": (1, 2)}
        del self.gone

    def test_state_of_a_failure(self):
        self.left = []
        assert self.steps == []

    @bare
    def test_bare(self):
        self.left = 5
        assert self.steps == []
'''
