"""Assertions that fail, and what pytest explains of each."""

from __future__ import annotations

TESTS = """
import collections
import dataclasses
import datetime
import decimal
import enum
import math
import pathlib
import types
from dataclasses import dataclass

import pytest


@dataclass
class Point:
    x: int
    y: int
    note: str = ""


@dataclass(frozen=True)
class Segment:
    start: Point
    end: Point


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Odd:
    def __init__(self, size):
        self.size = size

    def __repr__(self):
        return f"<odd {self.size}>"

    def __eq__(self, other):
        return isinstance(other, Odd) and self.size == other.size

    __hash__ = None

    def __bool__(self):
        return self.size > 1

    def grown(self, by):
        return Odd(self.size + by)


class Plain:
    limit = 3


class Unsayable:
    def __repr__(self):
        raise ValueError("no words")


class Rows(list):
    pass


class Shown(list):
    def __repr__(self):
        return f"<{len(self)} rows>"


class Word(str):
    pass


# As attrs makes classes, which is not there.
FIELDS = {}
exec(compile("def __eq__(self, other): return vars(self) == vars(other)", "<attrs generated eq Made>", "exec"), FIELDS)


class Made:
    __eq__ = FIELDS["__eq__"]
    __hash__ = None
    __attrs_attrs__ = (types.SimpleNamespace(name="size", eq=True), types.SimpleNamespace(name="note", eq=False))

    def __init__(self, size, note):
        self.size, self.note = size, note

    def __repr__(self):
        return f"Made(size={self.size}, note={self.note})"


@dataclass
class Equal:
    x: int

    def __eq__(self, other):
        return False


Pair = collections.namedtuple("Pair", "left right")


def doubled(number):
    return number * 2


def test_integers():
    assert doubled(3) == 7


def test_text():
    assert "a little text" == "a little test"


def test_text_in_lines():
    assert "one\\ntwo\\nthree\\nfour\\nfive\\n" == "one\\ntwo\\n3\\nfour\\nfive\\n"


def test_text_that_ends_otherwise():
    assert "same but for spaces  \\n" == "same but for spaces\\n"


def test_long_text():
    assert "x" * 300 == "x" * 299 + "y"


def test_bytes():
    assert b"abc\\x00" == b"abd\\x00"


def test_lists():
    assert [1, 2, 3, [4, 5]] == [1, 2, 4, [4, 6]]


def test_a_longer_list():
    assert list(range(30)) == list(range(31))


def test_tuples():
    assert (1, "b") == (1, "c", 2)


def test_dicts():
    found = {"a": 1, "b": {"c": [1, 2]}, "left": 0}
    assert found == {"a": 1, "b": {"c": [1, 3]}, "right": 0}


def test_ordered_dicts():
    assert collections.OrderedDict(a=1, b=2) == collections.OrderedDict(b=2, a=1)


def test_sets():
    assert {1, 2, 3} == {2, 3, 4}


def test_a_set_within():
    assert {1, 5} <= {1, 2}


def test_dataclasses():
    assert Point(1, 2, "a") == Point(1, 3, "a")


def test_dataclasses_within():
    assert Segment(Point(1, 2), Point(3, 4)) == Segment(Point(1, 2), Point(3, 5))


def test_named_tuples():
    assert Pair(1, "x") == Pair(2, "x")


def test_counters():
    assert collections.Counter("abca") == collections.Counter("abc")


def test_default_dicts():
    found = collections.defaultdict(list, {"a": [1]})
    assert found == {"a": [2]}


def test_deques():
    assert collections.deque([1, 2], maxlen=3) == collections.deque([1, 3])


def test_derived_from_a_list():
    assert Rows([1, 2]) == Rows([1, 3])


def test_derived_from_a_list_with_a_repr():
    assert Shown([1, 2]) == Shown([1, 2, 3])


def test_derived_from_text():
    assert Word("one\\ntwo") == Word("one\\n2")


def test_as_of_attrs():
    assert Made(1, "a") == Made(2, "b")


def test_dataclasses_that_compare_themselves():
    assert Equal(1) == Equal(1)


def test_dataclasses_in_a_list():
    assert [Point(1, 2), Point(3, 4)] == [Point(1, 2), Point(3, 5)]


def test_dataclasses_in_a_set():
    assert {Segment(1, 2)} == {Segment(1, 2), Segment(1, 3)}


def test_members():
    assert Colour.RED == Colour.BLUE


def test_is():
    assert Colour.RED is Colour.BLUE


def test_none():
    value = doubled(0) or None
    assert value is not None


def test_objects():
    assert Odd(1) == Odd(2)


def test_objects_in_a_list():
    assert [Odd(1), Odd(2)] == [Odd(1), Odd(3)]


def test_truth():
    assert Odd(1)


def test_not():
    assert not Odd(2)


def test_attributes():
    thing = Plain()
    assert thing.limit == 4


def test_calls():
    odd = Odd(1)
    assert odd.grown(by=2).size == doubled(odd.size)


def test_call_of_a_call():
    assert doubled(len("abc")) + doubled(1) < 2


def test_in():
    assert "z" in "abcdef"


def test_not_in():
    assert "little" not in "a little text"


def test_in_a_list():
    assert 4 in [1, 2, 3]


def test_in_a_dict():
    assert "key" in {"other": 1}


def test_a_chain():
    low, value = 1, 5
    assert low < doubled(low) < value < 4


def test_and_or():
    yes, no = True, False
    assert yes and (no or doubled(0))


def test_if():
    assert doubled(0) if doubled(1) else 3


def test_a_message():
    assert doubled(1) == 3, "two is no three"


def test_a_message_that_is_no_text():
    assert doubled(1) == 3, {"number": [1, 2]}


def test_a_message_in_lines():
    assert not [1], "first\\nsecond"


def test_floats():
    assert 0.1 + 0.2 == 0.3


def test_not_a_number():
    assert [math.nan] == [float("nan")]


def test_approx():
    assert 0.1 + 0.2 == pytest.approx(0.4)


def test_approx_of_a_list():
    assert [1.0, 2.0, 3.0] == pytest.approx([1.0, 2.1, 3.0])


def test_approx_of_a_dict():
    assert {"a": 1.0, "b": 2.0} == pytest.approx({"a": 1.0, "b": 2.5}, abs=0.1)


def test_approx_that_holds():
    assert 1.0000001 == pytest.approx(1)
    assert not 1.1 != pytest.approx(1.1)


def test_decimals():
    assert decimal.Decimal("1.10") == decimal.Decimal("1.2")


def test_dates():
    assert datetime.date(2024, 1, 31) == datetime.date(2024, 2, 1)


def test_paths():
    left, right = pathlib.Path("/a/b"), pathlib.PurePosixPath("/a/c")
    assert left == right


def test_subscripts():
    table = {"rows": [1, 2, 3]}
    assert table["rows"][0] == table["rows"][-1]


def test_all():
    assert all(number < 3 for number in range(5))


def test_a_comprehension():
    assert [doubled(number) for number in (1, 2)] == [2, 5]


def test_isinstance():
    assert isinstance(Odd(1), (int, str))


def test_a_lambda():
    assert (lambda number: number + 1)(1) == 3


def test_a_walrus():
    assert (found := doubled(2)) == 5, found


def test_over_several_lines():
    assert [
        doubled(1),
        doubled(2),
    ] == [
        2,
        5,
    ]


def test_a_starred_call():
    numbers = [1, 2]
    assert max(*numbers, **{"key": abs}) == 3


def test_a_format():
    number = 3
    assert f"{number:>4}" == "   4"


def test_a_repr_that_fails():
    assert Unsayable() == 3


def test_later_in_the_body():
    first = doubled(1)
    assert first == 2
    for number in range(5):
        assert doubled(number) != 6


def test_in_a_block():
    with open("/dev/null", encoding="ascii") as file:
        try:
            assert not file.readable()
        finally:
            file.close()


def test_assert_false():
    assert False


def test_a_big_difference():
    assert {f"key {number}": number for number in range(60)} == {}


def test_letters():
    assert "Grüße, 世界 \\U0001f600" == "Grüsse, 世界"


def test_unprintable():
    assert "a\\x1b[31m\\x00" == "a\\u200b"


def test_all_is_well():
    assert doubled(2) == 4
    assert {1: [2]} == {1: [2]}
    assert 1 < 2 <= 2
"""
