"""`Environment.call` in sessions: what may be called, with what, from where, and what is said of the rest."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from borrowing import Suite

TABLE = "[tool.envrepro.environments.there]\n"
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
START = """
import functools
import operator
import os
import sys
import threading
from pathlib import Path

import pytest
import helper
from helper import Box, twice
from pytest_envrepro import EnvReproError

N = 3

class Own:
    def __init__(self, held=1):
        self.held = held
    def method(self, n):
        return n + self.held
    @staticmethod
    def static(n):
        return n
    @classmethod
    def of_class(cls):
        return cls.__name__

class Slotted:
    __slots__ = ()

def give(x):
    return x

def plain(n, m=N):
    return n + m

def fail():
    raise KeyError("x")

def generate():
    yield 1

def make():
    return Own()

def make_object():
    return [object()]

def factorial(n):
    return 1 if n == 0 else n * factorial(n - 1)

async def later():
    return 5

def name_of(kind):
    return kind.__name__

@pytest.fixture
def there(environments):
    return environments.get("there")
"""
HELPER = """
def twice(n):
    return 2 * n

class Box:
    @staticmethod
    def static():
        return "static"
    @classmethod
    def of_class(cls):
        return cls.__name__
"""
GIVEN = {
    "function": ("plain, 1", "4"),
    "named": ("plain, 1, m=5", "6"),
    "recursive": ("factorial, 5", "120"),
    "method": ("Own(2).method, 1", "3"),
    "static method": ("Own.static, 1", "1"),
    "class method": ("Own.of_class", "'Own'"),
    "of a helper": ("helper.twice, 4", "8"),
    "of a helper by its name": ("twice, 4", "8"),
    "methods of a helper": ("Box.static", "'static'"),
    "class methods of a helper": ("Box.of_class", "'Box'"),
    "builtin": ("len, 'ab'", "2"),
    "builtin class": ("dict, a=[1.5, (2,), {3}]", "{'a': [1.5, (2,), {3}]}"),
    "of the standard library": ("os.path.join, 'a', 'b'", "'a/b'"),
    "coroutine": ("later", "5"),
    "class as an argument": ("name_of, Own", "'Own'"),
    "class of a helper as an argument": ("name_of, Box", "'Box'"),
    "function as an argument": ("name_of, plain", "'plain'"),
    "class given back": ("give, Own", "Own"),
    "path": ("give, Path('a') / 'b'", "Path('a/b')"),
    "none": ("give, None", "None"),
}


def test_called(suite: Suite) -> None:
    """Functions, methods, classes, coroutines, of the module, of modules beside it, and of Python, with plain data."""
    tests = "".join(
        f"\ndef test_{number}(there):\n    assert there.call({called}) == {expected}\n"
        for number, (called, expected) in enumerate(GIVEN.values())
    )
    suite.write(START + tests, TABLE, helper=HELPER)

    result = suite.run()

    result.assert_outcomes(passed=len(GIVEN))


DATA = "only plain data and paths do; make it in the body, from such data"
RETURNED = "only plain data and paths do; return what you want to know of it"
OUT = "cannot travel out of environment 'there'"
UNNAMED = "it has no name that it could be found by; write it into the test module with 'def'"
THERE = "cannot travel into environment 'there'"
REFUSED = {
    "lambda": (
        "lambda: 1",
        f"test_NUMBER.<locals>.<lambda> {THERE}: {UNNAMED}",
    ),
    "partial": (
        "functools.partial(print, 1)",
        f"functools.partial(<built-in function print>, 1) {THERE}: call() takes a function that has a name",
    ),
    "object": (
        "operator.itemgetter(0), [1]",
        f"operator.itemgetter(0) {THERE}: call() takes a function that has a name",
    ),
    "no function": ("5", f"5 {THERE}: call() takes a function that has a name"),
    "argument": ("give, object()", f"argument 1 of give is an object (builtins.object), which {THERE}: {DATA}"),
    "within an argument": (
        "give, {'a': [1, object()]}",
        f"argument 1 of give is an object (builtins.object) (in ['a'][1]), which {THERE}: {DATA}",
    ),
    "named argument": (
        "give, x=threading.Lock()",
        f"argument 'x' of give is a lock (_thread.lock), which {THERE}: {DATA}",
    ),
    "object of the module": ("give, Own()", f"argument 1 of give is an Own (test_it.Own), which {THERE}: {DATA}"),
    "holds itself": ("give, HOLDS", f"argument 1 of give is a value that holds itself (in [0]), which {THERE}: {DATA}"),
    "of an object that holds one": (
        "Own(object()).method, 1",
        f"self.held is an object (builtins.object), which {THERE}: {DATA}",
    ),
    "result": (
        "make",
        f"make returns an Own (test_it.Own), which cannot travel out of environment 'there': {RETURNED}",
    ),
    "within a result": (
        "make_object",
        f"make_object returns an object (builtins.object) (in [0]), which {OUT}: {RETURNED}",
    ),
    "class": ("Own", f"Own returns an Own (test_it.Own), which cannot travel out of environment 'there': {RETURNED}"),
    "generator": (
        "generate",
        f"generate returns a generator (builtins.generator), which cannot travel out of environment 'there': {RETURNED}",
    ),
    "exits": ("os._exit, 3", "_exit has ended its Python in environment 'there': it ended with 3"),
}


def test_refused(suite: Suite) -> None:
    """What cannot travel is one error, which may be expected, and names it; of a lock nothing runs."""
    tests = "".join(
        f"""
def test_{number}(there):
    with pytest.raises(EnvReproError) as told:
        there.call({called})
    assert str(told.value) == {expected.replace("NUMBER", str(number))!r}
"""
        for number, (called, expected) in enumerate(REFUSED.values())
    )
    lock = """
HOLDS = []
HOLDS.append(HOLDS)

def test_lock(environments):
    with pytest.raises(EnvReproError) as told:
        environments.lock("pins.txt").call(plain, 1)
    assert str(told.value) == "the lock pins.txt is only read, and holds no program: plain has to run in an environment of it"
"""
    suite.write(START + tests + lock, TABLE, helper=HELPER)
    suite.project.write({"pins.txt": "alpha==1.0\n"})

    result = suite.run()

    result.assert_outcomes(passed=len(REFUSED) + 1)


def test_refused_where(suite: Suite) -> None:
    """The failure is shown where the call is written, with nothing of ours."""
    suite.write(f"{START}\ndef test_it(there):\n    there.call(give, object())\n", TABLE, helper=HELPER)

    result = suite.run("--tb=short")

    at = next(number for number, line in enumerate(result.outlines) if line.startswith("test_it.py:"))
    shown = [line for line in result.outlines[at : at + 4] if line.strip(" ^")]
    assert shown[1:3] == [
        "    there.call(give, object())",
        f"E   pytest_envrepro.errors.RefusedError: argument 1 of give is an object (builtins.object), which {THERE}: {DATA}",
    ]


CLOSURES = f"""{START}
def test_closure(there):
    k = 5
    def inner(n):
        return n + k
    assert there.call(inner, 1) == 6

def test_closure_that_cannot_travel(there):
    k = object()
    def inner():
        return k
    with pytest.raises(EnvReproError) as told:
        there.call(inner)
    assert str(told.value) == "k, which inner uses, is an object (builtins.object), which {THERE}: {DATA}"

def test_raised(there):
    with pytest.raises(KeyError, match="^'x'$"):
        there.call(fail)

def test_wrong_arguments(there):
    with pytest.raises(TypeError, match=r"^plain\\(\\) missing 1 required positional argument: 'n'$"):
        there.call(plain)

def test_exit(there):
    with pytest.raises(SystemExit) as told:
        there.call(sys.exit, 3)
    assert told.value.code == 3

def test_written(there, capsys):
    there.call(print, "hello")
    assert capsys.readouterr().out == "hello\\n"
"""


def test_raised(suite: Suite) -> None:
    """Functions have what they stand in, if that can travel; what they raise is raised here, what they write is written here."""
    suite.write(CLOSURES, TABLE, helper=HELPER)

    result = suite.run()

    result.assert_outcomes(passed=6)


THREADS = f"""{START}
def test_thread(there):
    got = []
    thread = threading.Thread(target=lambda: got.append(there.call(plain, 1)))
    thread.start()
    thread.join()
    assert got == [4]

def test_threads(there):
    got = []
    threads = [threading.Thread(target=lambda n=n: got.append((n, there.call(plain, n)))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [(n, n + 3) for n in range(12)]

def test_huge(there):
    text = "x" * 10_000_000
    assert there.call(give, text) == text

def test_huge_bytes(there):
    data = os.urandom(10_000_000)
    assert there.call(give, data) == data

@pytest.fixture(scope="session")
def known(environments):
    return environments.get("there").call(factorial, environments.get("there").call(plain, 2))

def test_session(known):
    assert known == 120

@pytest.mark.environment("there", inside=True)
def test_session_inside(known):
    assert known == 120
"""


def test_from_anywhere(suite: Suite) -> None:
    """Threads call, one after the other; 10 MB travel both ways; fixtures of a session call before a body has run."""
    suite.write(THREADS, TABLE, helper=HELPER)

    result = suite.run()

    result.assert_outcomes(passed=6)


LIVES = f"""{START}
KEPT = []

def version():
    import alpha
    return alpha.version

def other():
    import beta
    return beta.version

def test_throwaway(environments):
    with environments.throwaway("there") as private:
        with pytest.raises(ModuleNotFoundError):
            private.call(version)
        private.install("alpha==1.0")
        assert private.call(version) == "1.0"
        with pytest.raises(ModuleNotFoundError):
            private.call(other)
        private.install("beta")
        assert private.call(other) == "1.0"
        prefix = private.prefix
    with pytest.raises(EnvReproError) as told:
        private.call(version)
    assert str(told.value) == f"environment 'there' is gone: it ended with its 'with' block ({{prefix}})"

def test_fixture(throwaway_venv):
    KEPT.append(throwaway_venv)
    assert throwaway_venv.call(plain, 1) == 4

def test_after_its_test():
    with pytest.raises(EnvReproError) as told:
        KEPT[0].call(plain, 1)
    assert str(told.value).startswith(f"{{KEPT[0].label}} is gone: it ended with the test that it was made for (")

def test_shared(there):
    KEPT.append(there)

def test_shared_by_another():
    assert KEPT[1].call(plain, 1) == 4

def test_host(environments):
    host = environments.host
    assert host.call(plain, 1) == 4
    assert Path(host.call(os.getcwd)) != Path.cwd()
    with pytest.raises(ZeroDivisionError):
        host.call(divmod, 1, 0)
"""


def test_lives(suite: Suite) -> None:
    """What is installed is seen by the next call; one that is gone says so; the environment that runs pytest is called too."""
    suite.write(LIVES, TABLE, helper=HELPER)

    result = suite.run()

    result.assert_outcomes(passed=6)


MEMORY = """
def waited():
    with open("/proc/self/stat") as file:
        return int(file.read().rpartition(")")[2].split()[7])

TAKING
def test_it(environments):
    host = environments.host
    before = [host.call(waited) for _ in range(4)]
    first, *_, last = [host.call(take) for take in TAKES]  # Two wait already while it is seen what one takes.
    assert last < first - 300
    after = [host.call(waited) for _ in range(8)]
    assert max(after[4:]) < max(before) + 200  # Before that some were ready, or were taking theirs.
"""
TAKING = """
def take_NUMBER():
    before = waited()
    values = [each * each for each in range(400_000)]
    return waited() - before
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps no memory at hand")
@pytest.mark.skipif(PAGE != 4096, reason="pages are counted")
@pytest.mark.parametrize("numbers", [[0] * 8, [*range(8)]], ids=["the same", "others"])
def test_memory(suite: Suite, monkeypatch: pytest.MonkeyPatch, numbers: list[int]) -> None:
    """Where functions take much memory, the next ones wait for less of it; those that end at once were made to take none."""
    # A session that is measured has coverage start in each child, which takes what memory is at hand before the function.
    for name in [each for each in os.environ if each.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)
    taking = "".join(TAKING.replace("NUMBER", str(number)) for number in {*numbers})
    takes = ", ".join(f"take_{number}" for number in numbers)
    suite.write(MEMORY.replace("TAKING", taking).replace("TAKES", f"[{takes}]"))

    result = suite.run(subprocess=True)

    result.assert_outcomes(passed=1)
