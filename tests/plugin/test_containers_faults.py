"""What goes wrong with engines and images: one clear error in the test, and no traceback of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import lines
from boxing import LABEL, table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

engine_needed = pytest.mark.requires_integration("docker-engine")
NOWHERE = "unix:///nowhere/docker.sock"

ALL_WAYS = """
import pytest

@pytest.mark.environment(kind="container", base_image="python:3.11")
def test_shared(environment): pass

def test_private(throwaway_container): pass

def test_by_call(environments):
    environments.get(kind="container", base_image="python:3.11")

def test_throwaway(environments):
    with environments.throwaway(kind="container", base_image="python:3.11"): pass

def test_other(): pass
"""


@pytest.fixture
def engineless(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Give a project on a machine whose engine is not there."""
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    suite.write(ALL_WAYS)
    return suite


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
def test_no_engine(engineless: Suite, workers: tuple[str, ...]) -> None:
    """On a laptop tests that need one are skipped, with what mends that; the report has it as a need."""
    result = engineless.run("-rs", *workers)

    result.assert_outcomes(skipped=4, passed=1)
    result.stdout.fnmatch_lines([f"SKIPPED * requires integration 'docker-engine': *{NOWHERE}*"])
    tests = {each["nodeid"]: (each["outcome"], each["needs"]) for each in engineless.project.report()["tests"]}
    assert tests["test_it.py::test_shared"] == tests["test_it.py::test_private"] == ("skipped", ["docker-engine"])
    assert tests["test_it.py::test_by_call"][0] == tests["test_it.py::test_throwaway"][0] == "skipped"


def test_no_engine_strictly(engineless: Suite) -> None:
    """In strict mode they fail, and say the same, without a line of our own code."""
    result = engineless.run("--env-strict")

    result.assert_outcomes(errors=2, failed=2, passed=1)
    assert len(lines(result, "requires integration 'docker-engine': ")) == 2
    words = (
        f"E       pytest_envrepro.engine.NoEngineError: no container engine answers (tried {NOWHERE} (DOCKER_HOST): "
    )
    assert len(lines(result, words)) == 2
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_envrepro/*")


def test_no_engine_allowed(engineless: Suite) -> None:
    """Where it may be missing, they are skipped in strict mode too."""
    engineless.run("--env-strict", "--env-allow-missing=docker-engine").assert_outcomes(skipped=4, passed=1)


FAULTS = """
import pathlib
import pytest

@pytest.mark.environment("box")
def test_first(environment):
    assert environment.run("true").returncode == 0

@pytest.mark.environment("box")
def test_vanished(throwaway_container, docker):
    name = throwaway_container.container.name
    docker.remove_container(name, force=True)
    throwaway_container.run("true")

@pytest.mark.environment("box")
def test_shared_has_gone(environment, docker):
    for each in docker.containers(filters={"label": LABEL}):
        docker.remove_container(each["Id"], force=True)

def test_image_has_gone(environments, docker):
    for each in docker.images(filters={"label": LABEL}):
        for tag in each["RepoTags"] or ():
            if tag.startswith("envrepro/box:"):
                docker.remove_image(tag, force=True)
    assert environments.get("box").run("true").returncode == 0

@pytest.mark.environment(kind="container", base_image="envrepro-tests/nowhere:1", pull="never")
def test_no_base(environment): pass

@pytest.mark.environment("box", network="envrepro-tests-nowhere")
def test_no_network(environment): pass

@pytest.mark.environment("box", run=[["/bin/sh", "-c", "cat /dev/zero > /dev/full"]])
def test_full(environment): pass

def test_by_call(environments):
    environments.get("box", network="envrepro-tests-nowhere")
"""
CONFTEST = """
import docker
import pytest

@pytest.fixture(name="docker")
def _docker():
    client = docker.APIClient(version="auto")
    yield client
    client.close()
"""


@engine_needed
def test_faults(boxes: Suite, base: Base) -> None:
    """Each is one error of few words; an image or a shared container that has vanished is made again."""
    tests = FAULTS.replace("LABEL", repr(f"{LABEL}={base.run}"))
    boxes.write(tests, table(base.reference), conftest=CONFTEST)

    result = boxes.run()

    result.stdout.no_fnmatch_line("*pytest_envrepro/*")
    result.assert_outcomes(passed=3, failed=2, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_no_base*",
            (
                "container of envrepro-tests/nowhere:1: the image envrepro-tests/nowhere:1 is not on Docker *, and pull = "
                '"never": pull it, or name another base-image'
            ),
            "  the setting: base-image (@pytest.mark.environment on test_no_base)",
            "*ERROR at setup of test_no_network*",
            "box: the engine cannot start a container of *: network envrepro-tests-nowhere not found",
            "  the setting: network (@pytest.mark.environment on test_no_network)",
            "*ERROR at setup of test_full*",
            "the image of box cannot be built: step * failed (its program ended with 1)",
            "*cat: write error: No space left on device",
            (
                "E       pytest_envrepro.engine.EngineError: environment 'box': the container envrepro-test-vanished-* is gone: "
                "it was ended, *"
            ),
            "test_it.py::test_vanished: box is not kept: the container envrepro-test-vanished-* is gone: *",
        ]
    )
    assert base.containers() == []
