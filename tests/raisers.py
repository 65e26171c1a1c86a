"""Tests that fail in all ways: a project in which each is run here, or its exception has travelled."""

from __future__ import annotations

# Both ways the body is called by the same code, so that a recursion is as deep in one as in the other.
CONFTEST = """
import inspect
import json
import os

import pytest

from pytest_envrepro.far.raised import told
from pytest_envrepro.rebuilding import rebuild

WANTED = json.loads(os.environ.get("RAISERS_WANTED", "null"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    names = inspect.signature(pyfuncitem.obj).parameters
    error = None
    try:
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    except BaseException as caught:
        if WANTED is None:
            raise
        error = told(caught, own=[__file__], **WANTED)
    if error is not None:
        raise rebuild(json.loads(json.dumps(error)))
    return True
"""

HELPER = '''
import contextlib
import functools
import itertools


class OddError(ValueError):
    """Has arguments of its own, and a text."""

    def __init__(self, code, *, hint):
        super().__init__(code)
        self.code, self.hint = code, hint

    def __str__(self):
        return f"code {self.code}\\n  hint: {self.hint}"


class Needy(Exception):
    def __init_subclass__(cls, *, needed):
        cls.needed = needed


class NeedsMore(Needy, needed=1):
    pass


class Both(KeyError, OSError):
    pass


class Asking(Exception):
    def __getattr__(self, name):
        return getattr(self.inner, name)


class Frozen(Exception):
    def __setattr__(self, name, value):
        if name in ("__cause__", "__traceback__"):  # As the standard library sets it.
            return super().__setattr__(name, value)
        raise TypeError(f"{name} is frozen")


class Unsayable(Exception):
    def __str__(self):
        raise LookupError("no words")

    __repr__ = __str__


class Broken:
    def __repr__(self):
        raise RuntimeError("no repr")


class Lines:
    def __repr__(self):
        return "Lines(\\n  1,\\n  2)"


class Walker:
    def __init__(self, steps):
        self.steps = steps

    def walk(self, to, *others, speed=1, **rest):
        left = self.steps - to
        return self.stop(left) if left < 0 else self.walk(to + 1)

    @property
    def place(self):
        return self.nowhere

    @classmethod
    def make(cls, steps):
        return cls(int(steps))

    @staticmethod
    def stop(left):
        raise OverflowError(f"{left} left")


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        return result

    return wrapper


@wrapped
@wrapped
def decorated(value):
    # A comment.
    return [
        1 / each
        for each in value
    ]


def hidden(value):
    __tracebackhide__ = True
    check(value)


def hidden_by_call(value):
    __tracebackhide__ = lambda raised: raised.errisinstance(AssertionError)
    check(value)


def not_hidden(value):
    __tracebackhide__ = False
    check(value)


def check(value):
    __tracebackhide__ = value < 0
    if value < 10:
        raise AssertionError(f"{value} is too small")


def generated(limit):
    for number in range(limit):
        yield 1 / (limit - 1 - number)


def again(same):
    return again(same)


def deeper(number):
    return deeper(number + 1)


numbers = itertools.count()


def counting():
    number = next(numbers)
    return counting()


class Uncomparable:
    def __eq__(self, other):
        raise ArithmeticError("which of them?")


def uncomparable(one):
    return uncomparable(Uncomparable())


def there(number):
    if number == 7: return back(number) + 1
    return back(number + 1) + there(number)


def back(number):
    return there(number)


@contextlib.contextmanager
def managed():
    try:
        yield
    except ValueError as error:
        raise RuntimeError("managed") from error
'''

TESTS = '''
import asyncio
import json

import helper
import pytest
from helper import *


class LocalError(helper.OddError):
    pass


def test_assert():
    numbers = [1, 2, 3]
    assert sum(numbers) == 7

def test_assert_with_a_message():
    assert not [1], "there is\\nsomething"

def test_assert_of_text():
    assert "one\\ntwo" == "one\\nthree"

def test_own_assertion_error():
    raise AssertionError

def test_like_an_assertion():
    raise AssertionError("assert what is not\\nso")

def test_key_error():
    {"a": 1}["b"]

def test_odd_text():
    raise OddError(3, hint="try it")

def test_local_class():
    raise LocalError(3, hint="try it")

def test_class_in_a_function():
    class Inner(LookupError):
        pass
    raise Inner("inner")

def test_class_that_is_asked():
    raise NeedsMore("more")

def test_class_of_two():
    raise Both("both")

def test_class_that_gives_anything():
    error = Asking("asking")
    error.inner = error.args
    raise error

def test_class_that_is_frozen():
    raise Frozen("frozen")

def test_no_text():
    raise Unsayable("x")

def test_from():
    try:
        {}["missing"]
    except KeyError as error:
        raise LookupError("not there") from error

def test_from_none():
    try:
        {}["missing"]
    except KeyError as error:
        raise LookupError("not there") from None

def test_from_one_that_was_not_raised():
    raise LookupError("not there") from OSError(2, "none")

def test_during_handling():
    try:
        Walker.make("3").walk(1)
    except OverflowError:
        try:
            int("x")
        except ValueError:
            json.loads("{")

def test_circle():
    first, second = ValueError("first"), TypeError("second")
    try:
        raise first
    except ValueError:
        try:
            raise second
        except TypeError:
            first.__cause__ = second
            raise

def test_syntax_error():
    compile("x = 1\\nif x\\n", "given.py", "exec")

def test_syntax_error_of_text():
    exec("a b c")

def test_syntax_error_made():
    raise SyntaxError("made")

def test_indentation_error():
    exec("if 1:\\nx")

def test_decode_error():
    b"caf\\xe9".decode("utf-8")

def test_encode_error():
    "caf\\xe9".encode("ascii")

def test_os_error():
    open("/no/such/file")

def test_os_error_plain():
    raise OSError("plain")

def test_system_exit():
    raise SystemExit(3)

def test_system_exit_with_text():
    import sys
    sys.exit("bye")

def test_stop_iteration():
    next(iter([]))

def test_import_error():
    import no_such_module

def test_import_from_error():
    from json import no_such_name

def test_name_error():
    lenght = 1
    print(lenghts)

def test_name_of_a_module():
    decimal.Decimal(1)

def test_attribute_error():
    Walker(1).stepz

def test_attribute_of_a_property():
    Walker(1).place

def test_recursion():
    again([1, 2])

def test_deep_recursion():
    deeper(0)

def test_recursion_without_arguments():
    counting()

def test_uncomparable_recursion():
    uncomparable(Uncomparable())

def test_recursion_of_two():
    there(0)

def test_deep_calls():
    walker = Walker.make("2")
    walker.walk(1, "other", speed=2, colour="red")

def test_decorated():
    decorated([1, 0])

def test_nested():
    factor = 0
    def outer(value):
        def inner(other, *, strict=True):
            return value / factor if strict else other
        return inner(value)
    outer(5)

def test_lambda():
    (lambda x, *y: x / 0)(1, 2)

def test_lambda_of_lines():
    run = lambda x: (
        x +
        x.nothing
    )
    run(1)

def test_comprehensions():
    [{k: v / 0 for k, v in each.items()} for each in [{1: 2}]]

def test_generator():
    sum(generated(3))

def test_generator_expression():
    sum(1 / each for each in [1, 0])

def test_async():
    async def inner(value):
        await asyncio.sleep(0)
        return 1 / value
    async def outer():
        return await inner(0)
    asyncio.run(outer())

def test_exec():
    exec("def made(x):\\n    return x / 0\\nmade(1)", {"__name__": "made"})

def test_eval():
    eval("1 / zero", {"zero": 0})

def test_exec_with_a_file():
    source = "one = 1\\none / 0\\n"
    exec(compile(source, "none/such.py", "exec"), {"__name__": "made"})

def test_source_of_no_file():
    import linecache
    source = "def made(x):\\n    return x / 0\\n\\nmade(1)\\n"
    linecache.cache["<made of text>"] = (len(source), None, source.splitlines(True), "<made of text>")
    exec(compile(source, "<made of text>", "exec"), {"__name__": "made"})

def test_class_body():
    class Body:
        one = 1
        two = one / 0

def test_hidden():
    hidden(3)

def test_hidden_by_a_call():
    hidden_by_call(3)

def test_hidden_by_a_value():
    check(-1)

def test_not_hidden():
    not_hidden(3)

def test_all_hidden():
    __tracebackhide__ = True
    assert 0

def test_managed():
    with managed():
        int("x")

def test_raises_nothing():
    with pytest.raises(ValueError):
        pass

def test_raises_another_text():
    with pytest.raises(ValueError, match="other"):
        int("x")

def test_huge_values():
    def inner(numbers, text, table, nested):
        words = {"word %d" % n for n in range(3)}
        raise ValueError("x" * 1000)
    inner(list(range(1000)), "long " * 300, {n: "n" * n for n in range(90)}, [[[[[[[[[1]]]]]]]]])

def test_odd_values():
    def inner(broken, lines, held, nothing, number, *args, **kwargs):
        found = [Lines(), {"a": Lines()}]
        others = (Broken(),)
        del nothing
        return number / 0
    inner(Broken(), Lines(), [Lines()], None, 1.5, "a", b"b", key=float("nan"))

def test_arguments_that_are_bound_again(request):
    def inner(one, two=2, *, three, four=4):
        one = [one]
        seen = lambda: two
        raise NotImplementedError
    inner(1, three=3)

@pytest.mark.parametrize("number, text", [(1, "a"), (2, "b\\nc")])
def test_parametrized(number, text):
    assert number == text

class TestGroup:
    """A class of tests."""

    def test_method(self):
        assert self.helper() == 2

    def helper(self):
        return Walker(1).walk(5)

@pytest.mark.xfail(raises=LocalError, strict=True)
def test_expected_local():
    raise LocalError(1, hint="none")

@pytest.mark.xfail(raises=OSError, strict=True)
def test_expected_base():
    open("/no/such/file")

@pytest.mark.xfail(raises=KeyError)
def test_expected_another():
    raise IndexError

def test_two_calls_in_a_line():
    a, b = Walker(1), Walker(2); a.walk(1) if b is None else b.walk(7)

def test_wide_characters():
    ü = "日本語"; [ü.encode("ascii"), 1]

def test_statement_of_lines():
    json.loads(
        "{"
        "}"
        "]",
    )
'''

# What came with Python 3.11, and what `exceptiongroup` gives older ones.
GROUPS = """
import sys

import pytest

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup


def failing(name, value):
    try:
        return 1 / value if name != "int" else int("x")
    except Exception as error:
        return error


class OwnGroup(ExceptionGroup):
    def derive(self, excs):
        return OwnGroup(self.message, excs)


def test_group():
    raise ExceptionGroup("some", [failing("int", 1), failing("zero", 0), ValueError("not raised")])

def test_group_of_one():
    raise ExceptionGroup("one", [failing("zero", 0)])

def test_group_of_groups():
    inner = ExceptionGroup("inner", [failing("zero", 0)])
    raise OwnGroup("outer", [inner, failing("int", 1)])

def test_group_with_an_exit():
    raise BaseExceptionGroup("base", [SystemExit(3), KeyError("k")])

def test_group_from():
    try:
        raise ExceptionGroup("some", [failing("int", 1)])
    except ExceptionGroup as error:
        raise RuntimeError("of a group") from error

@pytest.mark.xfail(raises=ExceptionGroup, strict=True)
def test_expected_group():
    raise ExceptionGroup("some", [ValueError(1)])
"""

NOTES = """
import pytest


def noted(error, *notes):
    error.__notes__ = list(notes)
    return error


def test_notes():
    raise noted(ValueError("x"), "one note", "two\\nlines")

def test_note_that_is_no_text():
    raise noted(ValueError("x"), 3, ["list"])

def test_note_of_an_assertion():
    try:
        assert 1 == 2
    except AssertionError as error:
        raise noted(error, "noted")
"""
