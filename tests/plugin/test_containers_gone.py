"""Engines that go away in the middle of a session: one clear error, no wait, and what is left goes with the next session."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines
from boxing import table
from engines.proxying import BEHIND_A_PROXY, Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

pytestmark = BEHIND_A_PROXY

WORDS = "the engine at "
AS_IT_IS = "skip-build = true"
QUIET = """
import pytest

@pytest.mark.environment("box")
def test_one(throwaway_container): throwaway_container.run("true")

@pytest.mark.environment("box")
def test_two(environment): environment.run("true")
"""


@pytest.fixture
def proxy(boxes: Suite, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Give the way to the engine of the sessions of a test; the Python of the image is known already."""
    boxes.write(QUIET, table(base.reference, AS_IT_IS))
    boxes.run().assert_outcomes(passed=2)
    found = Proxy(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", found.address)
    yield found
    found.cut()
    gc.collect()  # What docker-py has left open is told here, and not in another test.


def gone(proxy: Proxy, doing: str, why: str = "it has closed the connection") -> str:
    """Give the words for an engine that does not answer any more."""
    where = f"the engine at {proxy.address} (DOCKER_HOST) does not answer any more"
    return f"{where} (it was asked to {doing}): {why}; is it still running?"


def errors(result: pytest.RunResult) -> list[str]:
    """Give what is said of the engine where a test has an error, without which environment it was for."""
    found = (line for line in result.outlines if WORDS in line and not line.startswith("ERROR "))
    return [line[line.index(WORDS) :] for line in found if "put away" not in line]


def cleanly(result: pytest.RunResult) -> pytest.RunResult:
    """Look whether nothing of ours or of a library's is shown."""
    for words in ("*Traceback*", "*INTERNALERROR*", "*urllib3*", "*docker/*", "*pytest_envrepro/*"):
        result.stdout.no_fnmatch_line(words)
        result.stderr.no_fnmatch_line(words)
    return result


def soon(is_so: Callable[[], object]) -> None:
    """Wait for something that comes about by itself."""
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


LAST = "600.75"  # What the last step of these builds sleeps, in seconds: it is found by that.
BUILDING = """
import pytest

@pytest.mark.environment("box", skip_build=False, run=[["touch", "/WORD"], ["sleep", "SECONDS"]])
def test_built(environment): pass

@pytest.mark.environment("box", skip_build=False, run=[["touch", "/WORD"], ["sleep", "SECONDS"]])
def test_built_too(throwaway_container): pass

def test_other(): pass
""".replace("SECONDS", LAST)


def test_while_building(boxes: Suite, base: Base, proxy: Proxy) -> None:
    """The step that it was at is told; its container ends, and what was built until then goes with the next session."""
    boxes.write(BUILDING.replace("WORD", base.run), table(base.reference, AS_IT_IS))
    before = base.layers()

    def cut_meanwhile() -> None:
        soon(lambda: base.steps(LAST))
        proxy.cut()

    cutting = threading.Thread(target=cut_meanwhile)
    cutting.start()
    result = cleanly(boxes.run())
    cutting.join()

    result.assert_outcomes(errors=2, passed=1)
    told = lines(result, "the image of box cannot be built, at step ")
    assert len(told) == 2
    assert told[0].endswith(gone(proxy, "build an image", "response ended prematurely"))
    soon(lambda: not base.steps(LAST))
    assert base.layers() > before

    again = proxy.again()
    boxes.write(QUIET, table(base.reference, AS_IT_IS))
    boxes.run().assert_outcomes(passed=2)
    again.cut()

    assert base.layers() == before
    assert base.containers() == []


def test_a_build_that_is_killed(boxes: Suite, base: Base) -> None:
    """What the build of a session has left stays for as long as that lives, and goes with the next one after a kill."""
    boxes.write(BUILDING.replace("WORD", f"{base.run}-killed"), table(base.reference, AS_IT_IS))
    before = base.layers()
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-k", "built_too"]
    session = subprocess.Popen(argv, cwd=boxes.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    soon(lambda: base.steps(LAST) or session.poll() is not None)
    built = base.layers()
    assert built > before
    boxes.write(QUIET, table(base.reference, AS_IT_IS))

    boxes.run().assert_outcomes(passed=2)
    assert base.layers() == built

    session.kill()
    session.communicate(timeout=30)
    soon(lambda: not base.steps(LAST))
    boxes.run().assert_outcomes(passed=2)
    assert base.layers() == before


RUNNING = """
import pytest

@pytest.mark.environment("box")
def test_runs(throwaway_container):
    throwaway_container.run("sleep", "600.25", timeout=60)

@pytest.mark.environment("box")
def test_shared(environment):
    environment.run("true")

def test_other(): pass
"""


def test_while_a_program_runs(boxes: Suite, base: Base, proxy: Proxy) -> None:
    """The program's end is told at once, and what comes later fails at once; the container goes by itself."""
    boxes.write(RUNNING, table(base.reference, AS_IT_IS))
    proxy.cut_at(r"POST /v[\d.]+/exec/\w+/start", after=0.3)
    started = time.monotonic()

    result = cleanly(boxes.run())

    assert time.monotonic() - started < 20
    result.assert_outcomes(failed=1, errors=1, passed=1)
    assert lines(result, "E       pytest_envrepro.engine.GoneError: ") == [
        f"E       pytest_envrepro.engine.GoneError: {gone(proxy, 'tell how a program has ended', 'connection refused')}"
    ]
    soon(lambda: base.containers() == [])


def test_between_tests(boxes: Suite, base: Base, proxy: Proxy) -> None:
    """All tests that need it fail with the same words, one line each, and the others go on."""
    proxy.cut_at(r"POST /v[\d.]+/containers/create")
    boxes.write(f"{QUIET}\ndef test_other(): pass\n", table(base.reference, AS_IT_IS))

    result = cleanly(boxes.run())

    result.assert_outcomes(errors=2, passed=1)
    image = base.api.inspect_image(base.reference)["Id"][:19]
    assert errors(result) == [
        gone(proxy, f"make a container of {image}"),
        gone(proxy, f"look at the image {image}", "connection refused"),
    ]
    assert base.containers() == []


def test_at_the_end(boxes: Suite, base: Base, proxy: Proxy) -> None:
    """Tests keep their verdict; one line says what could not be done, and the containers go by themselves."""
    proxy.cut_at(r"DELETE /v[\d.]+/containers/")

    result = cleanly(boxes.run("-k", "test_one"))

    result.assert_outcomes(passed=1, deselected=1)
    told = [line for line in headed(result, "environments") if "will rot" not in line]
    assert told == [f"not all environments could be put away: {gone(proxy, 'remove a container')}"]
    soon(lambda: base.containers() == [])


def test_while_a_container_starts(boxes: Suite, base: Base, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was made and never started cannot end by itself: the next session removes it."""
    proxy.cut_at(r"POST /v[\d.]+/containers/\w+/start")

    result = cleanly(boxes.run("-k", "test_one", subprocess=True))

    result.assert_outcomes(errors=1, deselected=1)
    image = base.api.inspect_image(base.reference)["Id"][:19]
    assert errors(result) == [gone(proxy, f"start a container of {image}")]
    assert [name.rpartition("-")[0] for name in base.containers()] == ["envrepro-test-one"]

    monkeypatch.delenv("DOCKER_HOST")
    boxes.run("-k", "test_one", subprocess=True).assert_outcomes(passed=1, deselected=1)

    assert base.containers() == []
