"""What stands in for pytest elsewhere: the same bodies end as they do with the real one, word for word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import snippets
from bodies import bodies
from indexes import uv_program
from interpreters import need
from nearly import NUMPY, UNEQUAL, UNEQUAL_ARRAYS, VALUES

import pytest_envrepro.far
from pytest_envrepro.far import outcomes
from pytest_envrepro.far.standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Mapping

FAR = Path(pytest_envrepro.far.__file__).parent
PROGRAM = Path(snippets.__file__)
BODIES = bodies(pytest.version_tuple[:2], sys.version_info[:2])  # type: ignore[arg-type]  # Are two numbers.
OLDEST_SAME = (9, 2)  # Of pytest: what is told of `approx` was told in other words before.
OWN_WORDS = "outcomes import-no-name"  # Of each Python, for a SyntaxError.


@pytest.fixture
def verbosity(pytestconfig: pytest.Config) -> int:
    """Give what this session was asked for: it decides how much is told of texts that differ."""
    return pytestconfig.get_verbosity(pytest.Config.VERBOSITY_ASSERTIONS) if pytest.version_tuple >= OLDEST_SAME else 0


def program(python: str | Path, *words: str, given: Mapping[str, str] | None = None, path: str = "") -> str:
    """Run Python with nothing of ours and nothing installed; give what it has printed."""
    ended = subprocess.run(
        [str(python), *words],
        input=json.dumps(given or {}),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", "PYTHONPATH": path},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def bare(source: str, path: str = "") -> Any:
    """Run a program where `pytest` is what stands in for it, and give the JSON that it prints."""
    start = f"import sys, json; sys.path.insert(0, {str(PROGRAM.parent)!r}); import snippets\n"
    start += f"pytest = snippets.far({str(FAR)!r}, 'standin').StandIn()\n"
    return json.loads(program(sys.executable, "-S", "-c", start + source, path=path))


@pytest.mark.parametrize("name", BODIES)
def test_ends_as_with_pytest(name: str, verbosity: int) -> None:
    """What a body sees, how it ends, the message, and the warnings that it leaves."""
    assert snippets.ended(BODIES[name], StandIn(verbosity=verbosity)) == snippets.ended(BODIES[name], pytest)


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_ends_so_elsewhere(version: str, tmp_path: Path, verbosity: int) -> None:
    """The same in another Python, which has no pytest."""
    python = need(version, tmp_path / "cache")
    given = bodies(pytest.version_tuple[:2], min(sys.version_info[:2], tuple(map(int, version.split(".")))))  # type: ignore[arg-type]  # The same.

    found = json.loads(program(python.executable, "-S", str(PROGRAM), str(FAR), str(verbosity), given=given))

    assert [*found] == [*given]
    del found[OWN_WORDS]
    assert found == {name: snippets.ended(body, pytest) for name, body in given.items() if name != OWN_WORDS}


@pytest.mark.skipif(pytest.version_tuple < OLDEST_SAME, reason="pytest tells in other words")
def test_tells_why_it_is_not_near(pytester: pytest.Pytester) -> None:
    """What there is to tell of a failing comparison, as pytest tells it."""
    pytester.makepyfile(
        f"import json, pytest\nfrom pytest import approx\n{VALUES}\nCASES = {UNEQUAL!r}\n"
        "@pytest.mark.parametrize('index', range(len(CASES)))\n"
        "def test_it(index):\n"
        "    left, right = eval(CASES[index])\n"
        "    try:\n"
        "        assert left == right\n"
        "    except AssertionError as error:\n"
        "        with open('said', 'a') as file:\n"
        "            file.write(json.dumps([index, str(error)]) + '\\n')\n"
    )
    pytester.runpytest_subprocess("-vv", "-p", "no:randomly", "-p", "no:xdist")
    real = dict(map(json.loads, (pytester.path / "said").read_text().splitlines()))
    values: dict[str, Any] = {"approx": StandIn().approx}
    exec(VALUES, values)  # noqa: S102  # Is ours.

    from pytest_envrepro.far.approxtelling import told  # noqa: PLC0415  # Beside its only use.

    for index, case in enumerate(UNEQUAL):
        ours = told(*eval(case, values))  # noqa: S307  # The same.
        assert ours
        whole = "\n".join(f"  {line}" if line else "" for line in ours)
        if "generator" not in real[index]:  # Its address is another one.
            assert real[index].endswith(f"\n  \n{whole}"), case
    assert told(1, 2) is None
    assert len(real) == len(UNEQUAL)


@pytest.mark.requires_integration("network", "compilers")
def test_numpy(tmp_path: Path) -> None:
    """Arrays and scalars of numpy, beside the newest pytest that there is."""
    environ = {**os.environ, "UV_INDEX_STRATEGY": "unsafe-best-match"}
    python = tmp_path / "it" / "bin" / "python"
    for words in (
        ("venv", "--quiet", "--python", sys.executable, str(tmp_path / "it")),
        ("pip", "install", "--quiet", "--python", str(python), "numpy", "pytest>=9.2"),
    ):
        subprocess.run([uv_program(), *words], env=environ, check=True)
    given = {name: f"{VALUES}import numpy\n{body}" for name, body in NUMPY.items()}
    tell = "say(*told(*({})) if hasattr(pytest, '_environment') else ({})[1]._repr_compare(({})[0]))"
    start = f"{VALUES}import numpy, sys\napprox = pytest.approx\ntold = getattr(sys.modules.get('sent.approxtelling'), 'told', 0)\n"
    start += "if hasattr(pytest, '_environment'):\n  from sent.approxtelling import told\n"
    given |= {case: start + tell.format(case, case, case) for case in UNEQUAL_ARRAYS}

    ours, real = (json.loads(program(python, str(PROGRAM), meant, "0", given=given)) for meant in (str(FAR), "pytest"))

    assert ours == real
    assert [*ours] == [*given]


def test_what_is_not_there() -> None:
    """The message says what to do; code of the environment sees no pytest; a dunder is asked of nobody."""
    found = bare(
        "try:\n  pytest.RaisesGroup\nexcept AttributeError as e:\n  said = str(e), e.__cause__\n"
        "print(json.dumps([*said, 'pytest' in sys.modules, hasattr(pytest, '__path__')]))"
    )

    assert found == [
        "pytest.RaisesGroup is not there: the environment has no pytest; name it in its requirements",
        None,
        False,
        False,
    ]


def test_of_another_name() -> None:
    """The message names the environment."""
    assert "environment 'oldest' has none" in repr(StandIn("environment 'oldest'"))


def test_pytest_that_is_there() -> None:
    """What is not among ours is that of a pytest of the environment."""
    meant = StandIn()

    assert meant.Pytester is pytest.Pytester
    assert meant.skip is outcomes.skip
    with pytest.raises(AttributeError, match="no_such_name"):
        meant.no_such_name  # noqa: B018  # Is asked for.


def test_pytest_that_is_broken(tmp_path: Path) -> None:
    """One that cannot be imported is told of as the cause."""
    (tmp_path / "pytest.py").write_text("import no_such_module_of_pytest\n")

    found = bare(
        "try:\n  pytest.RaisesGroup\nexcept AttributeError as e:\n  print(json.dumps(str(e.__cause__)))",
        path=str(tmp_path),
    )

    assert found == "No module named 'no_such_module_of_pytest'"


def test_marks_mean_nothing() -> None:
    """Marks, parameters and fixtures decorate, and give the function back."""
    meant = StandIn()

    def function() -> int:
        return 3

    assert meant.mark.slow(function) is function
    assert meant.mark.parametrize("n", [1, meant.param(2, id="two", marks=meant.mark.slow)])(function) is function
    assert meant.mark.skipif(True, reason="x")(function) is function
    assert meant.mark.usefixtures("a").with_args(1)(function) is function
    assert meant.mark.xfail(lambda: None)(function) is function
    assert meant.fixture(function) is function
    assert meant.fixture(scope="module", params=[1])(function) is function
    assert meant.fixture()(function) is function
    assert meant.param(1, 2).values == (1, 2)
    with pytest.raises(AttributeError, match="Marker name must NOT start with underscore"):
        meant.mark._name  # noqa: B018  # Is asked for.


def test_loads_what_it_needs() -> None:
    """A body that uses `raises` alone has nothing else read."""
    found = bare("with pytest.raises(ValueError): int('x')\nprint(json.dumps(sorted(sys.modules)))")

    assert [name for name in found if name.startswith("sent")] == [
        "sent",
        *("sent.excinfo", "sent.outcomes", "sent.raising", "sent.standin"),
    ]
    assert not {"logging", "decimal", "datetime", "difflib", "inspect", "pprint", "traceback"}.intersection(found)


Own = type("Own", (pytest.fail.Exception,), {})  # A class that somebody derives.


@pytest.mark.parametrize("meant", [pytest, StandIn()], ids=["pytest", "ours"])
def test_outcomes(meant: Any) -> None:
    """Both kinds of exceptions say the same; others are none."""
    errors = {
        "skip": (meant.skip.Exception("s"), ("skipped", "s", True)),
        "fail": (meant.fail.Exception("f", pytrace=False), ("failed", "f", False)),
        "empty": (meant.fail.Exception(), ("failed", "<Failed instance>", True)),
        "xfail": (meant.xfail.Exception("x"), ("xfailed", "x", True)),
        "exit": (meant.exit.Exception("e", 3), ("exit", "e", False)),
        "other": (ValueError("v"), None),
        "unittest": (unittest.SkipTest("u"), ("skipped", "u", True)),
        "derived": (Own("o"), ("failed", "o", True)),
        "same name": (type("Skipped", (Exception,), {})("n"), None),
    }

    assert {name: outcomes.outcome_of(error) for name, (error, _) in errors.items()} == {
        name: outcome for name, (_, outcome) in errors.items()
    }
