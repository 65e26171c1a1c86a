"""What tests are given: fixtures, parameters, folders."""

from __future__ import annotations

CONFTEST = """
import enum

import pytest

FRUIT = ["apple", "pear"]


@pytest.fixture
def fruit():
    return list(FRUIT)


@pytest.fixture(scope="module")
def numbers():
    return {"one": 1, "two": (2, 2.5, b"2")}


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "old.txt").write_text("old")
    return inner


@pytest.fixture(params=["a", "b"])
def letter(request):
    return request.param * 2
"""

TESTS = '''
import datetime
import decimal
import enum
import fractions
import os
import pathlib
import re
import sys
import uuid

import helper

import pytest

SEEN = []


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Box:
    """A class as a value."""


def shrink(number):
    return number - 1


@pytest.fixture
def table():
    print("set up")
    yield {"a": [1, 2]}
    print("torn down")


@pytest.fixture
def seen():
    SEEN.append("here")
    yield SEEN[-1]
    SEEN.pop()


@pytest.fixture(autouse=True)
def around(request):
    print(f"before {request.node.name}")
    yield
    print(f"after {request.node.name}")


@pytest.fixture
def broken():
    raise LookupError("no table")


@pytest.fixture
def broken_later():
    yield 1
    raise LookupError("no table any more")


@pytest.fixture
def doubled(request):
    return request.param * 2


@pytest.fixture
def refused():
    pytest.skip("nothing to give")


def test_plain(fruit):
    assert fruit == ["apple", "peach"]


def test_of_the_module(numbers):
    assert numbers["two"] == (2, 2.5, b"3")


def test_with_a_teardown(table):
    table["a"].append(3)
    assert table == {"a": [1, 2]}


def test_with_a_teardown_that_passes(table, seen):
    assert (seen, table["a"]) == ("here", [1, 2])


def test_that_is_broken(broken):
    assert False


def test_that_is_broken_later(broken_later):
    assert broken_later == 1


def test_that_fails_and_is_broken_later(broken_later):
    assert broken_later == 2


def test_that_is_refused(refused):
    assert False


def test_each(letter):
    assert letter == "aa"


@pytest.mark.usefixtures("table")
def test_that_is_not_named():
    assert False


@pytest.mark.parametrize("number", [1, 2])
def test_parameters(number):
    assert number == 1


@pytest.mark.parametrize(("left", "right"), [(1, 2), pytest.param(3, 3, id="same"), ("a", None)])
def test_parameters_of_several(left, right):
    assert left == right


@pytest.mark.parametrize("first", "ab")
@pytest.mark.parametrize("second", [True, None])
def test_parameters_twice(first, second):
    assert first == "a" and second


@pytest.mark.parametrize("doubled", [1, "x"], indirect=True)
def test_indirect(doubled):
    assert doubled == 2


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1, marks=pytest.mark.skip(reason="not one")),
        pytest.param(2, marks=pytest.mark.xfail(reason="not two")),
        pytest.param(3, marks=[pytest.mark.xfail(strict=True), pytest.mark.filterwarnings("error")]),
    ],
)
def test_marks(number):
    assert number == 3


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        1 << 200,
        2.5,
        float("inf"),
        1 + 2j,
        "text\\nin lines",
        b"\\x00\\xff",
        [1, [2]],
        (1,),
        {"a": {1, 2}},
        frozenset([3]),
        range(3),
        slice(1, 2),
        ...,
        Colour.RED,
        Colour.BLUE,
        Box,
        shrink,
        len,
        int,
        ValueError,
        pathlib.Path("a/b"),
        pathlib.PurePosixPath("/c"),
        decimal.Decimal("1.50"),
        fractions.Fraction(1, 3),
        datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 1, 2, 3),
        datetime.timedelta(days=1, seconds=2),
        uuid.UUID(int=5),
        re.compile("a+", re.I),
        "",
        "a very long text " * 20,
    ],
)
def test_values(value):
    assert [value] == []


@pytest.mark.parametrize("value", [Colour.RED, Box, shrink, len, int, ValueError])
def test_values_are_themselves(value):
    assert value in (Colour.RED, Box, shrink, len, int, ValueError)


@pytest.mark.parametrize("number", [1, 2], ids=["one", "two"])
def test_ids(number):
    assert number == 0


@pytest.mark.parametrize("number", [1, 2], ids=lambda number: f"n{number}")
def test_ids_by_a_function(number):
    assert number == 0


@pytest.mark.parametrize("number", [])
def test_no_parameters(number):
    assert False


def test_tmp_path(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    assert sorted(each.name for each in tmp_path.iterdir()) == []


def test_tmp_path_itself(tmp_path):
    assert tmp_path == "a path"


def test_tmp_path_of_a_fixture(folder):
    assert (folder / "old.txt").read_text() == "new"


@pytest.fixture
def read_back(tmp_path):
    yield
    print({each.name: each.read_text() for each in sorted(tmp_path.rglob("*")) if each.is_file()})


def test_files_come_back(read_back, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("b")
    assert False


def test_monkeypatch(monkeypatch):
    monkeypatch.setenv("CASES_VARIABLE", "x")
    monkeypatch.setattr(os, "getlogin", lambda: "nobody")
    assert (os.environ["CASES_VARIABLE"], os.getlogin()) == ("x", "somebody")


def test_monkeypatch_is_undone():
    assert os.environ.get("CASES_VARIABLE") is None
    assert os.getlogin is None


def test_monkeypatch_of_what_is_not_there(monkeypatch):
    monkeypatch.setattr(helper, "no_such_name", 1)


def test_monkeypatch_of_the_module(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "shrink", lambda number: 0)
    assert shrink(5) == 4


def test_where():
    assert os.path.basename(__file__) == "test_given.txt"


def test_a_folder_beside():
    folder = os.path.dirname(__file__)
    assert folder == "here"


def test_name_of_the_module():
    assert __name__ == "test_gives"
'''
