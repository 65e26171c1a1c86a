"""The fixtures that a body has elsewhere: it sees through them what it sees through those of pytest, word for word."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import furnished
import pytest
from interpreters import need

import pytest_envrepro.far
from pytest_envrepro.far.fixtures import NAMES, FixtureLookupError, Fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator

FAR = Path(pytest_envrepro.far.__file__).parent
PROGRAM = Path(furnished.__file__)
SESSION = f"""
import json, sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
"""
CONFTEST = """
SAID = {}

def pytest_runtest_logreport(report):
    if report.when == "call":
        name = dict(report.user_properties)["name"]
        SAID[name] = [dict(report.user_properties)["said"], report.capstdout, report.capstderr]

def pytest_sessionfinish():
    with open("said.json", "w") as file:
        json.dump(SAID, file)
"""
TESTS = """
import itertools, furnished, pytest

@pytest.mark.parametrize("one, other", [*itertools.permutations(("capsys", "capsysbinary", "capfd", "capfdbinary"), 2)])
def test_two(one, other, request, record_property):
    request.getfixturevalue(one)
    with pytest.raises(pytest.FixtureLookupError) as caught:
        request.getfixturevalue(other)
    record_property("name", f"{one} {other}")
    record_property("said", caught.value.msg)

@pytest.mark.parametrize("name", furnished.BODIES)
def test_it(name, request, record_property):
    kind, source = furnished.BODIES[name]
    record_property("name", name)
    record_property("said", furnished.ended(source, kind, request.getfixturevalue(kind)))
"""
# Pytest has changed these: since which version it does what it does now.
SINCE = {"monkeypatch setattr-object": (9, 2)}
TWO = [*itertools.permutations(("capsys", "capsysbinary", "capfd", "capfdbinary"), 2)]
SAME = [name for name in furnished.BODIES if SINCE.get(name, (8, 0)) <= pytest.version_tuple[:2]]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """Give what comes of each body in a session of pytest: what it says, and what it leaves on both streams."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "conftest.py").write_text(SESSION + CONFTEST)
    (folder / "test_it.py").write_text(TESTS)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--color=no", "-x"]
    ended = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said: dict[str, list[object]] = json.loads((folder / "said.json").read_text())
    return said


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str]) -> Iterator[Fixtures]:
    """Give the fixtures of a body in this process."""
    del capfd  # Stands for the files that output of a body goes to.
    made = Fixtures(1, 2)
    yield made
    made.end()


@pytest.mark.parametrize("name", SAME)
def test_as_with_pytest(
    name: str, real: dict[str, list[object]], here: Fixtures, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a body says and how it ends, and what is left for the report of what it wrote."""
    kind, source = furnished.BODIES[name]

    said = furnished.ended(source, kind, here.make(kind))
    here.end()

    assert [said, *capfd.readouterr()] == real[name]


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_so_elsewhere(version: str, real: dict[str, list[object]], tmp_path: Path) -> None:
    """The same in another Python, which has no pytest."""
    python = need(version, tmp_path / "cache").executable
    (tmp_path / "run").mkdir()
    words = [str(python), "-S", str(PROGRAM), str(FAR)]
    environ = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}

    ended = subprocess.run(words, cwd=tmp_path / "run", env=environ, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert {name: found[name] for name in SAME} == {name: real[name] for name in SAME}


@pytest.mark.parametrize(("one", "other"), TWO)
def test_two_that_capture(one: str, other: str, real: dict[str, list[object]], here: Fixtures) -> None:
    """Two that take the same output cannot be had beside each other."""
    here.make(one)

    with pytest.raises(FixtureLookupError) as caught:
        here.make(other)

    assert str(caught.value) == real[f"{one} {other}"][0]


def test_each_once(here: Fixtures) -> None:
    """Whoever asks gets the same one; others than these are not here."""
    made = {name: here.make(name) for name in sorted(NAMES - {"capsysbinary", "capfd", "capfdbinary"})}

    assert {name: here.make(name) for name in made} == made
    with pytest.raises(FixtureLookupError, match="fixture 'tmp_path' not found"):
        here.make("tmp_path")


def test_end_undoes_all(here: Fixtures, capfd: pytest.CaptureFixture[str]) -> None:
    """The last one first, whatever fails: here an attribute that cannot be set again, and an item after that."""

    class Locked:
        value = 1

        def __setattr__(self, name: str, value: object) -> None:
            if value == 1:
                raise AttributeError(name)
            super().__setattr__(name, value)

    locked, items, stdout = Locked(), {"a": 1}, sys.stdout
    object.__setattr__(locked, "value", 1)
    here.make("capsys")
    patch = here.make("monkeypatch")
    before = list(warnings.filters)
    here.make("recwarn")
    patch.setitem(items, "a", 2)
    patch.setattr(locked, "value", 2)
    print("left")  # noqa: T201  # Is what is captured.

    with pytest.raises(AttributeError, match="value"):
        here.end()

    assert items == {"a": 1}
    assert sys.stdout is stdout
    assert warnings.filters == before
    assert capfd.readouterr().out == "left\n"
    here.end()  # There is nothing left to undo.


@pytest.mark.parametrize("name", ["capsys", "capsysbinary", "capfd", "capfdbinary"])
def test_disabled(name: str, here: Fixtures, capfd: pytest.CaptureFixture[str]) -> None:
    """What is written then goes to the files at once, before what was not read; it can be read once all has ended."""
    capture = here.make(name)

    print("taken")  # noqa: T201  # Is what is captured.
    with capture.disabled():
        print("through")  # noqa: T201  # The same.
        os.write(2, b"by file")
    print("again")  # noqa: T201  # The same.
    here.end()

    out, err = capfd.readouterr()
    assert (out, err) == ("through\ntaken\nagain\n", "by file")
    left = capture.readouterr().out
    assert (left.decode() if isinstance(left, bytes) else left) == "taken\nagain\n"
    with capture.disabled():
        print("later")  # noqa: T201  # The same.
    assert capfd.readouterr().out == "later\n"


def test_descriptors_are_closed(here: Fixtures) -> None:
    """Nothing stays open, and 1 and 2 are what they were."""
    before = sorted(os.listdir("/dev/fd")), os.fstat(1).st_ino, os.fstat(2).st_ino

    here.make("capfd")
    assert os.fstat(1).st_ino != before[1]
    here.end()

    assert (sorted(os.listdir("/dev/fd")), os.fstat(1).st_ino, os.fstat(2).st_ino) == before


def test_log_as_it_is_asked_for(here: Fixtures) -> None:
    """A session may write what is logged in another way, and from another level on."""
    del here
    import logging  # noqa: PLC0415  # Beside its only use.

    made = Fixtures(1, 2, {"format": "%(asctime)s %(message)s", "dates": "at", "level": logging.DEBUG})
    log = made.make("caplog")
    logging.getLogger("a").debug("said")
    made.end()

    assert log.text == "at said\n"
    assert logging.getLogger().level == logging.WARNING
    assert log.handler not in logging.getLogger().handlers


def test_levels_are_set_back(here: Fixtures) -> None:
    """Those of loggers, of the handler and of all logging are what they were, when the test has ended."""
    import logging  # noqa: PLC0415  # Beside its only use.

    log, named, root = here.make("caplog"), logging.getLogger("levels"), logging.getLogger()
    named.setLevel(logging.ERROR)
    before = named.level, root.level, log.handler.level, root.manager.disable
    logging.disable(logging.CRITICAL)
    log.set_level(logging.INFO)
    log.set_level(logging.DEBUG, "levels")
    log.set_level(logging.WARNING, "levels")
    assert (named.level, root.level, log.handler.level) == (logging.WARNING, logging.INFO, logging.WARNING)

    here.end()

    assert (named.level, root.level, log.handler.level, root.manager.disable) == (*before[:3], logging.CRITICAL)
    logging.disable(before[3])


def test_what_was_buffered(tmp_path: Path) -> None:
    """What a stream still held when a file descriptor was taken, and what was left in it, stand where they belong."""
    program = (
        f"import sys; sys.path.insert(0, {str(PROGRAM.parent)!r})\n"
        f"from snippets import far\nmade = far({str(FAR)!r}, 'fixtures').Fixtures(1, 2)\nold = sys.stdout\n"
        "print('before')\ncapture = made.make('capfd')\nprint('taken')\nold.write('by the old stream\\n')\n"
        "with capture.disabled(): print('through')\nread = capture.readouterr().out\nmade.end()\nprint('read', repr(read))"
    )
    with (tmp_path / "out").open("w") as file:
        subprocess.run([sys.executable, "-c", program], env={"PATH": os.environ["PATH"]}, stdout=file, check=True)

    assert (tmp_path / "out").read_text() == "before\nthrough\nread 'taken\\nby the old stream\\n'\n"
