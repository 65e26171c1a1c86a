"""What is advised where a container cannot be had, or is not as its settings say: the setting that is meant, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import headed
from boxing import table
from engines.test_pulling import answering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")
WORKDIR = """
import pytest

def at(environment, folder):
    environment.is_private and environment.write("relative", "x")
    return environment.run("pwd").stdout == folder + "\\n" and environment.is_private == (
        environment.run("test", "-f", folder + "/relative", check=False).returncode == 0
    )

def test_it(environments):
    set_to = {each: environments.get("box", skip_build=True, workdir=each) for each in ("/srv", "/nowhere/yet")}
    own = environments.get("box", skip_build=True)
    assert all(at(each, folder) for folder, each in set_to.items())
    assert at(own, "/usr/share")
    assert len({own.key, *(each.key for each in set_to.values())}) == 3
    assert at(environments.throwaway("box", skip_build=True, workdir="/srv/deep"), "/srv/deep")
    assert not set_to["/nowhere/yet"].container.changes()
"""


def test_workdir_of_an_image_as_it_is(boxes: Suite, base: Base) -> None:
    """Programs run where the setting says, also where nothing is built; without it, where the image says."""
    boxes.write(WORKDIR, table(base.built("WORKDIR /usr/share")))

    boxes.run().assert_outcomes(passed=1)


PULLED = """
import pytest

@pytest.mark.environment("box")
def test_missing(environment): pass

@pytest.mark.environment("box", pull="always")
def test_always(environment): pass

@pytest.mark.environment("box", pull="always", dockerfile="Dockerfile", base_image=None)
def test_from(environment): pass

@pytest.mark.environment("box", platform="linux/arm64", pull="missing")
def test_platform(environment): pass
"""


@pytest.fixture
def far(base: Base) -> Iterator[str]:
    """Give the base by a name of a registry that does not answer."""
    name = f"127.0.0.1:1/{base.run}"
    base.api.tag(base.reference, name, "1")
    yield f"{name}:1"
    base.api.remove_image(f"{name}:1")


@pytest.mark.parametrize("chosen", ["missing or always or from or platform", "always or from or platform"])
def test_pulled_again(boxes: Suite, base: Base, far: str, chosen: str) -> None:
    """A registry is asked, whatever ran before; that the image is here is said, with the setting that asks for another one."""
    boxes.write(PULLED, table(far))
    (boxes.path / "Dockerfile").write_text(f"FROM {far}\n")

    result = boxes.run("-p", "no:randomly", "-k", chosen)

    result.assert_outcomes(passed=int(chosen.startswith("missing")), errors=3)
    version = base.api.version()["Version"]
    there = f"box: the image {far} is on Docker {version} at "
    for test in ("always", "from"):
        said, setting = headed(result, f"ERROR at setup of test_{test}")
        assert said.startswith(there)
        assert (
            ', and cannot be pulled again, as pull = "always" asks: write pull = "missing" to take it as it is: Get "http'
            in said
        )
        assert setting == f"  the setting: pull (@pytest.mark.environment on test_{test})"
    said, setting = headed(result, "ERROR at setup of test_platform")
    assert said.startswith(there)
    assert (
        ' for linux/amd64 alone, and the one for platform = "linux/arm64" cannot be pulled: load it (docker load), or set '
        "another platform: Get "
    ) in said
    assert setting == "  the setting: platform (@pytest.mark.environment on test_platform)"


ASKED = """
import pytest

def box(number):
    return pytest.mark.environment("box", pull="always", skip_build=True, environment={"NUMBER": str(number)})

@pytest.mark.parametrize("number", [pytest.param(each, marks=box(each)) for each in range(NUMBER)])
def test_it(environment, number): pass
"""


def test_asked_once(boxes: Suite, base: Base) -> None:
    """A registry that has answered is not asked again in this session, however many tests want its image."""
    asked: list[str] = []
    counts = set()
    with answering(asked) as address:
        for number in (1, 3):
            boxes.write(ASKED.replace("NUMBER", str(number)), table(f"{address}/made:1"))
            asked.clear()
            boxes.run().assert_outcomes(errors=number)  # The image has no program, so that no container of it runs.
            counts.add(sum("/manifests/1" in each for each in asked))
        base.api.remove_image(f"{address}/made:1", force=True)

    assert len(counts) == 1
    assert min(counts) > 0


STATES = """
import pytest

@pytest.mark.environment("box", pull="always")
def test_always(environment): pass

@pytest.mark.environment("box", pull="always", base_image="envrepro-tests/nowhere:1")
def test_nowhere(environment): pass
"""


def test_explained(boxes: Suite, base: Base) -> None:
    """An explanation tells what is there from what a test would have pulled."""
    boxes.write(STATES, table(base.reference))

    told = boxes.project.test("--env-explain=test_it.py").outlines

    assert [line.removeprefix("    state     ") for line in told if line.startswith("    state ")] == [
        'the base is there, and is pulled again when somebody asks for it, as pull = "always" has it',
        "the base is not there, and is pulled when somebody asks for it",
    ]


ELSEWHERE = """
import pytest

@pytest.mark.environment("box", builder="tcp://127.0.0.1:1", run=["echo TOKEN"])
def test_it(environment): pass
"""


def test_builder_that_does_not_answer(boxes: Suite, base: Base) -> None:
    """It is the setting that names it; no variable has a part in that."""
    boxes.write(ELSEWHERE.replace("TOKEN", base.run), table(base.reference))

    result = boxes.run()

    result.assert_outcomes(errors=1)
    said, setting = headed(result, "ERROR at setup of test_it")
    assert said.startswith("the image of box cannot be built at tcp://127.0.0.1:1: no container engine answers (")
    assert said.endswith("): start the engine there or correct its address")
    assert setting == "  the setting: builder (@pytest.mark.environment on test_it)"


FAILING = """
import pytest

@pytest.mark.environment("box", run=[["sh", "-c", "sleep 2; exit 9"]], build_environment={"RUN": "TOKEN"})
@pytest.mark.parametrize("number", range(4))
def test_it(environment, number): pass
"""


def test_built_by_one_worker(boxes: Suite, base: Base) -> None:
    """What one worker could not build is told by the others, and not tried again; the next session tries it."""
    boxes.write(FAILING.replace("TOKEN", base.run), table(base.reference))

    for _ in range(2):
        result = boxes.run("-n2", "-p", "no:randomly")

        result.assert_outcomes(errors=4)
        text = result.stdout.str()
        assert text.count("failed (its program ended with 9)\n") == 4
        assert text.count("  the Dockerfile: see the first test that asked for it") == 3
        assert text.count("      1  FROM ") == 1
