"""When shared environments are looked at: after blocks, at the ends of fixtures, and however a test came to have them."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines

if TYPE_CHECKING:
    from borrowing import Suite

TABLE = """
[tool.envrepro.environments.client]
requirements = ["alpha==1.0"]
"""
CHANGED = "environment 'client' is shared with other tests, and was changed while this one ran:"
AT_ITS_END = "environment 'client' is shared with other tests, and was found changed at the end of fixture 'client':"
PUT_RIGHT = "client: was changed by a test, and is put right before it is used again"
SESSION = """
import pytest

@pytest.fixture(scope="session")
def client(environments):
    return environments.get("client")
"""


def test_in_a_block(fresh: Suite) -> None:
    """A test that writes in a `with` block is the one that fails; after the block it is still the same environment."""
    fresh.write(
        """
def test_writes(environments):
    with environments.get("client") as client:
        (client.prefix / "left").write_text("behind")

def test_writes_after(environments):
    with environments.get("client") as client:
        assert not (client.prefix / "left").exists()
    (client.prefix / "late").write_text("behind")

def test_reads(environments):
    with environments.get("client") as client:
        assert not (client.prefix / "late").exists()
    client.run_python("-V")
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=1, failed=2)
    assert headed(result, "test_writes")[:2] == [CHANGED, "  left is new"]
    assert headed(result, "test_writes_after")[:2] == [CHANGED, "  late is new"]


def test_asked_for_while_it_runs(fresh: Suite) -> None:
    """A test that asks for a fixture of the session by `getfixturevalue` is looked at as if it had named it."""
    fresh.write(
        f"""{SESSION}
def test_makes(client): pass

def test_writes(request):
    (request.getfixturevalue("client").prefix / "left").write_text("behind")

def test_reads(request):
    assert not (request.getfixturevalue("client").prefix / "left").exists()

def test_writes_into_its_path(request):
    request.config.stash[KEY] = request.getfixturevalue("client").prefix

def test_has_none(pytestconfig):
    (pytestconfig.stash[KEY] / "late").write_text("behind")

def test_reads_again(request):
    assert not (request.getfixturevalue("client").prefix / "late").exists()

KEY = pytest.StashKey()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=5, failed=1)
    assert headed(result, "test_writes")[:2] == [CHANGED, "  left is new"]


def test_asked_for_by_a_fixture(fresh: Suite) -> None:
    """What a fixture of the session has asked for while it was set up, each test has that is given the fixture."""
    fresh.write(
        f"""{SESSION}
@pytest.fixture(scope="session")
def server(request):
    return request.getfixturevalue("client")

def test_first(server): pass

def test_writes(server):
    (server.prefix / "left").write_text("behind")

def test_reads(server):
    assert not (server.prefix / "left").exists()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=2, failed=1)
    assert headed(result, "test_writes")[:2] == [CHANGED, "  left is new"]


WRITES_AT_ITS_END = """
import pytest

@pytest.fixture(scope="module"{})
def client(environments):
    environment = environments.get("client")
    yield environment
    (environment.prefix / "left").write_text("behind")
"""


def test_at_the_end_of_a_fixture(fresh: Suite) -> None:
    """What a fixture of a module writes when it ends is told by the test that ends with it, which may not have had it."""
    fresh.write(
        f"{WRITES_AT_ITS_END.format('')}\ndef test_has_it(client): pass\n\ndef test_is_last(): pass\n",
        TABLE,
        test_later='def test_reads(environments):\n    assert not (environments.get("client").prefix / "left").exists()\n',
    )

    result = fresh.run("test_it.py", "test_later.py")

    result.assert_outcomes(passed=3, errors=1)
    assert headed(result, "ERROR at teardown of test_is_last")[:2] == [AT_ITS_END, "  left is new"]
    assert lines(result, "client: ") == [PUT_RIGHT]


def test_at_the_end_of_a_parameter(fresh: Suite) -> None:
    """Where the fixture is set up again with another parameter, the test that this is for says so, as of any error there."""
    fresh.write(
        f"""{WRITES_AT_ITS_END.format(', params=["a", "b"]')}
def test_it(client): pass
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=1, errors=2)
    assert headed(result, "ERROR at setup of test_it[b]")[:2] == [AT_ITS_END, "  left is new"]
    assert headed(result, "ERROR at teardown of test_it[b]")[:2] == [CHANGED, "  left is new"]


def test_at_the_end_of_what_fails(fresh: Suite) -> None:
    """Where the test fails for another reason, the end of the session tells."""
    fresh.write(
        """
import pytest

@pytest.fixture(scope="module", params=["a", "b"])
def client(request, environments):
    environment = environments.get("client")
    yield environment
    if request.param == "a":
        (environment.prefix / "left").write_text("behind")

@pytest.fixture
def broken(request, client):
    assert request.node.callspec.params["client"] == "a"

def test_it(broken): pass
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=1, errors=1)
    assert lines(result, "client: ") == [PUT_RIGHT]


def test_asked_for_in_full(fresh: Suite) -> None:
    """`assert_intact` reads every file of a shared one: those of no package too, and those whose status tells nothing."""
    fresh.write(
        f"""{ROTS}
@pytest.mark.environment("client")
def test_reads(environment):
    environment.assert_intact()

@pytest.mark.environment("client")
def test_finds_it(environment):
    rot(environment.prefix / "pyvenv.cfg", "changed = yes\\n")
    rot(environment.prefix / environment.python.layout.purelib / "alpha.py", "version = 'changed'\\n")
    with pytest.raises(AssertionError) as caught:
        environment.assert_intact()
    assert str(caught.value) == (
        "environment 'client' was changed after it was installed\\n"
        "  modified-file  alpha  alpha.py has 20 bytes, its RECORD says 16 bytes\\n"
        "  pyvenv.cfg has another content"
    )

@pytest.mark.environment("client")
def test_after(environment):
    environment.assert_intact()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=3)


ROTS = """
import dataclasses
import pytest
from pytest_envrepro.store import entries, looking, manifest

def rot(path, text):
    path.chmod(0o644)
    path.write_text(text)
    folder = next(each for each in path.parents if each.name == "env").parent
    found = manifest.read(folder)
    entries.write(folder, dataclasses.replace(found, tree=looking.scan(folder / "env")))
"""


OFTEN = """
import os
import time
import pytest

pytestmark = pytest.mark.environment("client")

def is_watched():
    files = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return any("inotify" in os.readlink(file) for file in files if os.path.lexists(file))

@pytest.mark.parametrize("number", range(500))
def test_often(environment, number): pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="is done by inotify")
def test_watched(fresh: Suite) -> None:
    """What is looked at again and again is watched: who writes fails still, and the next test has it as it was made."""
    fresh.write(
        f"""{OFTEN}
def test_writes(environment):
    assert is_watched()
    (environment.prefix / "left").write_text("behind")

def test_reads(environment):
    assert not (environment.prefix / "left").exists()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=501, failed=1)
    assert headed(result, "test_writes")[:2] == [CHANGED, "  left is new"]
    assert lines(result, "client: ") == [PUT_RIGHT]


@pytest.mark.skipif(sys.platform != "linux", reason="is done by inotify")
def test_not_told(fresh: Suite) -> None:
    """What the system does not tell of is found at the end of the session, with the test that was at work then."""
    fresh.write(
        f"""{OFTEN}
def test_links(environment, tmp_path_factory):
    os.link(environment.prefix / "pyvenv.cfg", tmp_path_factory.getbasetemp() / "elsewhere")

@pytest.mark.parametrize("number", range(500))
def test_often_again(environment, number): pass

def test_writes_elsewhere(tmp_path_factory, environment):
    assert is_watched()
    time.sleep(0.05)
    with open(tmp_path_factory.getbasetemp() / "elsewhere", "a") as file:
        file.write("x = y")

    time.sleep(0.05)

def test_after(environment): pass
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=1003)
    (told,) = lines(result, "client: ")
    assert re.sub(r"\d+", "...", told) == (
        "client: is changed, as was found when all tests were over (pyvenv.cfg has ... bytes and had ...), and is put"
        " right before it is used again; test_it.py::test_writes_elsewhere was at work then: it did it, or a program that an"
        " earlier test has left running"
    )
