"""Containers that tests are given: shared and private, plain and by pytest-xdist, and what a session leaves of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
ALPHA = 'requirements = ["alpha"]'


SHARED_AND_PRIVATE = """
import pytest

@pytest.mark.environment("box")
def test_shared(environment):
    assert environment.kind == "container"
    assert environment.run_python("-c", "import alpha, sys; print(sys.prefix)").stdout == "/opt/environment\\n"
    assert {name: str(each.version) for name, each in environment.inventory().items()} == {"alpha": "2.0", "beta": "1.0"}

@pytest.mark.environment("box")
def test_again(environment):
    done = environment.run("sh", "-c", "touch /opt/environment/x", check=False)
    assert done.returncode and "Read-only file system" in done.stderr

@pytest.mark.environment("box")
def test_private(throwaway_container):
    throwaway_container.write("/opt/mine", "1")
    throwaway_container.install("gamma", "alpha<2")
    assert sorted(throwaway_container.inventory()) == ["alpha", "beta", "gamma"]

@pytest.mark.environment("box")
def test_another(throwaway_container):
    assert throwaway_container.run("test", "-e", "/opt/mine", check=False).returncode == 1

def test_by_call(environments):
    box = environments.get("box")
    assert box is not environments.throwaway("box")
    with environments.throwaway(kind="container", base_image=BASE, pull="never") as bare:
        assert bare.run("true").returncode == 0
    assert not bare.container.is_running()
    assert environments.get(kind="container", base_image=BASE, pull="never").name is None
"""


@BOTH
def test_given(boxes: Suite, base: Base, workers: tuple[str, ...]) -> None:
    """All ways of asking for a container give one; after the session there is none left."""
    boxes.write(SHARED_AND_PRIVATE.replace("BASE", repr(base.reference)), table(base.reference, ALPHA))

    boxes.run(*workers).assert_outcomes(passed=5)

    assert [(row["name"], row["kind"]) for row in boxes.rows() if row["name"] == "box"] == [("box", "container")]
    assert base.containers() == []


ONE_IMAGE = """
import pytest

@pytest.mark.environment("box", environment={"FOR": "several workers"})
@pytest.mark.parametrize("number", range(8))
def test_it(environment, number):
    assert environment.run("printenv", "FOR").stdout == "several workers\\n"
"""


def test_built_once(boxes: Suite, base: Base) -> None:
    """Several workers of pytest-xdist that ask for one image at the same time have it built once."""
    boxes.write(ONE_IMAGE, table(base.reference))

    result = boxes.run("-n4")

    result.assert_outcomes(passed=8)
    assert len([line for line in result.outlines if ": box (environment): built in " in line]) == 1
    assert [row["cached"] for row in boxes.rows()] == [False]
    assert base.containers() == []


FAILING = """
import pytest

@pytest.fixture
def box(throwaway_container):
    return throwaway_container

@pytest.mark.environment("box", skip_build=True, requirements=[])
def test_fails(box):
    box.write("/left", "behind")
    box.run("sh", "-c", "echo out; echo err >&2; exit 3")

@pytest.mark.environment("box", skip_build=True, requirements=[])
def test_passes(throwaway_container): pass
"""


@pytest.mark.parametrize(("keep", "stay"), [("failed", ["fails"]), ("all", ["fails", "passes"]), ("none", [])])
def test_kept(boxes: Suite, base: Base, keep: str, stay: list[str]) -> None:
    """The files of a container stay as an image, as `--env-keep` says, and the session says how to look at them."""
    boxes.write(FAILING, table(base.reference, ALPHA))
    before = base.images("envrepro/kept:")  # Of other tests.

    result = boxes.run(f"--env-keep={keep}")

    result.assert_outcomes(passed=1, failed=1)
    kept = [line for line in headed(result, "environments") if "kept" in line]
    shown = "test_it.py::test_{0}: kept; to enter it: docker run --rm -it envrepro/kept:test-{0}"
    assert [line.rpartition("-")[0] for line in kept] == [shown.format(name) for name in stay]
    for line in kept:
        image = line.split()[-2]
        assert image in base.images("envrepro/kept:")
        created = base.api.create_container(image, ["sh", "-c", "cat /left"])
        base.api.start(created["Id"])
        is_there = base.api.wait(created["Id"])["StatusCode"] == 0
        assert is_there == ("test-fails" in image)
        base.api.remove_container(created["Id"])
        base.api.remove_image(image)
    assert base.images("envrepro/kept:") == before
    assert base.containers() == []


def test_told(boxes: Suite, base: Base) -> None:
    """A failure says which container of which image it was, where its settings come from, and what was run last."""
    boxes.write(FAILING, table(base.reference, ALPHA))

    result = boxes.run("--env-keep=failed", "-k", "test_fails")

    title = next(line.strip("- ") for line in result.outlines if line.startswith("-") and "envrepro: " in line)
    assert title == "envrepro: environment 'box'"
    told = headed(result, title)
    assert told[0].startswith("path      container envrepro-test-fails-")
    assert told[0].endswith(f" of {base.reference}")
    assert told[2] == "python    3.11.2 (the image's own)"
    place = "# tool.envrepro.environments.box in pyproject.toml"
    settings = [" ".join(line.removeprefix("settings").split()) for line in told[3:8]]
    assert settings == [
        f'kind = "container" {place}',
        f'base-image = "{base.reference}" {place}',
        "skip-build = true # @pytest.mark.environment on test_fails",
        f'pull = "never" {place}',
        "requirements = [] # @pytest.mark.environment on test_fails",
    ]
    last = next(index for index, line in enumerate(told) if line.startswith("last"))
    assert told[last].startswith("last      sh -c 'echo out; echo err >&2; exit 3' ended with 3 after ")
    assert told[last + 1 : last + 5] == [
        "          standard output:",
        "            out",
        "          standard error:",
        "            err",
    ]
    kept = told[0].split()[2].replace("envrepro-", "envrepro/kept:", 1)
    assert told[last + 5] == f"enter     docker run --rm -it {kept} sh"
    assert kept in base.images("envrepro/kept:")


UNFIT = """
import pytest

@pytest.mark.environment("box")
def test_venv(throwaway_venv): pass

@pytest.mark.environment("plain", python="3.11")
def test_container(throwaway_container): pass
"""


def test_other_kind(boxes: Suite, base: Base) -> None:
    """A fixture for another kind than the declared one says which of both to change, and makes nothing."""
    boxes.write(UNFIT, f'{table(base.reference, ALPHA)}\n[tool.envrepro.environments.plain]\nkind = "virtualenv"\n')

    result = boxes.run()

    result.assert_outcomes(errors=2)
    fault = "the fixture '{}' gives a {}, and kind = \"{}\" is declared ({}): take '{}', or declare kind=\"{}\""
    place = "tool.envrepro.environments.{} in pyproject.toml"
    venv, container = ("throwaway_venv", "virtualenv"), ("throwaway_container", "container")
    assert lines(result, "the fixture") == [
        fault.format(*venv, container[1], place.format("box"), container[0], venv[1]),
        fault.format(*container, venv[1], place.format("plain"), venv[0], container[1]),
    ]
    assert lines(result, "envrepro: ") == []
    assert boxes.rows() == []
