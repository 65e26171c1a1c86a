"""Tests that end otherwise in an environment than here, and how; `docs/inside.md` has the reasons."""

from __future__ import annotations

CONFTEST = """
import logging
import os

import pytest


@pytest.fixture
def connection():
    with open(os.devnull) as file:
        yield file


@pytest.fixture
def rows():
    rows = [1, 2]
    yield rows
    print(rows)


@pytest.fixture
def variable(monkeypatch):
    monkeypatch.setenv("CASES_VARIABLE", "set")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def printed(capsys):
    print("set up")


@pytest.fixture
def logged():
    logging.warning("set up")


@pytest.fixture
def handler():
    class Handler(logging.Handler):
        def emit(self, record):
            print(record.msg, record.args)

    handler = Handler()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def patched(monkeypatch):
    monkeypatch.setattr(os, "cases_patched", 1, raising=False)
"""

TESTS = """
import asyncio
import logging
import os

import pluggy
import pytest

COUNT = 0


def setup_module():
    global COUNT
    COUNT = 5


def test_a_fixture_that_cannot_travel(connection):
    assert connection.readable()


def test_a_fixture_that_is_changed(rows):
    rows.append(3)


def test_a_package_of_this_python():
    assert pluggy.PluginManager


def test_a_variable_of_this_process():
    value = os.environ.get("CASES_RECORD")
    assert value is not None


def test_a_variable_of_a_fixture(variable):
    value = os.environ.get("CASES_VARIABLE")
    assert value == "set"


def test_the_folder_of_pytest():
    is_there = os.getcwd() == os.path.dirname(__file__)
    assert is_there


def test_the_folder_of_a_fixture(folder):
    is_there = os.getcwd() == str(folder)
    assert is_there


def test_a_global_that_was_set_up():
    assert COUNT == 5


def test_the_output_of_a_fixture(printed, capsys):
    assert capsys.readouterr().out == "set up\\n"


def test_the_log_of_a_fixture(logged, caplog):
    assert [each.getMessage() for each in caplog.get_records("setup")] == ["set up"]


def test_arguments_of_a_record(handler):
    logging.warning("careful, %s", "friend")


def test_input():
    input()


def test_the_version_of_pytest():
    assert pytest.version_tuple >= (8,)


class TestIts:
    def teardown_method(self):
        print(hasattr(self, "opened"))

    def test_own_state(self):
        self.opened = object()


def test_what_was_patched(patched):
    is_there = hasattr(os, "cases_patched")
    assert is_there


async def test_asynchronous():
    await asyncio.sleep(0)
"""

# How each of them ends here, and how there.
DIFFERENT = {
    "test_a_fixture_that_cannot_travel": (
        "passed",
        (
            "failed: Failed: the value of fixture 'connection' is a TextIOWrapper (_io.TextIOWrapper), which cannot travel "
            "into environment 'there': only plain data and paths do; make it in the body, from such data"
        ),
    ),
    "test_a_fixture_that_is_changed": ("Captured stdout teardown: [1, 2, 3]", "Captured stdout teardown: [1, 2]"),
    "test_a_package_of_this_python": ("passed", "failed: ModuleNotFoundError: No module named 'pluggy'"),
    "test_a_variable_of_this_process": ("passed", "failed: assert None is not None"),
    "test_a_variable_of_a_fixture": ("passed", "failed: AssertionError: assert None == 'set'"),
    "test_the_folder_of_pytest": ("passed", "failed: assert False"),
    "test_the_folder_of_a_fixture": ("passed", "failed: assert False"),
    "test_a_global_that_was_set_up": ("passed", "failed: assert 0 == 5"),
    "test_the_output_of_a_fixture": (
        "Captured stdout setup: set up",
        "failed: AssertionError: assert '' == 'set up\\n'; Captured stdout setup: set up",
    ),
    "test_the_log_of_a_fixture": (
        "Captured log setup: WARNING  root:conftest.py:63 set up",
        "failed: AssertionError: assert [] == ['set up']; Captured log setup: WARNING  root:conftest.py:63 set up",
    ),
    "test_arguments_of_a_record": (
        "Captured stdout call: careful, %s ('friend',); Captured log call: WARNING  root:test_differing.py:62 careful, friend",
        "Captured stdout call: careful, friend (); Captured log call: WARNING  root:test_differing.py:62 careful, friend",
    ),
    "test_input": (
        "failed: OSError: pytest: reading from stdin while output is captured!  Consider using `-s`.",
        "failed: EOFError: EOF when reading a line",
    ),
    "test_the_version_of_pytest": (
        "passed",
        (
            "failed: AttributeError: pytest.version_tuple is not there: environment 'there' has no pytest; name it in its "
            "requirements"
        ),
    ),
    "TestIts.test_own_state": ("Captured stdout teardown: True", "Captured stdout teardown: False"),
    "test_what_was_patched": ("passed", "failed: assert False"),
    "test_asynchronous": ("failed: Failed: async def functions are not natively supported.", "passed"),
}

# What the documentation calls each.
NAMED = {
    "test_a_fixture_that_cannot_travel": "a fixture or a parameter that is no plain data",
    "test_a_fixture_that_is_changed": "what a body changes in a value that a fixture gave",
    "test_a_package_of_this_python": "packages of the Python that runs pytest",
    "test_a_variable_of_this_process": "environment variables",
    "test_a_variable_of_a_fixture": "environment variables",
    "test_the_folder_of_pytest": "the current folder",
    "test_the_folder_of_a_fixture": "the current folder",
    "test_a_global_that_was_set_up": "globals that `setup_module`, a fixture or another test has set here",
    "test_the_output_of_a_fixture": "what fixtures have printed and logged",
    "test_the_log_of_a_fixture": "what fixtures have printed and logged",
    "test_arguments_of_a_record": "arguments of log records, for handlers here",
    "test_input": "standard input",
    "test_the_version_of_pytest": "names of `pytest` that are not about a test's body",
    "TestIts.test_own_state": "what a body sets on `self` that is no plain data",
    "test_what_was_patched": "what a fixture has patched here",
    "test_asynchronous": "an `async` test that no plugin runs",
}
# What it tells beside these: of `ENDING`; of tests that are compared in one version alone, of Python and of pytest; and what
# sessions are compared without.
NAMED_BESIDE = [
    "a body that ends its Python: `os._exit`, a signal, a crash",
    "processes that `multiprocessing` spawns, or serves from a fork server",
    "messages of Python, and where a `with`, a comprehension or a call stands in its line",
    "words of pytest's own that have changed, as of `raises` and `warns`",
    "the sections of a failed test",
]

# What ends the Python that it runs in: here, that is the session's own.
ENDING = """
import ctypes
import os
import signal

import pytest


def test_exit():
    print("before")
    os._exit(3)


def test_segmentation_fault():
    ctypes.string_at(0)


def test_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_terminated():
    os.kill(os.getpid(), signal.SIGTERM)


def test_abort():
    os.abort()


def test_another():
    assert 1 == 2
"""

ENDED = {
    "test_exit": "failed: Failed: test_exit has ended its Python in environment 'there': it ended with 3; Captured stdout call: before",
    "test_segmentation_fault": (
        "failed: Failed: test_segmentation_fault has ended its Python in environment 'there': it was ended by SIGSEGV"
    ),
    "test_killed": "failed: Failed: test_killed has ended its Python in environment 'there': it was ended by SIGKILL",
    "test_terminated": "failed: Failed: test_terminated has ended its Python in environment 'there': it was ended by SIGTERM",
    "test_abort": "failed: Failed: test_abort has ended its Python in environment 'there': it was ended by SIGABRT",
    "test_another": "failed: assert 1 == 2",
}

# What ends a session, and how: the same here and there.
STOPPING = {
    "pytest.exit": "pytest.exit('enough', returncode=7)",
    "Ctrl-C": "raise KeyboardInterrupt",
    "Ctrl-C by a signal": "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(5)",
    "with words": "raise KeyboardInterrupt('by hand')",
}
