"""Tests that run in an environment beside tests that run here, in one class, module or session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from borrowing import lines
from interpreters import need

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite

TABLE = "[tool.envrepro.environments.there]\n"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Give a folder in which it is remembered what interpreters said."""
    return tmp_path / "interpreters"


CLASS = """
import pytest
import sys

class TestIt:
    kind = "plain"

    @classmethod
    def setup_class(cls):
        cls.made = ["by", "setup_class"]
        cls.kind = "changed"

    def test_here(self):
        assert (self.made, self.kind) == (["by", "setup_class"], "changed")

    @pytest.mark.environment("there", inside=True)
    def test_there(self):
        assert (self.made, self.kind) == (["by", "setup_class"], "changed")
        assert "_pytest" not in sys.modules
"""


def test_class(suite: Suite) -> None:
    """What the set-up of a class has made of it is there, whichever of its tests was the first."""
    suite.write(CLASS, TABLE)

    suite.run("-p", "no:randomly").assert_outcomes(passed=2)


CALLS = """
import pytest

@pytest.mark.environment("there", inside=True)
class TestIt:
    def test_first(self):
        self.steps = ["first"]
        return None

    def test_second(self):
        self.test_first()
        assert self.steps == ["first"]
        assert self.test_size == 1

    def test_third(self):
        import nowhere

    @property
    def test_size(self):
        return len(self.steps)
"""


def test_other_tests(suite: Suite) -> None:
    """A test may call another one of its class, or use a property that is called like one."""
    suite.write(CALLS, TABLE)

    suite.run("-k", "second").assert_outcomes(passed=1)


LOGS = """
import logging
import pytest

@pytest.fixture(autouse=True)
def detailed(caplog):
    caplog.set_level(logging.DEBUG)

@pytest.mark.environment("there", inside=True)
def test_logs():
    logging.getLogger("it").debug("in detail")
    logging.getLogger().info("in short")
    assert False
"""


def test_level(suite: Suite) -> None:
    """A level of the root of all loggers that a fixture has set here counts there too."""
    suite.write(LOGS, TABLE)

    result = suite.run()

    assert lines(result, "DEBUG") == ["DEBUG    it:test_it.py:11 in detail"]
    assert lines(result, "INFO") == ["INFO     root:test_it.py:12 in short"]


EDITABLE = """
import pathlib

def modules(name="late"):
    return __import__(name).__file__

def test_later(environments):
    with environments.throwaway("there") as private:
        assert private.call(len, "ab") == 2
        pathlib.Path("src").mkdir()
        pathlib.Path("src", "late.py").touch()
        (site,) = private.prefix.glob("lib/python*/site-packages")
        (site / "late.pth").write_text(str(pathlib.Path("src").absolute()))

        assert private.call(modules) == str(pathlib.Path("src", "late.py").absolute())
        pathlib.Path("more").mkdir()
        pathlib.Path("more", "later.py").touch()
        with (site / "late.pth").open("a") as file:
            file.write("\\n" + str(pathlib.Path("more").absolute()))

        assert private.call(modules, "later") == str(pathlib.Path("more", "later.py").absolute())
"""


def test_installed_later(suite: Suite) -> None:
    """What is installed into a private environment as a path to its source, after a first call, is found by the next one."""
    suite.write(EDITABLE, TABLE)

    suite.run().assert_outcomes(passed=1)


BOTH = """
import pytest

@pytest.mark.environment("there", inside=True)
def test_one(): ...

@pytest.mark.environment("there", requirements=["alpha==1.0"], inside=True)
def test_two(): ...
"""


def test_made_before(fresh: Suite) -> None:
    """Environments of tests that run inside are made before the first test, as those of fixtures are."""
    fresh.write(BOTH, TABLE)

    result = fresh.run("-v", "-p", "no:randomly")

    result.assert_outcomes(passed=2)
    shown = [line for line in result.outlines if ": made in " in line or line.startswith("test_it.py::")]
    assert ["made" if ": made in " in line else "ran" for line in shown][:3] == ["made", "made", "ran"]


RECORDS = """
import dataclasses
import enum
import sys
from collections import namedtuple
from typing import NamedTuple
import pytest

MARK = pytest.mark.environment("there", inside=True)

@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 2
    made: dataclasses.InitVar[str] = ""

    def __post_init__(self, made):
        assert "pytest" in sys.modules

@dataclasses.dataclass
class Slotted:
    __slots__ = ("name", "points")
    name: str
    points: list

Pair = namedtuple("Pair", "one two")

class Row(NamedTuple):
    number: int
    where: Point

class Colour(enum.Flag):
    RED = 1
    BLUE = 4

VALUES = [Point(1), Slotted("a", [Point(1), Point(3, 4)]), Pair(1, [2]), Row(1, Point(2)), Colour.RED | Colour.BLUE]

@MARK
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_there(value):
    assert "_pytest" not in sys.modules
    assert type(value) in (Point, Slotted, Pair, Row, Colour)
    if isinstance(value, Slotted):
        assert [(point.x, point.y) for point in value.points] == [(1, 2), (3, 4)]
    if isinstance(value, Row):
        assert value.where.x == 2 and value._fields == ("number", "where")
    if isinstance(value, Colour):
        assert value & Colour.BLUE and value & Colour.RED

def again(value):
    return value

@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_back(environments, value):
    assert environments.get("there").call(again, value) == value

class Holds:
    def __init__(self):
        self.itself = self

@dataclasses.dataclass
class Unsent:
    held: object

@MARK
@pytest.mark.parametrize("value", [Unsent(Unsent(object()))], ids=["unsent"])
def test_refused(value):
    pass
"""


def test_records(suite: Suite) -> None:
    """Dataclasses, named tuples and combinations of flags travel by their class and parts; no code of theirs runs for it."""
    suite.write(RECORDS, TABLE)

    result = suite.run()

    result.assert_outcomes(passed=10, failed=1)
    (said,) = lines(result, "parameter 'value' ")
    assert said.startswith(
        "parameter 'value' is an object (builtins.object) (in .held.held), which cannot travel into "
    )


CLOSURES = """
import pytest

def near(number):
    return number + 1

def with_limit(limit):
    @pytest.mark.environment("there", inside=True)
    def test():
        assert [limit for _ in range(2)] == [1, 1]
        assert (lambda: limit)() == 1
        assert of_module() == 50
    return test

def with_function(function):
    @pytest.mark.environment("there", inside=True)
    def test():
        assert function(limit) == 51
    return test

test_small = with_limit(1)
test_near = with_function(near)
limit = 50

def of_module():
    return limit
"""


def test_closures(suite: Suite) -> None:
    """What a test has of the function that it stands in comes before what the module has under the same name."""
    suite.write(CLOSURES, TABLE)

    suite.run().assert_outcomes(passed=2)


NEWER = """
import pytest

@pytest.mark.environment(python="3.8", inside=True)
def test_newer():
    value = 1
    match value:
        case 1:
            pass
"""


def test_newer_syntax(suite: Suite, cache: Path) -> None:
    """What the environment's Python cannot read is told by its line, and nothing of ours is shown."""
    need("3.8", cache)
    suite.write(NEWER, "")

    result = suite.run()

    (said,) = [line for line in result.outlines if "cannot read this" in line]
    assert said.startswith(f"{suite.path / 'test_it.py'}:7: the Python of the virtualenv ")
    assert said.endswith(" cannot read this: invalid syntax")
    assert result.outlines[result.outlines.index(said) + 1] == "    match value:"
    assert "returning.py" not in "".join(result.outlines)


MISSPELT = """
import pytest

@pytest.mark.environment("there", insid=True)
def test_here(): ...

@pytest.mark.environment("there", python=">=3.8", extend_requirements=["alpha"])
def test_unused(): ...
"""


def test_misspelt(suite: Suite) -> None:
    """A marker that nobody follows may have been misspelt: a key that is none is an error there too."""
    suite.write(MISSPELT, TABLE)

    result = suite.run()

    result.assert_outcomes(passed=1, errors=1)
    assert lines(result, "  @pytest") == [
        "  @pytest.mark.environment on test_here: insid: unknown key (did you mean 'inside'?)"
    ]


UNFIT = """
import pytest

pytestmark = pytest.mark.environment("there", inside=True)

@pytest.fixture
def cache():
    return {"one's own": 1}

def test_request(request): pass
def test_pytestconfig(pytestconfig): pass
def test_tmpdir(tmpdir): pass
def test_record_property(record_property): pass
def test_environment(environment): pass
def test_throwaway_venv(throwaway_venv): pass
def test_own(cache):
    assert cache == {"one's own": 1}
"""


def test_unfit_fixtures(suite: Suite) -> None:
    """What only the process that runs pytest can have is refused with what to do; one that is called so may be plain."""
    suite.write(UNFIT, TABLE)

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(passed=1, failed=6)
    start, there = "fixture ", " is of the process that runs pytest, and cannot travel into environment 'there': "
    assert dict(line.removeprefix(start).split(there) for line in lines(result, start) if there in line) == {
        "'request'": "have a fixture ask it, and give the body what it says, as a name or a parameter",
        "'pytestconfig'": "have a fixture ask it, and give the body what it says, as an option",
        "'tmpdir'": "use tmp_path",
        "'record_property'": "record it in a fixture that the test uses",
        "'environment'": (
            "the body runs in the environment itself: use sys.executable and subprocess there, or leave inside=True out"
        ),
        "'throwaway_venv'": "make another environment in a fixture, and give the body what it is to know of that",
    }


SETS_UP = """
import contextlib
import pytest
import socket
from helper import check, word_of

MARK = pytest.mark.environment("there", inside=True)

class Base:
    def setup_method(self):
        self.socket = socket.socket()
        self.word = "set"

    def teardown_method(self):
        self.socket.close()

class TestIt(Base):
    @classmethod
    def setup_class(cls):
        cls.lock = socket.socket()

    @classmethod
    def teardown_class(cls):
        cls.lock.close()

    def helps(self):
        return self.socket

    def __len__(self):
        return 1 if hasattr(self, "socket") else 0

    def __getattr__(self, name):
        raise AttributeError(f"no {name}")

    @MARK
    def test_without(self):
        assert word_of(self) == "set"

    @MARK
    def test_names(self):
        assert sorted(vars(self)) == ["socket", "word"]

    @MARK
    def test_its_own(self):
        self.socket = 5
        assert self.socket == 5
        self.socket = contextlib.nullcontext()
        with pytest.raises(AttributeError, match="no other"):
            self.other

    @MARK
    def test_with(self):
        assert self.helps()

    @MARK
    def test_by_name(self):
        assert getattr(self, "sock" + "et")

    @MARK
    def test_by_length(self):
        assert len(self) == 0

    @MARK
    def test_elsewhere(self):
        check(self)

    @MARK
    def test_of_class(self):
        assert TestIt.lock
"""
SETS_UP_HELPER = """
def check(case):
    try:
        assert case.socket is None
    except Exception:
        pass

def word_of(case):
    return case.word
"""


def test_what_others_need(suite: Suite) -> None:
    """What a class sets up that cannot travel is refused where a test looks at it, however it does, and to no other test."""
    suite.write(SETS_UP, TABLE)
    (suite.path / "helper.py").write_text(SETS_UP_HELPER)

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(passed=3, failed=5)
    said = [line.partition("Failed: ")[2] for line in result.outlines if re.match("E +Failed: ", line)]
    why = "is a socket (socket.socket), which cannot travel into environment 'there': only plain data and paths do; make it in"
    assert said == [f"{name} {why} the body, from such data" for name in (*["self.socket"] * 4, "TestIt.lock")]


GIVEN_BACK = """
import pytest
import sys
import threading
import time

KNOWN = {"alice", "bob", "carol", "dave"}

@pytest.mark.environment("there", inside=True)
class TestIt:
    def setup_method(self):
        self.known = KNOWN
        self.inner = {"deep": [KNOWN]}
        self.known.add("own")

    def teardown_method(self):
        assert self.known is KNOWN
        assert self.inner["deep"][0] is KNOWN
        self.known.discard("own")

    def test_unchanged(self):
        assert "own" in self.known

    def test_while_a_thread_goes_on(self):
        def change(key):
            while True:
                for number in range(3000):
                    setattr(self, f"a{key}{number}", [1] * 50)
                for number in range(3000):
                    delattr(self, f"a{key}{number}")

        for key in range(4):
            threading.Thread(target=change, args=(key,), daemon=True).start()
        sys.setswitchinterval(1e-6)
        time.sleep(0.2)

@pytest.mark.environment("there", inside=True)
class TestSlots:
    __slots__ = ("a",)

    def test_slots(self):
        self.a = 5
        assert not hasattr(self, "__dict__")
"""


def test_what_is_left_alone(suite: Suite) -> None:
    """What a body has not changed is the same object for its teardown, and whatever a thread does to others ends nothing."""
    suite.write(GIVEN_BACK, TABLE)

    suite.run("-p", "no:randomly").assert_outcomes(passed=3)


HIDDEN = """
import dataclasses
import functools
import pytest
from helper import twice

pytestmark = pytest.mark.environment("there", inside=True)

@dataclasses.dataclass
class Point:
    x: int

@pytest.mark.parametrize("n", [Point(1)])
@twice
def test_point(n):
    assert n.x == 1

for number in range(2):
    def f(number=number):
        assert number == 1
    globals()[f"test_number_{number}"] = f

globals()["test_lambda"] = lambda: None

def plain(a):
    assert a == 1

test_partial = functools.partial(plain, 1)

def derived(cls):
    class New(cls):
        def test_new(self):
            assert self.test_old() is None
    return New

@derived
class TestDecorated:
    def test_old(self):
        assert type(self).__name__ == "New"
"""
HIDDEN_HELPER = """
def twice(function):
    def wrapper(n):
        function(n)
        function(n)
    return wrapper
"""


def test_hidden_functions(suite: Suite) -> None:
    """What stands behind a name of the module runs, whatever has put it there; what has none is refused, and no other runs."""
    suite.write(HIDDEN, TABLE)
    (suite.path / "helper.py").write_text(HIDDEN_HELPER)

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(passed=5, failed=2)
    assert lines(result, "f cannot travel") == [
        (
            "f cannot travel into environment 'there': its module has another one of that name by now; give each of them a name of "
            "its own"
        )
    ]
    assert lines(result, "<lambda> cannot travel") == [
        (
            "<lambda> cannot travel into environment 'there': it has no name that it could be found by; write it into the test "
            "module with 'def'"
        )
    ]


NO_ARGUMENT = """
import pytest

class TestIt:
    @pytest.mark.environment("there", inside=True)
    def test_it(*, word=1): pass
"""


def test_method_without_self(suite: Suite) -> None:
    """A method that takes no object is told as Python tells it."""
    suite.write(NO_ARGUMENT, TABLE)

    result = suite.run()

    result.assert_outcomes(failed=1)
    (said,) = lines(result, "E ")
    assert said.endswith("test_it() takes 0 positional arguments but 1 was given")


LOST = """
import pytest

MARK = pytest.mark.environment("there", inside=True)
globals().update(COUNT=1, OTHER=2)

class TestIt:
    @MARK
    def test_it(self):
        assert COUNT == 1

    @MARK
    def test_other(self):
        assert OTHER == 2
"""


def test_lost_names(suite: Suite) -> None:
    """What no statement makes is named with the test that uses it, and with nothing that others of its class use."""
    suite.write(LOST, TABLE)

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(failed=2)
    said = [line.partition(", which cannot travel")[0] for line in lines(result, "TestIt")]
    assert said == ["TestIt.test_it uses COUNT", "TestIt.test_other uses OTHER"]
