"""Assertions that fail, as people write them: source that Python 3.8 reads, and what it refers to."""

from __future__ import annotations

# What stands at the top of the module that has them.
HEAD = '''
import asyncio
import collections
import os.path
import re
import warnings

one = 1
words = ["a", "b"]
text = "first\\nsecond"


class Box:
    """Something with attributes."""

    kind = "box"

    def __init__(self, value):
        self.value = value
        self.inner = None

    def __repr__(self):
        return "<Box %r>" % (self.value,)

    def __add__(self, other):
        return Box(self.value + other)

    def __neg__(self):
        return Box(-self.value)

    def __invert__(self):
        return Box(~self.value)

    def __matmul__(self, other):
        return 0

    def __bool__(self):
        return bool(self.value)

    def __getitem__(self, key):
        return self.value

    def get(self, *args, **kwargs):
        return self.value

    @classmethod
    def made(cls, value=0):
        return cls(value)

    @staticmethod
    def nothing():
        return None


class Broken:
    def __repr__(self):
        raise ValueError("no repr")


class Lines:
    def __repr__(self):
        return "{\\n  here\\n}\\n~ there"


class Percent:
    def __repr__(self):
        return "100% %s %(py0)s"


class Nameless:
    @property
    def __name__(self):
        raise KeyError("no name")

    def __repr__(self):
        return "<Nameless>"


class Named:
    __name__ = "named"


class Falsy(str):
    def __bool__(self):
        return False


def same(*args, **kwargs):
    return args[0] if args else kwargs


def no(*args, **kwargs):
    return False


named = Named()
nameless = Nameless()
box = Box(0)
'''

# Each is the body of a function.
BODIES = (
    # Values, and names of them.
    "assert False",
    "assert 0",
    "assert None",
    "assert ''",
    "assert []",
    "assert ()",
    "assert {}",
    "assert not 'text'",
    "assert not True",
    "x = 0\nassert x",
    "x = []\nassert x, 'nothing there'",
    "assert box",
    "assert not one",
    "assert not words",
    "assert not text",
    "assert not Box",
    "assert not len",
    "assert not same",
    "assert not re",
    "assert not named",
    "assert not nameless",
    "local = same\nassert not local",
    "from os import path\nassert not path",
    "Local = Box\nassert not Local",
    "assert not os.path",
    "x = 'a' * 300\nassert not x",
    "x = 'a' * 5000\nassert not x",
    "x = list(range(50))\nassert not x",
    "x = {n: n for n in range(9)}\nassert not x",
    "x = {'a': {'b': {'c': {'d': {'e': {'f': {'g': {'h': 1}}}}}}}}\nassert not x",
    "x = [[[[[[[[1]]]]]]]]\nassert not x",
    "x = 10 ** 60\nassert not x",
    "x = 'häßlich \\u2603'\nassert not x",
    "assert not Broken()",
    "assert not Lines()",
    "assert not Percent()",
    "assert not 'a%sb%%'",
    "assert not {1: 'a'}[1]",
    # Messages.
    "assert False, 'message'",
    "assert False, 'first\\nsecond'",
    "assert one == 2, 'first\\nsecond %s %d'",
    "assert False, ('a', 'tuple')",
    "assert False, ValueError('first\\nsecond')",
    "assert False, None",
    "assert False, Lines()",
    "assert False, Broken()",
    "assert False, ''",
    "x = 3\nassert x == 4, f'{x} is not four'",
    "assert [1, 2] == [1, 3], 'lists'",
    "assert same(1) == 2, 'called'",
    # Comparisons.
    "assert 1 == 2",
    "assert one == 2",
    "assert one != 1",
    "assert one < 1",
    "assert one <= 0",
    "assert one > 1",
    "assert one >= 2",
    "assert one is None",
    "assert one is not one",
    "assert one in [2, 3]",
    "assert 'c' in words",
    "assert 'a' not in words",
    "assert 'irs' not in text",
    "assert 'x' in text",
    "assert [1, 2, 3] == [1, 5, 3]",
    "assert list(range(100)) == list(range(1, 101))",
    "assert (1, 2) == (1, 2, 3)",
    "assert {'a': 1, 'b': 2} == {'a': 1, 'b': 3, 'c': 4}",
    "assert {1, 2, 3} == {2, 3, 4}",
    "assert {1, 2} <= {1}",
    "assert {1} >= {1, 2}",
    "assert {1} < {1}",
    "assert {1} != {1}",
    "assert 'spam\\nham\\neggs' == 'spam\\nhum\\neggs'",
    "assert 'a' * 200 == 'a' * 199 + 'b'",
    "assert b'spam' == b'eggs'",
    "assert 'e\\u0301' == '\\xe9'",
    "assert [1] == (1,)",
    "assert Box(1) == Box(1)",
    "assert Box(1) is Box(1)",
    "assert Broken() == 1",
    "assert [Broken()] == [1]",
    "assert Lines() == Percent()",
    "assert '%s' == '%d'",
    "assert 'a{}' == '{b'",
    "Point = collections.namedtuple('Point', 'x y')\nassert Point(1, 2) == Point(1, 3)",
    "assert 1 < 2 < 2",
    "assert 3 < 2 < 4",
    "x = 5\nassert 0 <= same(x) < len(words) < 9",
    "assert 1 == 1.0 == same(2)",
    "assert same(1) == same(2) == same(3)",
    "assert (1 < 2) == (3 < 2)",
    "assert (1 and 0) == (one or 2)",
    "assert not 1 == 1",
    "assert not [1] == [1]",
    "assert not 'a' == 'a'",
    "assert not 'a' in words",
    "assert not 'a' not in text",
    "assert not {1} != {2}",
    "assert not 1 < 2 < 3",
    "assert (one == 1) is False",
    "assert one + 1 == 3",
    "assert one - 1 * 2 ** 2 == 0",
    "assert one % 2 == 0",
    "assert 7 // 2 / 2 == 0",
    "assert Box(1) @ 2",
    "assert (one | 2) ^ 3 & 1 == one << 1 >> 1",
    "assert not -one",
    "assert -one == +one",
    "assert ~one == 0",
    "assert not (not 0)",
    "assert not -Box(1)",
    "assert ~Box(1) == 2",
    "assert (Box(1) + 2).value == 4",
    # Calls and attributes.
    "assert len(words) == 3",
    "assert same(0)",
    "assert no()",
    "assert no(1, a=2)",
    "args = [1]\nassert no(*args)",
    "args = [1]\nkwargs = {'a': 2}\nassert no(0, *args, b=3, **kwargs)",
    "assert same(*[0], **{})",
    "assert same(same(same(0)))",
    "assert same(same(1), a=same(2)) == same(3)",
    "assert box.value",
    "assert box.inner",
    "assert Box(Box(0)).value.value",
    "assert box.get(1, a=2)",
    "b = Box(0)\nassert b.get()",
    "b = Box(3)\nassert b.get() == b.value + 1",
    "assert Box.made().get()",
    "assert Box.nothing()",
    "assert Box(1).get is None",
    "assert not box.get",
    "assert not box.__class__.__name__",
    "assert os.path.isfile('/nowhere/at/all')",
    "assert re.match('b', 'abc')",
    "assert isinstance(one, str)",
    "assert isinstance(one, (str, bytes))",
    "assert issubclass(Box, Broken)",
    "assert hasattr(box, 'nothing_there')",
    "assert any(word == 'c' for word in words)",
    "assert all([word == 'a' for word in words])",
    "assert sum([1, 2]) == sum({1: 2}) + 5",
    "assert (lambda: 0)()",
    "f = lambda: 0\nassert f()",
    "assert max(words, key=len) == 'c'",
    "assert 'text'.upper() == 'text'",
    "assert 'a-b'.split('-')[0] == 'b'",
    "assert words[0] == 'b'",
    "assert words[0:1] == words[1:2]",
    "assert words[same(0)].upper() == 'B'",
    "assert box[1]",
    "assert {'a': 0}['a'] == 1",
    "assert {'a': [1, 2]}.get('a') == [1]",
    "assert f'{one}' == '2'",
    "assert [n for n in range(3)] == [0, 1]",
    "assert (1 if one else 2) == 2",
    "assert same((1, 2)) == same([1, 2])",
    "assert same('first\\nsecond') == 1",
    "assert same(Lines())is None",
    "assert no(Percent())",
    "assert same(a='%s', b=1) == {}",
    "assert str(Broken) == repr(Lines())",
    "assert type(one) is type('')",
    "assert type(one) == str",
    "assert callable(one)",
    "assert not callable(same)",
    # `and` and `or`.
    "assert one and 0",
    "assert 0 and one",
    "assert 0 or []",
    "assert one == 1 and one == 2",
    "assert one == 2 and one == 1",
    "assert one == 2 or one == 3",
    "assert one == 2 or one == 3 or same(0)",
    "assert (one and 0) or (0 and one)",
    "assert one and (0 or no(1)) and 2",
    "assert not (one or 2)",
    "assert not (0 or 2)",
    "assert not (one and 2)",
    "assert not (one == 1 and words)",
    "assert [1] == [1] and [1] == [2]",
    "assert same(one) and no(one) and same(one)",
    "assert 'a%s' and 0 % 2",
    "assert box.value or box.get() or box.inner",
    "assert one in (1, 2) and one not in (1, 2), 'both'",
    "assert (one == 1 and 2) == (3 or one)",
    "assert ([1] == [2] or one) == len(words)",
    "assert (len(words) == 3 or [1, 2] == [2, 1]) == same(2) and no(1)",
    "assert same([1, 2]) == [1, 3] or same(one) == 2",
    # Names that are bound on the way.
    "assert (x := 0)",
    "assert (x := same(0))",
    "assert (x := 1) == 2",
    "assert 2 == (x := same(1))",
    "assert (x := 1) and x == 2",
    "assert (x := 0) or x",
    "x = 1\nassert x and (x := 0)",
    "x = 1\nassert x == (x := 2)",
    "x = 1\nassert (x := x + 1) == 1 and x",
    "assert same(y := 0)",
    "assert no((y := 3), y)",
    "assert not (y := [1]) == y",
    # Where it stands.
    "def inner(n):\n    assert n == 0 or inner(n - 1) is True\n    return n\ninner(2)",
    "class Test:\n    def test(self):\n        assert self.value() == 2\n    def value(self):\n        return 1\nTest().test()",
    "class Test:\n    kind = 1\n    assert kind == 2",
    "class Test:\n    __a = 1\n    def test(self):\n        assert self.__a == 2\nTest().test()",
    "class Base:\n    def get(self):\n        return 1\nclass Test(Base):\n    def get(self):\n        assert super().get() == 2\nTest().get()",
    "async def get():\n    return 1\nasync def main():\n    assert await get() == 2\nasyncio.run(main())",
    "async def get():\n    return box\nasync def main():\n    assert (await get()).value\nasyncio.run(main())",
    "def inner():\n    assert (yield 1) == 2\nlist(inner())",
    "for n in range(3):\n    assert n < 2, n",
    "try:\n    assert one == 2\nfinally:\n    x = 3\n    assert x == one",
    "if one:\n    pass\nelse:\n    pass\nwith warnings.catch_warnings():\n    assert box.value",
    "def inner(value=one):\n    global one\n    assert one == value + 1\ninner()",
    "def outer():\n    x = 1\n    def inner():\n        assert x == 2\n    inner()\nouter()",
    "assert undefined == 1",
    "assert one.undefined",
    "assert one / 0",
    "assert 1 < 'a'",
    "assert one == 2, undefined",
)


class Odd:
    """A value whose repr has lines."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Odd(\n  {self.value!r}\n)"


class Raising:
    """A value whose repr raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error


class Untold:
    """A value that is neither true nor false."""

    def __bool__(self) -> bool:
        raise TypeError("neither")
