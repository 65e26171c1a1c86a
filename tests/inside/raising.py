"""Errors that are raised: in the body, in what it calls, chained, with classes and words of their own."""

from __future__ import annotations

HELPER = '''
"""Lies beside the tests."""
import warnings

LIMIT = 3


def bare(function):
    def inner(*args):
        function(*args)

    return inner


class SharedTests:
    """Tests that a class elsewhere has of this one."""

    size = LIMIT

    def test_of_another_module(self):
        assert self.size == LIMIT + 1

    def test_that_asks_the_class(self):
        assert checked(self.wanted()) == self.size


class HelperError(Exception):
    def __init__(self, code, *, hint):
        super().__init__(code)
        self.code, self.hint = code, hint

    def __str__(self):
        return f"code {self.code}: {self.hint}"


def checked(number):
    if number > LIMIT:
        raise HelperError(number, hint="too much")
    return number


def same(one, other):
    assert one == other, f"{one} is not the same"


def hidden(number):
    __tracebackhide__ = True
    return checked(number)


def warned():
    warnings.warn("the helper says so", UserWarning, stacklevel=2)


def skipped():
    import pytest

    pytest.skip("the helper skips")
'''

TESTS = '''
import functools

import pytest
import helper
from helper import HelperError, checked
from helper import hidden as concealed
from kit import tools
from kit.tools import parts


class OwnError(Exception):
    """Has no words."""


class CodeError(OwnError, ValueError):
    def __init__(self, code):
        self.code = code


class QuietError(Exception):
    def __str__(self):
        return ""


def below(number):
    if number == 0:
        raise OwnError("at the bottom")
    return below(number - 1)


def endless(number):
    return endless(number)


def test_an_error():
    raise ValueError("a word")


def test_no_words():
    raise OwnError


def test_own_words():
    raise OwnError("first line\\nsecond line")


def test_arguments():
    raise CodeError(3)


def test_several_arguments():
    raise OSError(2, "No such thing", "a.txt")


def test_no_text():
    raise QuietError(1)


def test_a_key():
    {"a": 1}["b"]


def test_division():
    numerator, divisor = 3, 0
    numerator = numerator / divisor


def test_deep():
    below(3)


def test_endless():
    endless(1)


def test_of_a_helper():
    checked(5)


def test_of_a_helper_by_its_module():
    helper.checked(number=7)


def test_hidden():
    concealed(9)


def test_an_assertion_of_a_helper():
    helper.same([1, 2], [1, 3])


def test_of_a_package():
    tools.cut("")


def test_of_a_part():
    parts.broken([1, 2])


def test_from():
    try:
        checked(4)
    except HelperError as error:
        raise OwnError("worse") from error


def test_during():
    try:
        checked(4)
    except HelperError:
        {}["a"]


def test_from_none():
    try:
        checked(4)
    except HelperError:
        raise OwnError("alone") from None


def test_a_long_chain():
    try:
        try:
            int("x")
        except ValueError as error:
            raise OwnError("second") from error
    except OwnError as error:
        raise CodeError(3) from error


def test_in_finally():
    try:
        raise OwnError("first")
    finally:
        checked(8)


def test_in_a_generator():
    def numbers():
        yield 1
        raise OwnError("no more numbers")

    assert list(numbers()) == [1]


def test_in_a_lambda():
    (lambda number: 1 / number)(0)


def test_by_a_sort():
    sorted([2, 1], key=checked and below and (lambda number: 1 / (number - 1)))


def test_in_a_method():
    class Inner:
        def method(self, first, *rest, flag=True, **more):
            raise OwnError(first)

    Inner().method("a", 2, flag=False, other="b")


def test_in_a_wrapper():
    def wrapped(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args)

        return wrapper

    @wrapped
    def inner(number):
        return checked(number)

    inner(6)


def test_raised_again():
    try:
        checked(5)
    except HelperError as error:
        raise error


def test_an_iterator():
    next(iter([]))


def test_a_base_exception():
    class Enough(BaseException):
        pass

    raise Enough("of it")


def test_generator_exit():
    raise GeneratorExit("out")


def test_text_that_cannot_be_had():
    class Unsayable(Exception):
        def __str__(self):
            raise LookupError("no words")

    raise Unsayable


def test_letters():
    raise OwnError("Grüße, 世界")


def test_long_words():
    raise OwnError("x" * 500)


def test_long_arguments():
    def given(number, text, table):
        raise OwnError("with all that")

    given(1, "t" * 400, {number: "v" * 20 for number in range(40)})


def test_sys_exit():
    import sys

    sys.exit("over")


def test_sys_exit_with_a_number():
    import sys

    sys.exit(3)


def test_a_helper_that_cannot_be_imported():
    import failing


def test_a_helper_that_imports_such_a_one():
    import importing


def test_a_traceback_as_text():
    import traceback

    try:
        raise OwnError("as text")
    except OwnError:
        print(traceback.format_exc())
    assert False


def test_a_package_that_is_not_there():
    import no_such_package


def test_a_name_of_a_helper_that_is_not_there():
    from helper import no_such_name




def test_notes_are_kept_by_hand():
    error = OwnError("with notes")
    error.__notes__ = ["a note", "another\\nin two lines"]
    raise error
'''

PACKAGE = {
    "failing.py": 'NAME = "failing"\n\nraise RuntimeError("cannot be imported")\n',
    "importing.py": "import failing\n",
    "kit/__init__.py": '"""A package beside the tests."""\n',
    "kit/tools.py": """
from . import parts
from .parts import KNIFE


def cut(what):
    if not what:
        raise parts.EmptyError(f"the {KNIFE} has nothing to cut")
    return what[1:]
""",
    "kit/parts.py": """
KNIFE = "knife"


class EmptyError(LookupError):
    pass


def broken(things):
    assert things == [], "not empty"
""",
}
