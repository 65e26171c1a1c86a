"""Assertions in environments say what pytest says of them, and do what Python does.

The same source is run twice within a session of pytest: as pytest has rewritten it, and as we have. Where the two differ
on purpose, or by the version of pytest, it is one of the tables here, with the reason.
"""

from __future__ import annotations

import ast
import asyncio
import gc
import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
import traceback
import weakref
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import assertions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interpreters import need

from pytest_envrepro.far import asserting, reprs

pytest.register_assert_rewrite("pytest_envrepro.comparisons")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from projects import Project

EXAMPLES = int(os.environ.get("ENVREPRO_EXAMPLES", "200"))
SLOWLY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
FAR = Path(asserting.__file__).parent
RUNTIME = "@a runtime"
MOST = {0: 240, 1: 2400}  # By verbosity; from 2 on there is no limit.
FUNCTIONS = "".join(
    f"\ndef test_{number}():\n{textwrap.indent(body, '    ')}\n" for number, body in enumerate(assertions.BODIES)
)
SOURCE = assertions.HEAD + FUNCTIONS

# Runs each test twice, and writes down what both have raised.
CONFTEST = f"""
import ast, json, os
import pytest

pytest.register_assert_rewrite("pytest_envrepro.comparisons")

SAID = []
MODULES = {{}}


def raised(function):
    try:
        function()
    except BaseException as error:
        return f"{{type(error).__name__}}: {{error}}"


def ours(item):
    from pytest_envrepro.comparisons import explained
    from pytest_envrepro.far.asserting import Explainer, rewrite

    if item.path not in MODULES:
        most = {MOST!r}.get(max(0, item.config.getoption("verbose")))
        tree = rewrite(ast.parse(item.path.read_bytes()), {RUNTIME!r})
        MODULES[item.path] = {{"__name__": item.module.__name__, {RUNTIME!r}: Explainer(explained, most)}}
        exec(compile(tree, str(item.path), "exec"), MODULES[item.path])
    return MODULES[item.path][item.name]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    SAID.append([pyfuncitem.name, raised(pyfuncitem.obj), raised(ours(pyfuncitem))])
    return True


def pytest_unconfigure(config):
    with open(config.rootpath / f"said-{{os.environ.get('PYTEST_XDIST_WORKER', 'here')}}.json", "w") as file:
        json.dump(SAID, file)
"""

# What earlier versions of pytest say otherwise: from which one on they say what is said here, as far as it was tried.
WALRUS = "a name is shown as it is at the end, though it was bound anew after it was used"
METHODS = "bound methods are shown in full"
WHOLE = "long containers are cut with -vv too, and what is no ASCII stays"
EARLIER = (
    (WALRUS, (9, 2), re.compile(r"x and \(x := 0\)|\(x := x \+ 1\) == 1 and x")),
    (METHODS, (8, 4), re.compile(r"\.get\b|value\(\)|\.made\(\)")),
    (WHOLE, (8, 4), re.compile(r"^x = .*\nassert not x$", re.DOTALL)),
)


def said(project: Project, *options: str, source: str = SOURCE, conftest: str = "") -> list[tuple[str, str, str]]:
    """Give the name of each test, what pytest has said of it, and what is said in an environment."""
    project.write({"conftest.py": CONFTEST + conftest, "test_them.py": source})
    result = project.test("-p", "no:cacheprovider", *options)

    result.assert_outcomes(passed=source.count("\ndef test_"))
    found = [row for path in project.path.glob("said-*.json") for row in json.loads(path.read_text())]
    return [(name, alike(theirs), alike(ours)) for name, theirs, ours in found]


def alike(text: str | None) -> str:
    """Leave out where things are, in memory and on the disk: they are made twice."""
    without = re.sub(r"(0x|\.\.\.)[0-9a-f]{6,}(?=>)", r"\1", str(text))
    return re.sub(r"<module '(\w+)' [^>]*>", r"<module '\1'>", without)


def is_excused(body: str) -> bool:
    """Tell whether the pytest that runs here is known to say something else of it."""
    return any(pytest.version_tuple < version and pattern.search(body) for _, version, pattern in EARLIER)


def compiled(source: str, explainer: object = None, *, rewritten: bool = True) -> dict[str, Any]:
    """Run source of a module, and give what it has."""
    tree = ast.parse(textwrap.dedent(source))
    names: dict[str, Any] = {"__name__": "test_them"}
    if rewritten:
        names[RUNTIME] = explainer or asserting.Explainer(lambda *_: None, 240)
        tree = asserting.rewrite(tree, RUNTIME)
    exec(compile(tree, "<them>", "exec", dont_inherit=True), names)  # noqa: S102  # Source of the tests themselves.
    return names


def failure(source: str, compare: Callable[[str, object, object], str | None] = lambda *_: None) -> str:
    """Give the text of the assertion that fails in this source."""
    with pytest.raises(AssertionError) as caught:
        compiled(source, asserting.Explainer(compare, 240))
    return str(caught.value)


class TestTexts:
    """The text of a failed assertion."""

    @pytest.mark.parametrize("options", [(), ("-v",), ("-vv",)], ids=["plain", "verbose", "whole"])
    def test_as_pytest(self, project: Project, options: tuple[str, ...]) -> None:
        """It is pytest's, word for word, in all its verbosities."""
        told = said(project, *options)
        bodies = [(assertions.BODIES[int(name.removeprefix("test_"))], *both) for name, *both in told]

        assert len(bodies) == len(assertions.BODIES)
        assert [each for each in bodies if each[1] != each[2] and not is_excused(each[0])] == []
        assert [body for body, theirs, _ in bodies if theirs == "None"] == []

    @pytest.mark.parametrize("version", ["3.8", "3.12", "3.13"])
    def test_other_pythons(self, version: str, tmp_path: Path) -> None:
        """Every Python says the same, with nothing of ours but what is sent there."""
        (tmp_path / "them.py").write_text(SOURCE, encoding="utf-8")
        program = f"""
import ast, json, sys
sys.path.insert(0, {str(FAR.parent)!r})
from far.asserting import Explainer, rewrite
tree = rewrite(ast.parse(open("them.py", "rb").read()), "@")
names = {{"__name__": "test_them", "@": Explainer(lambda *_: None, 240)}}
exec(compile(tree, "them.py", "exec"), names)
said = []
for number in range({len(assertions.BODIES)}):
    try:
        names[f"test_{{number}}"]()
    except Exception as error:
        said.append(f"{{type(error).__name__}}: {{error}}")
print(json.dumps(said))
assert not any(name.startswith("@value") for name in names)
"""
        command = [str(need(version, tmp_path).executable), "-I", "-c", program]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert run.stderr == ""
        here = compiled(SOURCE)
        expected = [alike(raised(here[f"test_{number}"])) for number in range(len(assertions.BODIES))]
        assert [alike(each) for each in json.loads(run.stdout)] == expected

    def test_plain(self) -> None:
        """Nothing explains comparisons: values stand there, and where they come from."""
        text = failure("words = [1, 2]\nassert len(words) == sum([3]) + 1, 'the\\nreason'")

        assert text == (
            "the\n"
            "  reason\n"
            "assert 2 == (3 + 1)\n"
            " +  where 2 = len([1, 2])\n"
            " +  and   3 = sum([3])"
        )  # fmt: skip

    def test_explained(self) -> None:
        """What explains a comparison stands in its place, and what it says of where values come from is lost."""
        asked = []

        def compare(operator: str, left: object, right: object) -> str:
            asked.append((operator, left, right))
            return "first {}\n  %s second\n"

        assert failure("assert len([1]) == 2", compare) == "assert first {}\n    %s second\n  "
        assert failure("assert not (1 < 2 < 3)", compare) == "assert not first {}\n    %s second\n  "
        assert asked == [("==", 1, 2), ("held <", 2, 3)]

    def test_values_are_cut(self) -> None:
        """No more of a value is shown than was asked for."""
        names = compiled("def test(value):\n    assert not value", asserting.Explainer(lambda *_: None, 20))

        assert raised(lambda: names["test"]("a" * 50)) == "AssertionError: assert not 'aaaaaaa...aaaaaaaa'"


class TestComparisons:
    """What pytest says of a comparison, as it is asked for another process."""

    ASKING = """
from pytest_envrepro.comparisons import explained

def test_it():
    with open("answers.txt", "a") as file:
        for op, left, right in [
            ("==", [1, 2], [1, 3]), ("==", 1, 2), ("==", 1, 1), ("held ==", 1, 1), ("held ==", {}, {}), ("<", 1, "a"),
            ("not in", "a", "bab"), ("is", "ours", 1), ("held in", "ours", ["ours"]), ("held ==", [1], [2]),
        ]:
            print(repr(explained(op, left, right)), file=file)
"""
    HOOK = """
def pytest_assertrepr_compare(op, left, right):
    return ["say:", f"{left} {op}", "100%\\n{"] if left == "ours" else None
"""
    ANSWERS = (
        "[1, 2] == [1, 3]\n\nAt index 1 diff: 2 != 3\nUse -v to get more diff",
        *(None, None, None),
        "{} == {}\n\nUse -v to get more diff",
        None,
        "'a' not in 'bab'\n\n'a' is contained here:\n  bab\n?  +",
        "say:\nours is\n100%\\n{",
        "say:\nours in\n100%\\n{",
        None,
    )

    def asked(self, project: Project, *options: str, subprocess: bool = False) -> tuple[str | None, ...]:
        """Run a session that asks, and give the answers."""
        head = "import pytest\npytest.register_assert_rewrite('pytest_envrepro.comparisons')\n"
        project.write({"conftest.py": head + self.HOOK, "test_it.py": self.ASKING})
        result = project.test(*options, subprocess=subprocess)

        result.assert_outcomes(passed=1)
        return tuple(map(ast.literal_eval, (project.path / "answers.txt").read_text().splitlines()))

    def test_hooks(self, project: Project) -> None:
        """Its own explanation and those of hooks; None where it says no more than what was compared."""
        assert self.asked(project) == self.ANSWERS

    def test_workers(self, project: Project) -> None:
        """Workers of pytest-xdist say the same."""
        assert self.asked(project, "-n1") == self.ANSWERS

    def test_no_bytecode(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process that writes no bytecode says the same."""
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        monkeypatch.setenv("PYTHONPATH", str(FAR.parents[1]), prepend=os.pathsep)

        assert self.asked(project, subprocess=True) == self.ANSWERS

    @pytest.mark.parametrize("option", ["--assert=plain", "-pno:assertion"])
    def test_rewriting_is_off(self, project: Project, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
        """Where pytest explains nothing, nothing is explained."""
        monkeypatch.setenv("PYTHONPATH", str(FAR.parents[1]), prepend=os.pathsep)

        assert self.asked(project, option, subprocess=True) == (None,) * len(self.ANSWERS)

    def test_long(self, project: Project) -> None:
        """What is long is cut as pytest cuts it."""
        source = "\ndef test_it():\n    assert list(range(99)) == [0] * 99\n    '''\n    '''\n"
        ((_, theirs, ours),) = said(project, "-v", source=source)

        assert theirs == ours
        assert "Full output truncated" in ours

    def test_a_hook_that_fails(self, project: Project) -> None:
        """What a hook raises is raised, as by pytest."""
        hook = "\ndef pytest_assertrepr_compare(op, left, right):\n    raise ValueError('no idea')\n"
        ((_, theirs, ours),) = said(project, source="\ndef test_it():\n    assert 1 == 2\n", conftest=hook)

        assert theirs == ours == "ValueError: no idea"


class TestSemantics:
    """An assertion does what Python does."""

    # Each calls `p`, which notes its first argument and gives its last.
    BODIES = (
        "assert p(1) < p(2) < p(3)",
        "assert p(1, 5) < p(2) < p(3)",
        "assert p(1) < p(2, 0) < p(3) < p(4)",
        "assert p(1, 0) and p(2)",
        "assert p(1) and p(2, 0) and p(3)",
        "assert p(1) or p(2)",
        "assert (p(1, 0) or p(2, 0)) and p(3) or p(4, 0)",
        "assert p(1, same)(p(2), *p(3, [1]), a=p(4), **p(5, {'b': 1})) == p(6)",
        "assert p(1, [1, 2])[p(2, 0)] == p(3, 2)",
        "assert p(1) + p(2) * p(3) == -p(4)",
        "assert p(1, 1) if p(2, 0) else p(3, 0)",
        "assert (x := p(1)) == x == (x := p(2, 3))",
        "assert x == p(1, x) == (x := p(2))",
        "assert [p(n) for n in (1, 2)] == p(3)",
        "assert (y := p(1)) and [y for _ in (1, 2)] == [p(2)]",
        "assert not p(1), p(2)",
        "assert p(1), p(2)",
        "assert p(1, 1) < p(2, 'a')",
        "assert p(1).nothing == p(2)",
        "assert p(1) in p(2, (1, 2)) in p(3, [True])",
        "assert (p(1) < p(2)) == p(3)",
        "assert (lambda: p(1, 0))()",
        "assert (p(1), p(2, 0))[1]",
        "assert (p(1, 0),)",
        "assert f'{p(1)}{p(2)}' == p(3)",
        "assert x == change() == x",
    )
    HEAD = (
        "x = 1\nlog = []\ndef same(*args, **kwargs): return args\n"
        "def p(*args): log.append(args[0]); return args[-1]\n"
        "def change():\n    global x\n    x += 1\n    return 1\n"
    )

    def done(self, body: str, *, rewritten: bool, in_function: bool) -> tuple[list[object], str, object, object]:
        """Run one, and give what was noted, what was raised, and what its names are then."""
        if in_function:
            inner = f"x = 1\n    {body}" if "change" not in body else body
            body = f"def test():\n  try:\n    {inner}\n  finally: found.update(locals())\nfound = {{}}\ntest()"
        source = (
            f"{self.HEAD}\ntry:\n{textwrap.indent(body, '  ')}\nexcept Exception as e: error = e\nelse: error = None\n"
        )
        with pytest.warns() if body == "assert (p(1, 0),)" else pytest.MonkeyPatch.context():
            names = compiled(source, rewritten=rewritten)
        error = names["error"]
        text = type(error).__name__ + ("" if isinstance(error, AssertionError) else str(error))
        found = {name: value for name, value in names.get("found", {}).items() if name[0] != "@"}
        return names["log"], text, names["x"], found

    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize("in_function", [True, False])
    @pytest.mark.filterwarnings("ignore:assertion is always true")
    def test_order(self, body: str, *, in_function: bool) -> None:
        """Each part is evaluated once, in Python's order, and none that Python leaves out."""
        native = self.done(body, rewritten=False, in_function=in_function)

        assert self.done(body, rewritten=True, in_function=in_function) == native

    def test_truth_is_asked_once(self) -> None:
        """Also where an object says itself whether it is true."""
        source = """
            class Truth:
                def __init__(self, value): self.value = value
                def __bool__(self): log.append(self.value); return self.value
                def __lt__(self, other): return other
            log = []
            yes, no = Truth(True), Truth(False)
            assert yes and (no or yes) and not no
            assert yes < yes < yes
            assert not (no and yes)
        """
        assert compiled(source)["log"] == compiled(source, rewritten=False)["log"]

    def test_what_passes_asks_nothing(self) -> None:
        """An assertion that passes costs no call: there is nothing there that could be called."""
        source = "one = 1\nassert one == 1 and len([one]) < 2 < 3 or not one, one\n"

        names = compiled(source, object())

        assert not [name for name in names if name.startswith("@") and name != RUNTIME]

    def test_nothing_is_kept(self) -> None:
        """What an assertion has looked at is gone after it, whether it has passed or failed."""
        names = compiled(
            """
            import gc
            class Thing:
                one = 1
            def passed(made):
                assert made().one and made() and made() != made() != 3 or one
                return made.count()
            def failed(made):
                thing = made
                try:
                    assert made().one == 2 or thing is None
                except AssertionError:
                    return made.count()
            """
        )
        living: list[weakref.ref[Any]] = []

        class Made:
            def __call__(self) -> Any:
                thing = names["Thing"]()
                living.append(weakref.ref(thing))
                return thing

            def count(self) -> int:
                gc.collect()
                return sum(each() is not None for each in living)

        assert names["passed"](Made()) == 0
        assert names["failed"](Made()) == 0
        assert len(living) == 5

    def test_at_the_same_time(self) -> None:
        """The same assertion, in the middle of itself: each has its own values."""
        names = compiled(
            """
            import asyncio
            def recurring(n):
                assert (n, recurring(n - 1) if n else None)[0] == n and n != 3
                return n
            def generating(n):
                assert (yield) + n == n * 2
            async def waiting(n, until):
                async def one():
                    await until.wait()
                    return n
                assert (n + await one()) == n
            def threading(n, barrier):
                def one():
                    barrier.wait()
                    return n
                assert (n, one(), n)[1] + n == n
            """
        )

        async def both() -> list[str]:
            until = asyncio.Event()
            tasks = [asyncio.ensure_future(names["waiting"](n, until)) for n in (1, 2)]
            await asyncio.sleep(0)
            until.set()
            return [str(each) for each in await asyncio.gather(*tasks, return_exceptions=True)]

        said: dict[int, str] = {}
        barrier = threading.Barrier(2)

        def note(n: int) -> None:
            said[n] = raised(lambda: names["threading"](n, barrier))

        threads = [threading.Thread(target=note, args=(n,)) for n in (1, 2)]
        generators = [names["generating"](n) for n in (1, 2)]
        for each in (*threads, *generators):
            each.start() if isinstance(each, threading.Thread) else next(each)
        for each in threads:
            each.join()

        assert raised(lambda: names["recurring"](5)) == "AssertionError: assert (3 == 3 and 3 != 3)"
        assert [raised(partial(each.send, 5)) for each in generators] == [
            "AssertionError: assert (5 + 1) == (1 * 2)",
            "AssertionError: assert (5 + 2) == (2 * 2)",
        ]
        assert asyncio.run(both()) == ["assert (1 + 1) == 1", "assert (2 + 2) == 2"]
        assert said == {n: f"AssertionError: assert ({n} + {n}) == {n}" for n in (1, 2)}

    @pytest.mark.parametrize(
        "attributes",
        [
            {},
            {"one": 0},
            {"one": 0, "two": ""},
            {"one": "", "two": 0},
            {"one": 0, "two": 0},
            {"one": 0, "two": 0, "three": 5},
            {"one": 0, "two": 0, "three": [None] * 2, "four": assertions.Untold()},
        ],
    )
    def test_places(self, attributes: dict[str, object]) -> None:
        """Lines, and columns where Python knows them, are those of the source."""
        source = "def test(a):\n  assert (\n    a.one\n    < 1 + a.two\n    < len(\n a.three)\n    and a.four\n    and 1), 2\n"
        places = []
        for rewritten in (True, False):
            with pytest.raises((AttributeError, TypeError)) as caught:
                compiled(source, rewritten=rewritten)["test"](SimpleNamespace(**attributes))
            last = next(each for each in reversed(traceback.extract_tb(caught.tb)) if each.name == "test")
            places.append((last.lineno, *(getattr(last, name, None) for name in ("colno", "end_lineno", "end_colno"))))

        assert places[0] == places[1]

    def test_place_of_a_failure(self) -> None:
        """It is the line of the statement, as with pytest."""
        with pytest.raises(AssertionError) as caught:
            compiled("one = 1\nassert (\n    one\n    == 2\n)")

        assert traceback.extract_tb(caught.tb)[-1].lineno == 2

    def test_disabled(self) -> None:
        """A module that says so stays as it is, as it does with pytest."""
        for head in ("'''PYTEST_DONT_REWRITE'''", "from __future__ import annotations\n'PYTEST_DONT_REWRITE'"):
            assert failure(f"{head}\nassert 1 == 2") == ""
        assert failure("one = 1\n'PYTEST_DONT_REWRITE'\nassert one == 2") == "assert 1 == 2"

    def test_docstrings(self) -> None:
        """A docstring stays one, and what comes from the future stays first."""
        names = compiled("'''It.'''\nfrom __future__ import annotations\nassert 1\ndef f(): 'That.'; assert 1")

        assert (names["__doc__"], names["f"].__doc__) == ("It.", "That.")

    def test_bodies_of_classes(self) -> None:
        """In the body of an enumeration no variable can be made; pytest makes a member of one."""
        source = "import enum\nclass E(enum.Enum):\n    one = 1\n    assert one == 1\n    def f(self):\n        assert self.value == 2"
        names = compiled(source)

        assert [each.name for each in names["E"]] == ["one"]
        assert raised(names["E"].one.f).startswith("AssertionError: assert 1 == 2\n +  where 1 = <E.one: 1>.value")

    def test_a_name_is_shadowed(self) -> None:
        """Names of builtins are the module's to use."""
        assert failure("AssertionError = locals = repr = None\nassert repr == 1") == "assert None == 1"

    def test_many_branches(self) -> None:
        """Statements may be nested as deeply as Python compiles them."""
        source = (
            "one = 1\nif one == 0: pass\n"
            + "".join(f"elif one == -{n}: pass\n" for n in range(1, 500))
            + "else: assert one == 2\n"
        )

        assert failure(source) == "assert 1 == 2"


def raised(function: Callable[[], object]) -> str:
    """Tell what a function raises."""
    try:
        function()
    except Exception as error:  # noqa: BLE001  # Whatever the source of a test raises.
        return f"{type(error).__name__}: {error}"
    return "nothing"


# All of these are numbers, so that few of them raise anything.
leaves = st.sampled_from(["0", "1", "2", "one", "zero", "p(0)", "p(1)", "box.value", "len(words)", "words.index('b')"])
OTHERS = ("'a'", "[1]", "words", "box", "same", "len", "f'{one}'", "(lambda: 0)", "[n for n in [0]]", "{'a': one}")


def grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Give expressions that have these as parts."""
    unary = st.builds("{}{}".format, st.sampled_from(["not ", "-", "+", "~"]), parts)
    binary = st.builds("{} {} {}".format, parts, st.sampled_from(["+", "-", "*", "%", "|", "&"]), parts)
    logical = st.builds(str.join, st.sampled_from([" and ", " or "]), st.lists(parts, min_size=2, max_size=3))
    further = st.builds(
        str.format,
        st.sampled_from([" == {}", " != {}", " < {}", " >= {}", " in ({}, 5)", " not in [{}]", " is {}", " is not {}"]),
        parts,
    )
    other = st.builds("{} {} {}".format, parts, st.sampled_from(["==", "!=", "is", "is not"]), st.sampled_from(OTHERS))
    chain = st.builds(lambda first, rest: first + "".join(rest), parts, st.lists(further, min_size=1, max_size=3))
    called = st.builds(
        str.format,
        st.sampled_from(
            [
                "same({})",
                "same(1, a={})",
                "same(*[{}])",
                "box.get({})",
                "p({})",
                "[{}][0]",
                "(lambda: {})()",
                "Box({}).kept",
            ]
        ),
        parts,
    )
    return st.one_of(called, *(each.map("({})".format) for each in (unary, binary, logical, chain, other)))


def failing(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Give expressions of which most are false."""
    return st.builds(str.format, st.sampled_from(["{}", "not {}", "{} == 7", "7 < {}", "not ({0} or {0})"]), parts)


expressions = failing(st.recursive(leaves, grown, max_leaves=8))
binding = failing(
    st.recursive(st.one_of(leaves, st.just("x"), st.just("x"), leaves.map("(x := {})".format)), grown, max_leaves=8)
)


class TestGenerated:
    """The same, for expressions that nobody has thought of."""

    HEAD = """
class Box:
    value = 3
    def __init__(self, kept=0): self.kept = kept
    def get(self, *args): return args[0]
    def __repr__(self): return "<Box>"

one, zero, words, box, log = 1, 0, ["a", "b"], Box(), []

def same(*args, a=0): return args[0]

def p(value):
    log.append(value)
    return value

def test():
    x = 1
    assert {}
"""
    NUMBERS = count()

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """Give a folder whose modules pytest rewrites as it imports them."""
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        yield tmp_path
        for name in [each for each in sys.modules if each.startswith("test_generated_")]:
            del sys.modules[name]

    @SLOWLY
    @given(expression=expressions)
    @pytest.mark.filterwarnings("ignore::SyntaxWarning")
    def test_as_pytest(self, folder: Path, request: pytest.FixtureRequest, expression: str) -> None:
        """Where an assertion fails, its text is pytest's."""
        from pytest_envrepro.comparisons import explained  # noqa: PLC0415  # Is rewritten from here on.

        name = f"test_generated_{next(self.NUMBERS)}"
        source = self.HEAD.format(expression)
        (folder / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        most = MOST.get(max(0, request.config.getoption("verbose")))

        theirs = alike(raised(module.test))
        ours = alike(raised(compiled(source, asserting.Explainer(explained, most))["test"]))
        # pytest evaluates all of a chain, whatever its first comparison comes to: it may raise what Python does not.
        if theirs.startswith(("AssertionError", "nothing")) and not is_excused(expression):
            assert ours == theirs.replace(name, "test_them")

    @SLOWLY
    @given(expression=binding)
    @pytest.mark.filterwarnings("ignore::SyntaxWarning")
    def test_as_python(self, expression: str) -> None:
        """It comes to what it comes to as it stands, in the same order, and binds the same names."""
        source = self.HEAD.replace("    assert {}", "    try:\n        assert {}\n    finally:\n        log.append(x)")
        found = []
        for rewritten in (True, False):
            names = compiled(source.format(expression), rewritten=rewritten)
            text = alike(raised(names["test"]))
            log = [alike(repr(each)) for each in names["log"]]
            found.append((log, text.partition(":")[0] if text.startswith("AssertionError") else text))

        assert found[0] == found[1]


values = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers()),
        st.integers(min_value=10**39, max_value=10**45),
        st.text(min_size=230),
    ),
    lambda parts: st.one_of(
        st.lists(parts, max_size=9),
        st.lists(parts, max_size=9).map(tuple),
        st.dictionaries(st.one_of(st.integers(), st.text()), parts, max_size=6),
        st.frozensets(st.integers(), max_size=9),
        st.sets(st.text(), max_size=9),
        st.builds(assertions.Odd, parts),
    ),
    max_leaves=20,
)


class TestReprs:
    """Values as text."""

    @SLOWLY
    @given(value=values)
    def test_as_pytest(self, request: pytest.FixtureRequest, value: object) -> None:
        """They are as pytest shows them."""
        holder = [value]
        with pytest.raises(AssertionError) as caught:
            assert holder[0] is holder
        shown = str(caught.value).removeprefix("assert ").partition(" is [")[0]
        verbosity = max(0, request.config.getoption("verbose"))

        if pytest.version_tuple >= (9,) or (verbosity < 2 and "{" not in repr(value)):  # It sorted keys, and see WHOLE.
            assert reprs.short(value, MOST.get(verbosity)) == shown

    def test_faults(self) -> None:
        """What goes wrong is told, and what ends the process is not held up."""

        class BadError(Exception):
            def __repr__(self) -> str:
                raise self

            def __str__(self) -> str:
                raise self

        def shown(error: BaseException) -> str:
            return alike(reprs.short(assertions.Raising(error)))

        assert shown(ValueError("no")) == "<[ValueError('no') raised in repr()] Raising object at 0x>"
        assert shown(BadError()) == "<[unpresentable exception (BadError) raised in repr()] Raising object at 0x>"
        assert alike(reprs.short(assertions.Raising(ValueError("no")), None)) == shown(ValueError("no"))
        for ending in (KeyboardInterrupt, SystemExit):
            with pytest.raises(ending):
                shown(ending())

    def test_limits(self) -> None:
        """The middle is left out, of containers all but the first members; with no limit all is there, in ASCII."""
        assert reprs.short("a" * 30, 20) == "'aaaaaaa...aaaaaaaa'"
        assert reprs.short(list(range(9))) == "[0, 1, 2, 3, 4, 5, ...]"
        assert reprs.short({2: 1, 1: {}}) == "{2: 1, 1: {}}"
        assert reprs.short(["\u2603", *range(7)], None) == "['\\u2603', 0, 1, 2, 3, 4, 5, 6]"
