"""Exceptions travel: pytest reports those that have as it does those that were raised here."""

from __future__ import annotations

import json
import linecache
import os
import re
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interpreters import need
from raisers import CONFTEST, GROUPS, HELPER, NOTES, TESTS

import pytest_envrepro
from pytest_envrepro.far.raised import told
from pytest_envrepro.rebuilding import rebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ADDRESS = re.compile(r"(?<=0x)[0-9a-f]+|(?<=conftest\.py:)\d+")
# A place within pytest itself or in the hook that calls a test: they are above the test, and another way each.
ABOVE = re.compile(
    r'^(?P<bars>[ |]*)  File "[^"]*(?:/_pytest/|/pluggy/|conftest\.py|/runpy\.py|bin/pytest)[^"]*", line [^\n]*\n'
    r"(?:(?P=bars)    [^\n]*\n)+",
    re.MULTILINE,
)
TITLE = re.compile(r"^_{3,} (.+?) _{3,}$", re.MULTILINE)

STYLES: Mapping[str, tuple[Sequence[str], dict[str, Any]]] = {
    "auto": ([], {"with_locals": False}),
    "long": (["--tb=long"], {"with_locals": False}),
    "short": (["--tb=short"], {"with_locals": False}),
    "line": (["--tb=line"], {"with_locals": False}),
    "no": (["--tb=no"], {"with_locals": False}),
    "native": (["--tb=native"], {"with_locals": False}),
    "locals": (["--tb=long", "--showlocals"], {"with_locals": True}),
    "locals, short": (["--tb=short", "--showlocals"], {"with_locals": True}),
    "verbose": (["-vv", "--showlocals"], {"with_locals": True, "pretty": True}),
    "more verbose": (["-vvv", "--showlocals"], {"with_locals": True, "pretty": True, "most": None}),
}


def report(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: Sequence[str], wanted: Any
) -> dict[str, str]:
    """Run the project; give what it says of each test, and last what it says in the end."""
    monkeypatch.setenv("RAISERS_WANTED", json.dumps(wanted))
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # For the order of sets.
    ended = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-ra", *options)
    text = ADDRESS.sub("", ended.stdout.str() + "\n")
    text = re.sub(r"=+ (.+) in \d+\.\d+s(?: \([\d:]+\))? =+", r"\1", ABOVE.sub("", text))
    parts = TITLE.split(text)
    return {"before": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a project of tests that fail."""
    files = {"conftest": CONFTEST, "helper": HELPER, "test_most": TESTS, "test_groups": GROUPS, "test_notes": NOTES}
    pytester.makepyfile(**files)
    return pytester


@pytest.mark.parametrize("style", STYLES)
def test_the_report_is_the_same(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    """Word for word, for every test, in each style."""
    options, wanted = STYLES[style]

    plain = report(project, monkeypatch, options, None)
    far = report(project, monkeypatch, options, wanted)

    assert len(plain) > 80 or style in {"line", "no"}
    assert ", 3 xfailed" in list(plain.values())[-1]
    assert {name: text for name, text in far.items() if text != plain[name]} == {}
    assert list(far) == list(plain)


THERE = """
import json, sys, traceback
from far.raised import told

class Walker:
    def __init__(self, steps):
        self.steps = steps
    def walk(self, to, *others, speed=1, **rest):
        return [1 / each for each in [to]]

class OwnError(ValueError):
    pass

def deep(number):
    return deep(number + 1)

def chained():
    try:
        Walker(3).walk(0, "other", colour="red")
    except ZeroDivisionError as error:
        raise OwnError("caf\\xe9", [1]) from error

def during():
    try:
        {}["a"]
    except KeyError:
        compile("a b", "given.py", "exec")

def many():
    errors = []
    for each in (chained, during):
        try:
            each()
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("some", errors)

bodies = [chained, during, lambda: deep(0), lambda: open("/no/such/file"), lambda: b"\\xe9".decode("utf-8"), lambda: sys.exit(3)]
if sys.version_info >= (3, 11):
    bodies.append(many)
for body in bodies:
    try:
        body()
    except BaseException as error:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        print(json.dumps([text, told(error, own=(), with_locals=True)]))
"""


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def unmarked(text: str) -> str:
    """Leave out the lines that mark columns: how they look differs from Python to Python."""
    return re.sub(r"^[ |]*[~^]+\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("version", ["3.8", "3.12", "3.13"])
def test_other_pythons(tmp_path: Path, version: str) -> None:
    """What another Python tells, and nothing of ours installed there, is what it would have printed itself."""
    python = need(version, tmp_path / "cache").executable
    shutil.copytree(Path(pytest_envrepro.__file__).parent / "far", tmp_path / "far")
    script = tmp_path / "there.py"
    script.write_text(THERE, encoding="utf-8")

    ran = subprocess.run([python, script], capture_output=True, text=True, check=True, encoding="utf-8", cwd=tmp_path)

    pairs = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(pairs) == 6 + (version != "3.8")
    made = [shown(rebuild(error)) for _, error in pairs]
    assert [unmarked(text) for text in made] == [unmarked(text) for text, _ in pairs]


def caught(body: Callable[[], object]) -> BaseException:
    try:
        body()
    except BaseException as error:  # noqa: BLE001  # All kinds are raised here.
        return error
    pytest.fail("it has not raised")


def travelled(error: BaseException, **wanted: Any) -> BaseException:
    """Tell an exception, and make it again."""
    return rebuild(json.loads(json.dumps(told(error, **{"own": (), "with_locals": True, **wanted}))))


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> None:
        raise error

    return body


class Exits:
    """Ends the process, whatever it is asked."""

    def __repr__(self) -> str:
        raise SystemExit(5)

    def __eq__(self, other: object) -> bool:
        raise SystemExit(5)

    __hash__ = None  # type: ignore[assignment]


class Endless:
    """Is asked for ever."""

    def __repr__(self) -> str:
        return repr([self])


class Meta(type):
    @property
    def __module__(cls) -> str:  # type: ignore[override]
        raise SystemExit(5)


class HostileError(Exception, metaclass=Meta):
    """Raises whatever is asked of it."""

    @property  # type: ignore[misc]  # mypy knows better.
    def __class__(self) -> Any:
        raise SystemExit(5)

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(5)

    def __str__(self) -> str:
        raise SystemExit(5)

    __repr__ = __str__


class NoTextError(Exception):
    def __str__(self) -> str:
        return 3  # type: ignore[return-value]  # noqa: PLE0307  # Is what is wrong with it.


class Strange(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise SystemExit(5)

    def __len__(self) -> int:
        raise SystemExit(5)


class StrangeTextError(Exception):
    def __str__(self) -> str:
        return Strange("strange")


class Names(dict[str, Any]):
    """Names of a module, as `exec` takes them."""

    def keys(self) -> Any:
        """Raise too."""
        raise SystemExit(5)


def strange_names() -> None:
    exec("__tracebackhide__ = 1\nNone if 1 / 0 else 1", {}, Names({"": 1, "None": 5, "a b": Exits(), "@x": 1}))  # noqa: S102  # As users do.


def strange_values() -> None:
    one, two, three = Exits(), Endless(), Strange("x")
    raise ValueError(one, two, three)


def strange_recursion(exits: Exits) -> None:  # noqa: ARG001  # Is looked at in a report.
    strange_recursion(Exits())


def asks_to_be_hidden() -> None:
    __tracebackhide__ = Exits  # Takes no arguments.
    raise ValueError


def noted() -> None:
    error = ValueError("noted")
    error.__notes__ = Exits()  # type: ignore[attr-defined]  # Anything can be there.
    raise error


HOSTILE: Mapping[str, tuple[Callable[[], object], str]] = {
    "all": (raising(HostileError("x")), "HostileError"),
    "no text": (raising(NoTextError()), "NoTextError: <exception str() failed>"),
    "strange text": (raising(StrangeTextError()), "StrangeTextError: strange"),
    "strange names": (strange_names, "ZeroDivisionError: division by zero"),
    "strange values": (strange_values, "ValueError"),
    "strange recursion": (lambda: strange_recursion(Exits()), "RecursionError: maximum recursion depth"),
    "hidden": (asks_to_be_hidden, "ValueError"),
    "notes": (noted, "ValueError: noted"),
    "strange code": (raising(SystemExit(Exits())), "SystemExit"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    """Nothing that the test's own classes do is raised out of it, on this side or on that."""
    body, said = HOSTILE[name]

    text = shown(travelled(caught(body), pretty=True))

    last = text.splitlines()[-1] if name != "notes" else text
    assert said.partition(":")[0] in last
    assert said in text or sys.version_info < (3, 11)
    assert "test_raised.py" in text


def deep(number: int, most: int) -> int:
    return deep(number + 1, most) if number < most else 1 // 0


def test_deep_calls() -> None:
    """Of very many calls the middle is left out, and told how many."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        error = travelled(caught(lambda: deep(0, 9000)), with_locals=False)
    finally:
        sys.setrecursionlimit(limit)

    frames = [each.f_code for each, _ in traceback.walk_tb(error.__traceback__)]
    # Beside those of `deep`, the calls of `caught` and of the lambda.
    assert [code.co_name for code in frames if code.co_name.startswith("<") and code.co_name != "<lambda>"] == [
        "<7003 calls are left out here>"
    ]
    assert len(frames) == 2001
    assert "<7003 calls are left out here>" in shown(error)


def wide(text: str) -> None:
    one = two = three = four = five = six = text
    raise ValueError([one, two, three, four, five, six])


def test_much_text() -> None:
    """All texts together have about a mebibyte, and the middle of each is what is left out."""
    error = caught(lambda: wide("<" + "a" * 3_000_000 + ">"))

    data = told(error, own=(), with_locals=True, most=None, pretty=True)

    assert len(json.dumps(data)) < 1_100_000
    assert data["errors"][0]["text"].startswith("['<aaa")
    assert data["errors"][0]["text"].endswith("aaa>']")
    assert "aaa...aaa" in data["errors"][0]["text"]


def test_many_exceptions() -> None:
    """Of very many, a hundred are told."""
    error = ValueError(0)
    for number in range(1, 300):
        after = ValueError(number)
        after.__cause__ = error
        error = after

    lines = shown(travelled(error)).splitlines()

    assert lines[0] == "Exception: there are more exceptions than the 100 that are told"
    assert lines[-1] == "ValueError: 299"
    assert sum(line.startswith("ValueError") for line in lines) == 100


def test_circle() -> None:
    """Of exceptions that name each other, the last one names none: who follows them comes to an end."""
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__context__ = second, first

    error = travelled(first)

    assert isinstance(error.__cause__, KeyError)
    assert error.__cause__.__context__ is None


def test_own_calls_are_left_out() -> None:
    """Those of the loop that calls a body, where a traceback begins; but not where they are in its midst."""
    data = told(caught(lambda: deep(0, 1)), own=[__file__], with_locals=False)
    mixed = told(caught(lambda: json.loads("{}", object_hook=lambda _: 1 / 0)), own=[__file__], with_locals=False)

    assert data["errors"][0]["frames"] == []
    files = [Path(mixed["sites"][frame["site"]]["file"]).name for frame in mixed["errors"][0]["frames"]]
    assert files[0] == "__init__.py"
    assert files[-1] == "test_raised.py"


def made_from(source: str, file: str) -> BaseException:
    names: dict[str, Any] = {}
    exec(compile(source, file, "exec"), names)  # noqa: S102  # As of a file that is not here.
    return caught(names["body"])


def test_source_of_files_that_are_not_here(tmp_path: Path) -> None:
    """Travels with the exception where it is wanted, and never takes the place of a file that is here."""
    gone, here = tmp_path / "gone.py", tmp_path / "here.py"
    for path in (gone, here):
        path.write_text("def body():\n    return 1 / 0  # There.\n", encoding="utf-8")
    errors = [made_from(path.read_text(encoding="utf-8"), str(path)) for path in (gone, here)]
    data = [told(error, own=(), with_locals=False, sources=True) for error in errors]
    without = told(errors[0], own=(), with_locals=False)
    gone.unlink()
    here.write_text("def body():\n    return 1 / 0  # Here.\n", encoding="utf-8")
    linecache.checkcache()

    assert "# There." not in shown(rebuild(without))
    assert "# There." in shown(rebuild(data[0]))
    assert "# Here." in shown(rebuild(data[1]))
    assert str(gone) not in without["sources"]


def test_source_that_somebody_else_gave() -> None:
    """What `linecache` has of others stays."""
    name = "<made by others>"
    linecache.cache[name] = (10, None, ["# Here.\n", "# Here too.\n"], name)
    data = told(made_from("def body():\n    return 1 / 0  # There.\n", name), own=(), with_locals=False)
    data["sources"] = {name: "# There.\n"}

    rebuild(data)

    assert linecache.getline(name, 1) == "# Here.\n"


def renamed(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Have the class of an exception be one of another module."""
    data["errors"][0]["classes"][:1] = [name.split(":") for name in names]
    return data


def test_classes() -> None:
    """It has the name of the other class, derives from all that are here of its bases, and is the same each time."""
    data = renamed(
        told(caught(raising(ValueError(3))), own=(), with_locals=False), "lib.far:Own.Inner", "json:JSONDecodeError"
    )
    data["errors"][0]["classes"].insert(2, ["builtins", "KeyError"])

    first, second = rebuild(data), rebuild(data)

    assert type(first) is type(second)
    assert (type(first).__module__, type(first).__qualname__, type(first).__name__) == ("lib.far", "Own.Inner", "Inner")
    assert isinstance(first, json.JSONDecodeError)
    assert isinstance(first, ValueError)
    assert isinstance(first, KeyError)
    assert not isinstance(first, TypeError)
    assert (str(first), repr(first)) == ("3", "ValueError(3)")


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that could be imported is not; one that has been imported since is known."""
    (tmp_path / "far_library.py").write_text("class Error(LookupError):\n    pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    data = renamed(
        told(caught(raising(LookupError("x"))), own=(), with_locals=False), "far_library:Error", "builtins:LookupError"
    )

    before = rebuild(data)
    assert "far_library" not in sys.modules
    library = __import__("far_library")
    after = rebuild(data)

    assert isinstance(before, LookupError)
    assert not isinstance(before, library.Error)
    assert isinstance(after, library.Error)


def test_fields() -> None:
    """What an exception has beside its text, and `traceback` or a program's end shows, is there again."""
    assert travelled(caught(raising(SystemExit(3)))).code == 3  # type: ignore[attr-defined]
    assert travelled(caught(lambda: os.stat("/no/such"))).filename == "/no/such"  # type: ignore[attr-defined]
    assert travelled(caught(lambda: compile("a b", "f.py", "exec"))).lineno == 1  # type: ignore[attr-defined]
