"""What each version of Python says in its own words: is compared where both are of the same version."""

from __future__ import annotations

TESTS = """
import contextlib
import json
import sys
import threading

import pytest

from kit import tools


class OwnError(Exception):
    pass


def test_a_missing_argument():
    def given(first, *, second):
        pass

    given(1)


def test_an_attribute():
    tools.cutt


def test_an_attribute_of_a_value():
    value = [1]
    value.apend(2)


def test_a_name():
    number = 3
    return nunber


def test_of_a_class():
    class Own:
        kind = 3

    Own().kin


def test_syntax():
    compile("x = = 3", "given.py", "exec")


def test_syntax_by_eval():
    eval("1 +")


def test_indentation():
    exec("def f():\\npass")


def test_a_helper_with_wrong_syntax():
    import wrong


def test_unpacking():
    first, second = [1, 2, 3]


def test_of_none():
    None.method()


def test_adding():
    1 + "a"


def test_not_callable():
    tools()


def test_decoding():
    b"\\xff".decode("utf-8")


def test_of_the_standard_library():
    json.loads('{"a": }')


def test_a_file_that_is_not_there():
    open("no such file")


def test_in_a_block():
    @contextlib.contextmanager
    def opened():
        try:
            yield 1
        finally:
            raise OwnError("while closing")

    with opened():
        pass


def test_raises_nothing():
    with pytest.raises(OwnError):
        number = 1
        number += 1


def test_warns_nothing():
    with pytest.warns(UserWarning):
        number = 1
        number += 1


def test_in_a_comprehension():
    [10 / number for number in (2, 1, 0)]


def test_a_match():
    match {"kind": "a", "size": 3}:
        case {"kind": "a", "size": size}:
            assert size == 4


class Falling:
    def __del__(self):
        raise OwnError("on its way")


def test_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0, name="worker")
    thread.start()
    thread.join()


def test_in_a_thread_that_exits():
    thread = threading.Thread(target=sys.exit, name="leaver")
    thread.start()
    thread.join()


def test_while_it_is_deleted():
    Falling()


def test_beside_a_failure():
    Falling()
    thread = threading.Thread(target=lambda: [].pop(), name="worker")
    thread.start()
    thread.join()
    assert 1 == 2
"""

# Needs Python 3.11.
GROUPS = """

def test_a_group():
    errors = [OwnError("one"), ValueError("two")]
    raise ExceptionGroup("several", errors)


def test_a_group_within_a_group():
    try:
        raise OwnError("inner")
    except OwnError as error:
        raise ExceptionGroup("outer", [ExceptionGroup("middle", [error]), KeyError("k")]) from error


def test_a_group_is_raised():
    with pytest.raises(ExceptionGroup) as caught:
        raise ExceptionGroup("several", [OwnError("one")])
    assert caught.value.exceptions[0].args == ("two",)


def test_notes():
    error = OwnError("with notes")
    error.add_note("a note")
    error.add_note("another\\nin two lines")
    raise error


def test_in_except_star():
    try:
        raise ExceptionGroup("several", [OwnError("one"), ValueError("two")])
    except* ValueError:
        pass
"""

WRONG = """
def half(
    return 1
"""
